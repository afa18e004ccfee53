from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
import toy
from torch import nn

from cloudchamber.models.heads import Categorical, Gaussian, Mixture, one_hot_draw
from cloudchamber.nn.mlp import MLP


@pytest.mark.parametrize("settings", [Gaussian(hidden=32, layers=1), Mixture(components=3, hidden=32, layers=1)])
def test_density_samples_and_mean(settings: Gaussian | Mixture) -> None:
    torch.manual_seed(0)
    model = settings.build(2, 1)
    toy.train(model, 400, 5e-3)
    toy.check_samples(model, 0.08)
    assert toy.integral(model) == pytest.approx(1, abs=2e-3)
    target, given = toy.draw(2000, seed=10**6)
    with torch.no_grad():
        distribution = model(given)
        assert (toy.log_prob(target, given) - distribution.log_prob(target)).mean() < 0.02
        assert (distribution.mean() - toy.mean_of(given)).abs().mean() < 0.04


def test_a_diagonal_gaussian_has_no_correlation() -> None:
    torch.manual_seed(0)
    model = Gaussian("diagonal", hidden=16).build(3, 1)
    assert torch.equal(model(torch.zeros(1, 1)).factor[0, 0].tril(-1), torch.zeros(3, 3))


def test_a_mixture_sampled_is_the_mixture_weighed() -> None:
    torch.manual_seed(0)
    model = Mixture(components=4, hidden=16).build(1, 1)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    given = torch.zeros(50_000, 1)
    with torch.no_grad():
        distribution = model(given)
        drawn = model.generate(torch.randn(50_000, model.noise_size), given)[:, 0]
        axis = torch.linspace(-40, 40, 20_001)
        density = model(torch.zeros(len(axis), 1)).log_prob(axis[:, None]).exp()
    cumulative = density.cumsum(0) * (axis[1] - axis[0])
    apart = (torch.searchsorted(drawn.sort()[0], axis) / 50_000 - cumulative).abs().max()
    # Kolmogorov-Smirnov at p = 1e-6 for 50,000 draws
    assert apart < 2.7 / 50_000**0.5
    assert float(drawn.mean()) == pytest.approx(float(distribution.mean()[0]), abs=0.1)


def test_a_classifier_is_calibrated() -> None:
    torch.manual_seed(0)
    model = Categorical(hidden=32, layers=1).build(2, 1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(200):
        given = torch.randn(256, 1)
        code = (torch.rand(256) < torch.sigmoid(2 * given[:, 0])).long()
        [(_, loss)] = model.losses(torch.nn.functional.one_hot(code, 2).float(), given)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    given = torch.tensor([[-1.0], [0.0], [1.0]])
    with torch.no_grad():
        probability = model(given).mean()
        torch.testing.assert_close(probability[:, 1], torch.sigmoid(2 * given[:, 0]), atol=0.06, rtol=0)
        torch.testing.assert_close(model(given).log_prob(torch.tensor([[0.0, 1.0]] * 3)), probability[:, 1].log())
        drawn = model.generate(torch.randn(20_000, 1), given[2:].expand(20_000, 1))
    assert torch.equal(drawn.sum(1), torch.ones(20_000))
    assert float(drawn[:, 1].mean()) == pytest.approx(float(probability[2, 1]), abs=0.02)


@dataclass(frozen=True)
class Doubled:
    """A body that repeats what it is given."""

    def build(self, given_size: int) -> nn.Module:
        body = nn.Linear(given_size, 2 * given_size, bias=False)
        body.size = 2 * given_size  # type: ignore[assignment]
        return body


def test_a_body_makes_the_features() -> None:
    model = Categorical(hidden=8, layers=0, body=Doubled()).build(3, 5)
    assert isinstance(model.net, nn.Linear) and model.net.in_features == 10
    assert sum(p.numel() for p in model.parameters()) == 5 * 10 + 10 * 3 + 3
    given = torch.randn(4, 5)
    torch.testing.assert_close(model(given).log_probability, model.net(model.body(given)).log_softmax(1))
    assert model(given).mean().shape == (4, 3)


def test_without_a_body_old_weights_fit() -> None:
    assert {key.split(".")[0] for key in Categorical(hidden=8).build(2, 3).state_dict()} == {"net"}
    assert isinstance(Categorical(hidden=8).build(2, 3).net, MLP)


def test_one_hot_draw_has_the_shares() -> None:
    torch.manual_seed(0)
    probability = torch.tensor([[0.1, 0.0, 0.6, 0.3]]).expand(40_000, 4)
    share = one_hot_draw(probability, torch.randn(40_000)).mean(0)
    torch.testing.assert_close(share, probability[0], atol=0.013, rtol=0)
    far = one_hot_draw(probability[:2], torch.tensor([-40.0, 40.0]))
    assert far.argmax(1).tolist() == [0, 3]


def test_bad_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 classes"):
        Categorical().build(1, 1)
    with pytest.raises(ValueError, match="components must be at least 1"):
        Mixture(components=0).build(1, 1)
    with pytest.raises(ValueError, match="one-hot classes"):
        Categorical().build(2, 1)(torch.zeros(1, 1)).log_prob(torch.tensor([[1.0, 1.0]]))
