"""The law of brightness against its own integrals, and draws against the law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from cloudchamber.physics.gamma.brightness import draw_counts, pieces, source_counts
from cloudchamber.rng import rng

LAWS = [(9.0, 18.0, -0.66), (20.0, 2.5, 1.5), (5.0, 4.0, 1.0), (2.0, 3.0, 2.0), (30.0, 10.0, 0.0)]


@pytest.mark.parametrize("law", LAWS)
def test_moments_are_integrals_of_the_density(law: tuple[float, float, float]) -> None:
    found = source_counts(*law, 0.1)
    pieces = [(0.1, law[0]), (law[0], np.inf)]
    assert sum(quad(found.density, *piece)[0] for piece in pieces) == pytest.approx(1, rel=1e-7)
    mean = sum(quad(lambda s: s * float(found.density(s)), *piece)[0] for piece in pieces)
    assert float(found.mean_counts) == pytest.approx(mean, rel=1e-6)
    for low in (0.05, 1.0, law[0], 3 * law[0]):
        above = sum(quad(lambda s: s * float(found.density(s)), max(low, a), b)[0] for a, b in pieces if b > low)
        assert float(found.share_of_counts(low)) == pytest.approx(above / mean, rel=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_draws_follow_the_law(law: tuple[float, float, float]) -> None:
    found = source_counts(*law, 0.1)
    grid = np.concatenate([np.geomspace(0.1, law[0], 2000), np.geomspace(law[0], 1e6 * law[0], 4000)[1:]])
    density = found.density(grid)
    below = np.concatenate([[0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(grid))])
    drawn = np.array([draw_counts(*law, pieces(*law, 0.1), *pair) for pair in rng(1, *map(str, law)).random((20_000, 2))])
    assert drawn.min() >= 0.1 * (1 - 1e-12)
    assert kstest(drawn, lambda s: np.interp(s, grid, below / below[-1])).pvalue > 1e-6


def test_ends_of_the_unit_interval_are_ends_of_the_law() -> None:
    assert draw_counts(5.0, 3.0, 1.0, pieces(5.0, 3.0, 1.0, 0.1), 0.999999, 0.0) == pytest.approx(0.1)
    assert draw_counts(5.0, 3.0, 1.5, pieces(5.0, 3.0, 1.5, 0.1), 0.999999, 1.0) == pytest.approx(5.0)
    assert draw_counts(5.0, 3.0, 1.5, pieces(5.0, 3.0, 1.5, 0.1), 0.0, 0.0) == 5.0


def test_laws_without_a_mean_are_refused() -> None:
    with pytest.raises(ValueError, match="above: 2 is not above 2"):
        source_counts(5.0, 2.0, 1.0)
    with pytest.raises(ValueError, match="least_counts: must lie between 0 and the break, got 6 for a break of 5"):
        source_counts(5.0, 3.0, 1.0, 6.0)
