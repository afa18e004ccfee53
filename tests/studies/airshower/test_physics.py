"""Published numbers of air showers, at 60 degrees where profiles are contained. Limits leave five standard errors beside the packaged table's own bias."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cloudchamber.physics.gumbel import gumbel_mean, gumbel_variance
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import MASS_NUMBER
from cloudchamber.studies.airshower.hybrid.simulator import Hybrid

SHOWERS = {"p": 250, "He": 120, "N": 100, "Si": 100, "Fe": 120, "photon": 120}
TABLE_G_CM2 = 15.0
"""What the packaged table, with few interactions an energy, may add to a mean depth."""


@cache
def showers(primary: str, lg_energy_ev: float, threshold: float | None = None) -> Table:
    n = SHOWERS[primary]
    theta = {"primary": np.full(n, primary), "lg_energy_ev": np.full(n, lg_energy_ev), "zenith_deg": np.full(n, 60.0), "azimuth_deg": np.zeros(n)}
    simulator = Hybrid(tables="packaged") if threshold is None else Hybrid(tables="packaged", threshold=threshold)
    return simulator.simulate(theta, rng(1, primary, round(10 * lg_energy_ev), "default" if threshold is None else "coarse"))


def mean(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error."""
    return float(np.mean(values, dtype=float)), float(np.std(values, dtype=float) / np.sqrt(len(values)))


def muons(x: Table) -> tuple[float, float]:
    """Their number at 1000 g/cm2."""
    return mean(x["n_muon"][:, 100])


@pytest.mark.parametrize("primary", ["p", "He", "N", "Fe"])
def test_mean_xmax_is_that_of_sibyll(primary):
    # De Domenico et al., JCAP 07 (2013) 050, with the parameters of Sibyll 2.3d
    found, error = mean(showers(primary, 18.0)["xmax_g_cm2"])
    assert abs(found - float(gumbel_mean(np.log(MASS_NUMBER[primary]), 18.0))) < TABLE_G_CM2 + 5.0 * error


@pytest.mark.parametrize(("primary", "limit"), [("p", 12.0), ("Fe", 8.0)])
def test_spread_of_xmax_is_that_of_sibyll(primary, limit):
    spread = np.std(showers(primary, 18.0)["xmax_g_cm2"], dtype=float)
    # the error of a standard deviation, for tails up to those of an exponential
    error = spread * np.sqrt(2.0 / SHOWERS[primary])
    assert abs(spread - np.sqrt(float(gumbel_variance(np.log(MASS_NUMBER[primary]), 18.0)))) < limit + 5.0 * error


def test_elongation_rate_of_protons():
    (low, low_error), (high, high_error) = (mean(showers("p", lg)["xmax_g_cm2"]) for lg in (17.0, 19.0))
    error = 0.5 * np.hypot(low_error, high_error)
    assert 50.0 - 5.0 * error < 0.5 * (high - low) < 65.0 + 5.0 * error


def test_heavier_is_shallower_and_steadier():
    depths = [showers(primary, 18.0)["xmax_g_cm2"] for primary in ("p", "He", "N", "Si", "Fe")]
    assert np.all(np.diff([values.mean() for values in depths]) < 0)
    assert np.std(depths[0]) > 2.0 * np.std(depths[-1])


def test_photons_are_deep():
    found, error = mean(showers("photon", 18.0)["xmax_g_cm2"])
    proton, _ = mean(showers("p", 18.0)["xmax_g_cm2"])
    assert found - proton > 60.0
    # a purely electromagnetic shower: X0 (ln(E/E_c) + 1/2) = 36.62 (23.16 + 0.5) g/cm2
    assert found == pytest.approx(866.0, abs=25.0 + 5.0 * error)


def test_iron_makes_more_muons_than_protons():
    (iron, iron_error), (proton, proton_error) = muons(showers("Fe", 18.0)), muons(showers("p", 18.0))
    ratio = iron / proton
    error = ratio * np.hypot(iron_error / iron, proton_error / proton)
    assert 1.2 - 5.0 * error < ratio < 1.5 + 5.0 * error


def test_photons_are_muon_poor():
    (photon, photon_error), (proton, proton_error) = muons(showers("photon", 18.0)), muons(showers("p", 18.0))
    ratio = photon / proton
    error = ratio * np.hypot(photon_error / photon, proton_error / proton)
    assert 0.05 - 5.0 * error < ratio < 0.25 + 5.0 * error


def test_muons_grow_slower_than_energy():
    (low, low_error), (high, high_error) = muons(showers("p", 17.0)), muons(showers("p", 19.0))
    power = 0.5 * np.log10(high / low)
    error = 0.5 / np.log(10.0) * np.hypot(low_error / low, high_error / high)
    # N_mu ~ E^0.92 in current models
    assert abs(power - 0.92) < 0.03 + 5.0 * error


@pytest.mark.parametrize("primary", ["p", "Fe"])
def test_energy_deposit_at_the_maximum(primary):
    height, error = mean(showers(primary, 18.0)["energy_deposit_gev_per_g_cm2"].max(axis=1) / 1e9)
    assert 1.4e-3 - 5.0 * error < height < 1.65e-3 + 5.0 * error


@pytest.mark.parametrize(("primary", "low", "high"), [("p", 0.05, 0.20), ("Fe", 0.08, 0.22), ("photon", 0.0, 0.03)])
def test_invisible_energy(primary, low, high):
    # neutrinos and the muons that reach the ground: about 12 % for protons and 16 % for iron at 1e18 eV
    x = showers(primary, 18.0)
    missing, error = mean((x["invisible_energy_gev"] + x["ground_energy_gev"]) / 1e9)
    assert low - 5.0 * error <= missing < high + 5.0 * error


@pytest.mark.parametrize(("primary", "lg_energy_ev"), [("p", 17.0), ("p", 18.0), ("p", 19.0), ("Fe", 18.0), ("photon", 18.0)])
def test_energy_closes(primary, lg_energy_ev):
    x = showers(primary, lg_energy_ev)
    total, error = mean((x["calorimetric_energy_gev"] + x["ground_energy_gev"] + x["invisible_energy_gev"]) / 10.0 ** (lg_energy_ev - 9.0))
    assert abs(total - 1.0) < 0.01 + 5.0 * error


def test_the_threshold_does_not_matter():
    # Monte Carlo down to 0.005 of the energy or mean cascades from 0.03 on: the same depths and muons
    fine, coarse = showers("Fe", 18.0), showers("Fe", 18.0, 0.03)
    (one, one_error), (two, two_error) = mean(fine["xmax_g_cm2"]), mean(coarse["xmax_g_cm2"])
    assert abs(one - two) < 2.0 + 5.0 * np.hypot(one_error, two_error)
    (one, one_error), (two, two_error) = muons(fine), muons(coarse)
    assert abs(one - two) < 0.02 * one + 5.0 * np.hypot(one_error, two_error)


def test_first_interaction_is_a_free_path_deep():
    # Sibyll's proton-air cross-section at 1e18 eV is near 530 mb: 45 g/cm2
    depths = showers("p", 18.0)["first_interaction_g_cm2"]
    found, error = mean(depths)
    assert found == pytest.approx(45.0, abs=4.0 + 5.0 * error)
    assert np.std(depths) == pytest.approx(found, rel=0.35)
    iron, _ = mean(showers("Fe", 18.0)["first_interaction_g_cm2"])
    assert iron < 0.4 * found


@pytest.mark.slow
def test_mean_xmax_with_more_showers():
    theta = {"primary": np.full(3000, "p"), "lg_energy_ev": np.full(3000, 18.0), "zenith_deg": np.full(3000, 60.0), "azimuth_deg": np.zeros(3000)}
    x = Hybrid(tables="packaged").simulate(theta, rng(2))
    assert mean(x["xmax_g_cm2"])[0] == pytest.approx(float(gumbel_mean(0.0, 18.0)), abs=TABLE_G_CM2)
