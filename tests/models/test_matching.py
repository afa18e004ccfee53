from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
import toy
from torch import Tensor, nn

from cloudchamber.models.flow import Flow
from cloudchamber.models.matching import TIME_FEATURES, Matching, MatchingModel


@pytest.fixture(scope="module")
def model() -> MatchingModel:
    torch.manual_seed(0)
    model = Matching(hidden=48, layers=2, steps=8).build(2, 1)
    toy.train(model, 500, 4e-3)
    return model


def test_samples_are_right(model: MatchingModel) -> None:
    toy.check_samples(model, 0.1)


def test_the_density_is_that_of_the_truth_and_of_a_flow(model: MatchingModel) -> None:
    assert toy.integral(model) == pytest.approx(1, abs=0.01)
    target, given = toy.draw(1000, seed=10**6)
    truth = toy.log_prob(target, given)
    found = model(given).log_prob(target)
    assert (truth - found).mean() < 0.05
    torch.manual_seed(0)
    flow = Flow(transforms=3, bins=6, hidden=32, layers=1).build(2, 1)
    toy.train(flow, 250, 5e-3)
    with torch.no_grad():
        assert (flow(given).log_prob(target) - found).abs().median() < 0.1


def test_accuracy_is_chosen_at_sampling_time(model: MatchingModel) -> None:
    given, noise = torch.full((200, 1), 0.3), torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        exact = model.generate(noise, given, tolerance=1e-6)
        apart = [float((model.generate(noise, given, steps=steps, method="midpoint") - exact).abs().mean()) for steps in (2, 8, 32)]
        loose = float((model.generate(noise, given, tolerance=1e-2) - exact).abs().mean())
    assert apart[0] > 4 * apart[1] > 16 * apart[2]
    assert loose < 0.03
    with pytest.raises(ValueError, match="either a tolerance or steps"):
        model.generate(noise, given, tolerance=1e-3, steps=5)


def test_log_prob_converges_and_matches_the_adaptive_solver(model: MatchingModel) -> None:
    target, given = toy.draw(50, seed=3)
    distribution = model(given)
    torch.testing.assert_close(distribution.log_prob(target, steps=40, method="rk4"), distribution.log_prob(target, tolerance=1e-5), atol=1e-3, rtol=1e-3)


def test_validation_loss_draws_nothing(model: MatchingModel) -> None:
    target, given = toy.draw(100, seed=4)
    assert torch.equal(model.validation_loss(target, given), model.validation_loss(target, given))


class Shifted(nn.Module):
    """The target and the first of what is told."""

    def forward(self, target: Tensor, told: Tensor) -> Tensor:
        return target + told[:, :1]


@dataclass(frozen=True)
class Own:
    def build(self, target_size: int, given_size: int) -> nn.Module:
        return Shifted()


def test_a_network_of_a_study_s_own_is_told_of_given_and_time() -> None:
    model = Matching(network=Own()).build(2, 1)
    target, given, time = torch.randn(4, 2), torch.randn(4, 1), torch.rand(4)
    torch.testing.assert_close(model.velocity(time, target, given), target + given)
    told = []
    model.net.register_forward_hook(lambda module, inputs, output: told.append(inputs[1]))
    model.velocity(time, target, given)
    assert told[0].shape == (4, 1 + TIME_FEATURES) and torch.equal(told[0][:, 1], time)
