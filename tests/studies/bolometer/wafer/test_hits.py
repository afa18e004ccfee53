"""Rates, marks and pulses of hits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import PLANCK, Detector, Family
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.observables import broken_power_law, power_law_index
from cloudchamber.studies.bolometer.wafer.hits import (
    Hits,
    delays_s,
    draw_arrivals,
    draw_hits,
    draw_power_law,
    draw_times,
    make_pulses,
    rates_per_s,
)

DETECTOR, RAYS = Detector(), CosmicRays()


def drawn(detector: Detector, family: str, n: int, seed: int = 1, phi_mv: float = 400.0) -> Hits:
    codes = np.full(n, FAMILIES.index(family))
    return draw_hits(detector, RAYS.tabulated(), np.full(n, phi_mv), np.full(n, 500.0), codes, rng(seed))


def test_rates_are_2_pi_i_a_and_fall_with_phi() -> None:
    rates = rates_per_s(DETECTOR, RAYS, np.array([250.0, 400.0, 700.0]))
    protons = rates_per_s(DETECTOR, CosmicRays(helium=False), np.array([250.0, 400.0, 700.0]))[0]
    np.testing.assert_allclose(protons, [271, 191, 114], rtol=0.005)
    assert np.all(np.diff(rates, axis=1) < 0) and np.all((rates[0] / protons > 1.08) & (rates[0] / protons < 1.15))
    # the area of an absorber is that of TOAST's 0.0015 direct hits a second
    assert rates[1, 1] / DETECTOR.bolometers == pytest.approx(0.0015, rel=0.05)


def test_times_are_a_poisson_process() -> None:
    from scipy.stats import kstest, poisson

    time, place = draw_times(np.array([190.0, 10.0]), 100.0, rng(2))
    assert 1e-6 < poisson.cdf(len(time), 20_000) < 1 - 1e-6
    assert np.all(np.diff(time) >= 0) and time.min() >= 0 and time.max() < 100
    assert kstest(np.diff(time) * 200, "expon").pvalue > 1e-6
    assert abs(place.mean() - 0.05) < 5 * np.sqrt(0.05 / 20_000)
    assert len(draw_times(np.zeros(2), 100.0, rng(2))[0]) == 0


def test_spectrum_averaged_deposits() -> None:
    """At 400 MV 5 % of the deposits in 500 um are below 150 keV, and a wafer of 300 um takes fewer."""
    hits = drawn(DETECTOR, "wafer", 50_000)
    assert np.quantile(hits.deposit_kev, 0.05) == pytest.approx(150, rel=0.05)
    codes = np.zeros(50_000, int)
    thin = draw_hits(DETECTOR, RAYS.tabulated(), np.full(50_000, 400.0), np.full(50_000, 300.0), codes, rng(1))
    assert np.median(thin.deposit_kev) / np.median(hits.deposit_kev) == pytest.approx(0.58, abs=0.03)
    assert np.all(hits.bolometer == -1) and np.abs(hits.x_mm).max() <= 50
    # places know nothing of left and right
    assert abs(np.mean(hits.x_mm > 0) - 0.5) < 5 * 0.5 / np.sqrt(50_000)


def test_pulses_fall_with_distance_and_scale_with_the_deposit() -> None:
    detector = replace(DETECTOR, scatter=0.0)
    hits = drawn(detector, "wafer", 300)
    pulses = make_pulses(detector, hits, rng(1))
    twice = make_pulses(detector, hits._replace(deposit_kev=2 * hits.deposit_kev), rng(1))
    np.testing.assert_allclose(twice.amplitude_w, 2 * pulses.amplitude_w)
    distance = np.hypot(hits.x_mm[:, None] - detector.wafer.places_mm[:, 0], hits.y_mm[:, None] - detector.wafer.places_mm[:, 1])
    for hit in range(0, 300, 30):
        order = np.argsort(distance[hit])
        assert np.all(np.diff(pulses.amplitude_w[hit, order].sum(axis=1)) <= 0)
    assert np.all(pulses.amplitude_w[:, :, 2] == 0)


def test_mirrored_hits_make_mirrored_pulses() -> None:
    detector = replace(DETECTOR, scatter=0.0)
    hits = drawn(detector, "wafer", 50)
    mirrored = make_pulses(detector, hits._replace(x_mm=-hits.x_mm, y_mm=-hits.y_mm), rng(1))
    pulses = make_pulses(detector, hits, rng(1))
    np.testing.assert_allclose(mirrored.amplitude_w[:, ::-1], pulses.amplitude_w, rtol=1e-12)
    np.testing.assert_allclose(mirrored.delay_s[:, ::-1], pulses.delay_s, rtol=1e-12)


def test_direct_hits_are_fast_and_large_where_they_are() -> None:
    hits = drawn(DETECTOR, "absorber", 400)
    pulses = make_pulses(DETECTOR, hits, rng(1))
    struck = hits.bolometer[:, None] == np.arange(12)
    height = pulses.amplitude_w.sum(axis=2)
    # TOAST's mock has 2e-15 W
    assert 5e-16 < np.median(height[struck]) < 1e-14
    assert np.all(height[struck] > 100 * height.max(axis=1, where=~struck, initial=0.0))
    assert np.all(pulses.amplitude_w[:, :, 2][~struck] == 0) and set(hits.bolometer) == set(range(12))
    assert np.all(delays_s(DETECTOR, hits)[struck] == 0)


def test_families_of_another_detector_are_refused() -> None:
    with pytest.raises(ValueError, match="family: 4 is none of this detector's: wafer, absorber"):
        drawn(DETECTOR, "slow", 3)


def test_scatter_is_each_bolometer_s_own() -> None:
    hits = drawn(DETECTOR, "wafer", 4000)
    ratio = np.log(make_pulses(DETECTOR, hits, rng(3)).amplitude_w[:, :, 1] / make_pulses(replace(DETECTOR, scatter=0.0), hits, rng(3)).amplitude_w[:, :, 1])
    assert ratio.std() == pytest.approx(0.05, rel=0.05)
    assert np.abs(np.corrcoef(ratio.T) - np.eye(12)).max() < 6 / np.sqrt(4000)


@pytest.mark.parametrize("family", PLANCK.families, ids=PLANCK.family_names)
def test_planck_s_counts_have_planck_s_slopes_and_break(family: Family) -> None:
    energy = drawn(PLANCK, family.name, 40_000).deposit_kev
    assert power_law_index(energy, 1.2 * max(family.break_kev, family.low_kev), family.high_kev)[0] == pytest.approx(family.index, abs=0.1)
    if family.break_kev:
        assert broken_power_law(energy, family.low_kev, family.high_kev)[0] == pytest.approx(140.0, rel=0.06)
    assert energy.min() >= family.low_kev and energy.max() <= family.high_kev


def test_a_power_law_of_slope_minus_1_is_flat_in_the_logarithm() -> None:
    from scipy.stats import kstest

    family = replace(PLANCK.families[1], index=1.0, low_kev=1.0, high_kev=100.0)
    assert kstest(np.log(draw_power_law(family, 5000, rng(4))) / np.log(100), "uniform").pvalue > 1e-6


def test_arrivals_are_of_the_wanted_families_from_the_start_on() -> None:
    found = draw_arrivals(DETECTOR, RAYS, 400.0, 500.0, -3.0, 5.0, ("wafer",), rng(5))
    assert np.all(found.hits.family == FAMILIES.index("wafer")) and -3 <= found.time_s[0] <= found.time_s[-1] < 2
    assert len(found.time_s) == len(found.pulses.delay_s) == len(found.hits.x_mm)
