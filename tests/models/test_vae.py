from __future__ import annotations

from typing import Literal

import pytest
import torch
import toy

from cloudchamber.models.vae import Vae, log_norm, mean_of


@pytest.mark.parametrize("variance", ["shared", "event"])
def test_samples_are_right_and_the_bound_is_below_the_density(variance: Literal["shared", "event"]) -> None:
    torch.manual_seed(0)
    model = Vae(latent=2, hidden=48, layers=1, variance=variance).build(2, 1)
    toy.train(model, 800, 6e-3)
    toy.check_samples(model, 0.12)
    target, given = toy.draw(4000, seed=10**6)
    with torch.no_grad():
        gap = float(model.validation_loss(target, given) + toy.log_prob(target, given).mean())
    # the bound can never beat the truth; the fixed noise of 4000 events leaves it some 0.01
    assert -0.02 < gap < 0.1
    with pytest.raises(ValueError, match="VaeDistribution has no density"):
        model(given).log_prob(target)


def test_beta_weighs_the_divergence_in_training_only() -> None:
    target, given = toy.draw(64, seed=0)
    losses = []
    for beta in (0.0, 1.0, 3.0):
        torch.manual_seed(0)
        model = Vae(latent=2, hidden=16, beta=beta).build(2, 1)
        torch.manual_seed(1)
        [(part, loss)] = model.losses(target, given)
        assert part is model
        losses.append((loss.item(), model.validation_loss(target, given).item()))
    assert losses[2][0] - losses[0][0] == pytest.approx(3 * (losses[1][0] - losses[0][0]), rel=1e-4)
    assert losses[0][1] == losses[1][1] == losses[2][1]


@pytest.mark.parametrize("logit", [-8.0, -0.3, -0.049, 0.0, 0.051, 2.0])
def test_the_continuous_bernoulli_distribution_has_norm_and_mean(logit: float) -> None:
    x = torch.linspace(0, 1, 20_001, dtype=torch.float64)
    one = torch.tensor(logit, dtype=torch.float64)
    log_density = -torch.nn.functional.binary_cross_entropy_with_logits(one.expand_as(x), x, reduction="none") + log_norm(one)
    assert torch.trapezoid(log_density.exp(), x).item() == pytest.approx(1, abs=1e-5)
    assert torch.trapezoid(x * log_density.exp(), x).item() == pytest.approx(mean_of(one).item(), abs=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous_bernoulli"])
def test_numbers_from_0_to_1_are_learned_by_their_mean(likelihood: Literal["bernoulli", "continuous_bernoulli"]) -> None:
    torch.manual_seed(0)
    model = Vae(latent=1, likelihood=likelihood, hidden=16, layers=1).build(16, 1)
    assert model.noise_size == 1
    target, given = torch.rand(256, 1).expand(-1, 16).contiguous(), torch.zeros(256, 1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(300):
        [(part, loss)] = model.losses(target, given)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        drawn = model.generate(torch.randn(2000, 1), torch.zeros(2000, 1))
    assert part is model and float(drawn.min()) >= 0 and float(drawn.max()) <= 1
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.06) and 0.12 < drawn.mean(1).std().item() < 0.36
    with pytest.raises(ValueError, match=f"'{likelihood}' takes numbers between 0 and 1"):
        model.validation_loss(2 * target, given)
    with pytest.raises(ValueError, match=f"variance 'event' belongs to the Gaussian likelihood, not to {likelihood}"):
        Vae(likelihood=likelihood, variance="event").build(2, 1)
