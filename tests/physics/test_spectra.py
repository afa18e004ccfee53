from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from cloudchamber.physics.spectra import AUGER_2020, BrokenPowerLaw
from cloudchamber.rng import rng


def test_auger_event_counts() -> None:
    """Events per 0.1 in lg(E/eV) from 10^19.5 on: Phys. Rev. D 102 (2020) 062005, figure 7; 215,030 events in all."""
    counts = np.array([624, 372, 156, 83, 24, 9, 6])
    edges = 10 ** np.linspace(19.5, 20.2, 8)
    expected = np.array([integrate.quad(AUGER_2020.density, a, b, args=(edges[0], edges[-1]))[0] for a, b in pairwise(edges)])
    assert stats.chisquare(counts, expected / expected.sum() * counts.sum()).pvalue > 1e-2


def test_indices_between_the_breaks() -> None:
    for energy, index in ((2.6e18, 3.29), (8e18, 2.51), (2.5e19, 3.05), (1.5e20, 5.1)):
        slope = np.diff(np.log(AUGER_2020.flux(energy * np.array([0.99, 1.01])))) / np.log(1.01 / 0.99)
        assert slope[0] == pytest.approx(-index, abs=0.02)


def test_density_is_normalised_and_bounded() -> None:
    assert integrate.quad(AUGER_2020.density, 4e19, 2e20, args=(4e19, 2e20))[0] == pytest.approx(1, abs=1e-6)
    assert np.all(AUGER_2020.density([3.9e19, 2.1e20], 4e19, 2e20) == 0)


def test_sample_follows_the_density() -> None:
    energies = AUGER_2020.sample(20_000, 4e19, 2e20, rng(1))
    grid = np.linspace(4e19, 2e20, 20_001)
    cumulative = integrate.cumulative_trapezoid(AUGER_2020.density(grid, 4e19, 2e20), grid, initial=0)
    assert stats.kstest(energies, lambda e: np.interp(e, grid, cumulative)).pvalue > 1e-6


def test_single_power_law_is_exact() -> None:
    law = BrokenPowerLaw((), (3.0,))
    assert law.quantiles(0.5, 1e19, 1e21) == pytest.approx((0.5 * (1e19**-2 + 1e21**-2)) ** -0.5, rel=1e-5)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="2 breaks need 3 indices"):
        BrokenPowerLaw((1e18, 1e19), (3.0, 2.0))
    with pytest.raises(ValueError, match="must be positive and rise"):
        BrokenPowerLaw((1e19, 1e18), (3.0, 2.0, 4.0))
    with pytest.raises(ValueError, match="width"):
        BrokenPowerLaw((1e18,), (3.0, 2.0), width=0.0)
    with pytest.raises(ValueError, match="emin_ev < emax_ev"):
        AUGER_2020.sample(1, 2e20, 1e20, rng(1))
