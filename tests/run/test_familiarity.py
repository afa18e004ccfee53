"""Familiarity: uniform for events like the training's, small for others."""

import pytest
import torch
from scipy.stats import kstest

from cloudchamber.run.familiarity import EVENTS_A_FEATURE, Familiarity

SIZE = 6


def features(events: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    """Correlated, skewed features; ``shift`` moves one direction by so many of its standard deviations."""
    generator = torch.Generator().manual_seed(seed)
    plain = torch.randn(events, SIZE, generator=generator).exp()
    mixing = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(99))
    plain[:, 0] += shift * 2.16
    return plain @ mixing


def learned() -> Familiarity:
    found = Familiarity.of(features(20_000, 1))
    assert found is not None
    return found


def test_it_is_uniform_for_events_like_the_held_out_ones() -> None:
    assert kstest(learned()(features(4000, 2)).numpy(), "uniform").pvalue > 1e-6


def test_strange_events_are_less_familiar_and_the_strangest_not_at_all() -> None:
    found = learned()
    near, far = found(features(2000, 3, shift=5.0)), found(features(2000, 3, shift=100.0))
    assert near.mean() < 0.2
    assert (far == 0).all()


def test_features_may_be_in_any_units() -> None:
    scale = torch.logspace(-2, 3, SIZE)
    other = Familiarity.of(features(20_000, 1) * 1000)
    assert other is not None
    assert torch.allclose(other(features(500, 2) * 1000), learned()(features(500, 2)), atol=2e-3)
    assert Familiarity.of(features(20_000, 1) * scale) is not None


def test_too_few_events_tell_nothing() -> None:
    assert Familiarity.of(features(EVENTS_A_FEATURE * SIZE - 1, 1)) is None
    assert Familiarity.of(features(EVENTS_A_FEATURE * SIZE, 1)) is not None


@pytest.mark.parametrize("events", [1, 7])
def test_a_feature_that_never_varies_harms_nothing(events: int) -> None:
    constant = torch.cat((features(2000, 1), torch.zeros(2000, 1)), 1)
    found = Familiarity.of(constant)
    assert found is not None
    assert torch.isfinite(found(constant[:events])).all()
