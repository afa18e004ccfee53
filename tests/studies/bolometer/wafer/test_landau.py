"""Landau's distribution against its published numbers, and deposits against Bethe's mean."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.flux.spectra import NUCLEONS
from cloudchamber.studies.bolometer.wafer.landau import MODE, cut_of_mean, draw_deposits_kev, draw_landau, upper_tail
from cloudchamber.studies.bolometer.wafer.stopping import DENSITY_G_CM3, mean_loss_mev_cm2_g


def test_the_tail_has_the_known_median_mode_and_width() -> None:
    """K. Koelbig, B. Schorr, Comput. Phys. Commun. 31 (1984) 97: median 1.3558, largest density 0.18066 at -0.22278, half of it 4.018 apart."""
    assert upper_tail(np.array(1.3557804))[0] == pytest.approx(0.5, abs=1e-6)
    at = np.linspace(-4, 6, 4001)
    density = -np.gradient(upper_tail(at), at)
    assert at[np.argmax(density)] == pytest.approx(MODE, abs=0.003) and density.max() == pytest.approx(0.18066, abs=1e-5)
    assert np.ptp(at[density > density.max() / 2]) == pytest.approx(4.018, abs=0.01)
    assert 1e6 * upper_tail(np.array(1e6))[0] == pytest.approx(1.0, rel=1e-4)


def test_draws_follow_it_up_to_the_cut() -> None:
    from scipy.stats import kstest

    drawn = draw_landau(np.full(20_000, 8.0), rng(1))
    below = 1 - upper_tail(np.array(8.0))[0]
    grid = np.linspace(-4, 8, 3001)
    known = np.interp(drawn, grid, 1 - upper_tail(grid)) / below
    assert drawn.max() <= 8 and kstest(known, "uniform").pvalue > 1e-6


@pytest.mark.parametrize("mean", [-1.0, 0.0, 1.0, 3.0])
def test_the_cut_gives_the_mean(mean: float) -> None:
    drawn = draw_landau(np.full(200_000, float(cut_of_mean(np.array(mean)))), rng(2))
    assert abs(drawn.mean() - mean) < 5 * drawn.std() / np.sqrt(len(drawn)) + 0.005


@pytest.mark.parametrize("energy_mev", [60.0, 300.0, 3000.0])
def test_the_mean_deposit_is_bethe_s(energy_mev: float) -> None:
    n = 200_000
    deposit = draw_deposits_kev(np.full(n, energy_mev), np.full(n, 500.0), np.zeros(n, int), rng(3))
    expected = 1e3 * mean_loss_mev_cm2_g(np.array(energy_mev)) * DENSITY_G_CM3 * 0.05
    assert abs(deposit.mean() - expected) < 5 * deposit.std() / np.sqrt(n) + 0.005 * expected


def test_the_most_probable_deposit_is_where_most_deposits_are() -> None:
    """78.5 keV in 300 um; the interval of one width about it holds more than any other's."""
    n = 400_000
    deposit = draw_deposits_kev(np.full(n, 2500.0), np.full(n, 300.0), np.zeros(n, int), rng(4))
    counts, edges = np.histogram(deposit, np.arange(60.0, 100.0, 0.5))
    smooth = np.convolve(counts, np.ones(9) / 9, "same")
    assert 0.5 * (edges[1:] + edges[:-1])[np.argmax(smooth)] == pytest.approx(78.5, rel=0.02)


def test_nothing_leaves_more_than_it_has() -> None:
    species = np.repeat([0, 1], 5000)
    deposit = draw_deposits_kev(np.full(10_000, 40.0), np.full(10_000, 3e4), species, rng(5))
    assert np.all(deposit <= 4.0e4 * np.array(NUCLEONS)[species]) and np.median(deposit[species == 0]) == 4e4 and deposit.min() > 0
