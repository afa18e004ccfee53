from __future__ import annotations

from collections.abc import Iterator
from math import nan

import pytest
import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.watch import EffectiveDegrees


class Drawn(ConditionalModel, Distribution):
    """Draws its noise through a matrix."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix
        self.target_size, self.given_size, self.noise_size = matrix.shape[1], 1, matrix.shape[0]

    def forward(self, given: Tensor) -> Distribution:
        return self

    def sample(self, noise: Tensor) -> Tensor:
        return noise @ self.matrix

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        raise NotImplementedError


GIVEN = torch.zeros(400, 1)
TRUTH = torch.randn(400, 64, generator=torch.Generator().manual_seed(1))
TRUTH = TRUTH - TRUTH.mean(0)


def spread(numbers: int) -> Tensor:
    """64 numbers of which so many vary."""
    return torch.diag(torch.where(torch.arange(64) < numbers, 1.0, 0.0))


@pytest.mark.parametrize("numbers", [64, 16, 2])
def test_degrees_of_freedom_are_the_numbers_that_vary(numbers: int) -> None:
    # the mean squared cosine in n dimensions is 1 / n; of 80,000 pairs that is known to a per cent
    assert EffectiveDegrees().figure(Drawn(spread(numbers)), TRUTH, GIVEN) == pytest.approx(numbers / 64, rel=0.05)


def test_one_event_again_and_again_has_one_and_too_wide_a_spread_more() -> None:
    always = Drawn(torch.zeros(1, 64))
    always.sample = lambda noise: torch.ones(len(noise), 64)  # type: ignore[method-assign]
    assert EffectiveDegrees().figure(always, TRUTH, GIVEN) == pytest.approx(1 / 64, rel=0.02)
    narrow = TRUTH @ spread(8)
    assert EffectiveDegrees().figure(Drawn(spread(64)), narrow, GIVEN) == pytest.approx(8, rel=0.05)


def test_nothing_drawn_but_the_mean_is_one_event_too() -> None:
    always = Drawn(torch.zeros(1, 64))
    always.sample = lambda noise: 0 * noise @ torch.zeros(1, 64)  # type: ignore[method-assign]
    assert EffectiveDegrees().figure(always, TRUTH, GIVEN) == pytest.approx(1 / 64, rel=0.05)


def test_one_held_out_event_tells_nothing() -> None:
    with pytest.raises(ValueError, match="two held-out events at least, got 1: train with more"):
        EffectiveDegrees().figure(Drawn(spread(64)), TRUTH[:1], GIVEN[:1])


def test_channels_are_looked_at_one_by_one() -> None:
    twice, once = torch.cat((TRUTH, TRUTH), 1), Drawn(torch.cat((torch.eye(64), torch.eye(64)), 1))
    assert EffectiveDegrees(channels=2).figure(once, twice, GIVEN) == pytest.approx(1, rel=0.05)
    apart = Drawn(torch.eye(128))
    assert EffectiveDegrees(channels=2).figure(apart, twice, GIVEN) == pytest.approx(1, rel=0.05)
    assert EffectiveDegrees().figure(apart, twice, GIVEN) == pytest.approx(2, rel=0.05)


def test_few_epochs_below_the_least_are_no_reason_to_stop() -> None:
    watch = EffectiveDegrees(least=0.1, patience=3)
    assert watch.advice([]) == watch.advice([0.01, 0.02]) == watch.advice([0.01, 0.02, 0.2]) == watch.advice([0.01, 0.1, 0.01]) == ""
    told = watch.advice([0.9, 0.05, 0.02, 0.031])
    assert "0.031" in told and "below 0.1 for 3 epochs" in told and "learning rates" in told
    assert watch.advice([0.9, nan]).startswith("what it draws is not finite any more. Try lower")
