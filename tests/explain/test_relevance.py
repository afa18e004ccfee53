from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cloudchamber.explain.relevance import layer_relevances, relevance


def one(values: Tensor) -> Tensor:
    return values[:, 0]


def inputs(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def network(*layers: nn.Module) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(*layers).double().eval()


def without_bias(layers: nn.Module) -> nn.Module:
    for name, parameter in layers.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
    return layers


class MeanAndSpread(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        centred = values - values.mean(1, keepdim=True)
        return torch.cat((values.mean(1), centred.square().mean(1).sqrt()), 1)


class Attention(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        weights = (values @ values.transpose(1, 2)).softmax(-1)
        return (weights @ values).logsumexp(1)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU(0.1), nn.ELU(), nn.SiLU(), nn.GELU(), nn.Tanh()], ids=lambda module: type(module).__name__)
def test_without_constants_every_layer_conserves_the_output(activation: nn.Module) -> None:
    net = without_bias(network(nn.Linear(7, 20), activation, nn.Linear(20, 20), activation, nn.Linear(20, 2)))
    for found in layer_relevances(net, inputs(30, 7), one).values():
        assert found.absorbed.abs().max() <= 1e-12 * found.output.abs().max()


def test_statistical_pooling_conserves() -> None:
    net = without_bias(network(nn.Linear(4, 16), nn.LeakyReLU(), MeanAndSpread(), nn.Linear(32, 2)))
    found = relevance(net, inputs(10, 50, 4), one)
    assert found.values.shape == (10, 50, 4)
    assert torch.allclose(found.values.sum((1, 2)), found.output, rtol=0, atol=1e-12)


def test_relevance_of_a_linear_map_is_its_contributions_and_the_bias_is_absorbed() -> None:
    net = network(nn.Linear(5, 1))
    x = inputs(8, 5)
    found = relevance(net, x, one)
    assert torch.allclose(found.values, x * net[0].weight)
    assert torch.allclose(found.absorbed, net[0].bias.expand(8))


def test_relu_network_equals_the_rule_applied_by_hand() -> None:
    net, x, epsilon = network(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 1)), inputs(12, 6), 0.02
    before = x @ net[0].weight.T + net[0].bias
    hidden = before.relu()
    out = hidden @ net[2].weight.T + net[2].bias

    def stable(z: Tensor) -> Tensor:
        return z + epsilon * torch.where(z < 0, -1.0, 1.0)

    upper = hidden * net[2].weight * (out / stable(out))
    lower = x * ((upper / stable(before)) @ net[0].weight)
    assert torch.allclose(relevance(net, x, one, epsilon).values, lower, atol=1e-12)


def test_values_and_gradients_of_the_network_stay_as_they_are() -> None:
    net, x = network(nn.Linear(6, 9), nn.Softplus(), nn.BatchNorm1d(9), nn.Linear(9, 2)), inputs(12, 6)
    found = relevance(net, x, one, 1e-3)
    assert torch.allclose(found.output, net(x)[:, 0])
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_batch_norm_absorbs_its_shift() -> None:
    net = network(nn.Linear(6, 9, bias=False), nn.BatchNorm1d(9), nn.Linear(9, 1, bias=False))
    net.train()(inputs(200, 6, seed=5) + 1.0)
    net.eval()
    found = layer_relevances(net, inputs(4, 6), one)
    norm, scale = net[1], net[1].weight / (net[1].running_var + net[1].eps).sqrt()
    shift = (norm.bias - norm.running_mean * scale) @ net[2].weight[0]
    assert found["1"].absorbed.abs().max() < 1e-12
    assert torch.allclose(found["0"].absorbed, shift.expand(4)) and torch.allclose(found[""].absorbed, shift.expand(4))


def test_layer_norm_holds_its_spread_and_absorbs_its_bias() -> None:
    net, x = network(nn.Linear(6, 9, bias=False), nn.LayerNorm(9), nn.Linear(9, 1, bias=False)), inputs(12, 6)
    nn.init.normal_(net[1].bias)
    found = layer_relevances(net, x, one)
    assert torch.allclose(found[""].output, net(x)[:, 0])
    assert found["1"].absorbed.abs().max() < 1e-12
    assert torch.allclose(found[""].absorbed, (net[2].weight[0] @ net[1].bias).expand(12))


def test_products_attention_and_logsumexp_keep_their_sums() -> None:
    x = inputs(5, 11, 3)
    found = relevance(lambda values: (values[..., 0] * values[..., 1]).sum(1, keepdim=True), x, one)
    assert torch.allclose(found.values.sum((1, 2)), found.output)
    assert torch.allclose(found.values[..., 0], found.values[..., 1]) and (found.values[..., 2] == 0).all()
    pooled = relevance(Attention(), x, one)
    weights = pooled.output - pooled.absorbed
    assert torch.allclose(pooled.values.sum((1, 2)), weights) and bool((pooled.absorbed > 0).all())


def test_a_module_called_twice_is_left_out() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.once, self.twice = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, values: Tensor) -> Tensor:
            return self.twice(self.twice(self.once(values)))

    assert set(layer_relevances(Twice().double().eval(), inputs(4, 3), one)) == {"", "once"}


def test_bad_questions_are_refused() -> None:
    net = network(nn.Linear(3, 2))
    with pytest.raises(ValueError, match="one number an event"):
        relevance(net, inputs(4, 3), lambda values: values)
    with pytest.raises(ValueError, match="epsilon"):
        relevance(net, inputs(4, 3), one, -1.0)
    with pytest.raises(ValueError, match="no layer 'x'"):
        layer_relevances(net, inputs(4, 3), one, layers=["x"])
    with pytest.raises(ValueError, match="no relevance rule"):
        relevance(nn.Sequential(nn.GroupNorm(1, 3)).double(), inputs(4, 3), one)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 2.0 / x,
        lambda x: torch.div(torch.ones_like(x), x),
        torch.reciprocal,
        lambda x: x.prod(1, keepdim=True),
        lambda x: torch.maximum(x, 2 * x),
        lambda x: torch.minimum(x, 2 * x),
        lambda x: torch.max(x, 2 * x),
    ],
)
def test_operations_without_a_rule_are_refused(function) -> None:
    with pytest.raises(ValueError, match="no relevance rule for"):
        relevance(function, torch.rand(4, 3) + 1, lambda y: y[:, 0])
