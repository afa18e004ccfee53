from __future__ import annotations

from typing import Literal

import pytest
import torch
import toy

from cloudchamber.models.vae import Vae


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
