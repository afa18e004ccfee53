from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from cloudchamber.physics.exposure import (
    AUGER,
    MIN_VISIBLE,
    TA,
    directional_exposure,
    draw_exposed,
    draw_visible,
    exposure_at,
    exposure_at_sine,
    greatest_exposure,
    share_below,
    visible,
)
from cloudchamber.physics.sphere import equatorial_from_galactic, lon_lat_deg, pixel_centres, unit_vectors
from cloudchamber.rng import rng


def test_auger_sees_up_to_44_8_degrees() -> None:
    """Zenith angles up to 80 deg: declinations from -90 to +44.8 deg, 85 % of the sky (Astrophys. J. 935 (2022) 170)."""
    dec = np.array([-90, 0, 44.7, 44.9, 60, 90])
    seen = directional_exposure(dec, AUGER.latitude_deg, AUGER.max_zenith_deg)
    assert np.all(seen[:3] > 0) and np.all(seen[3:] == 0)
    assert (1 + np.sin(np.deg2rad(44.8))) / 2 == pytest.approx(0.85, abs=0.005)


def test_telescope_array_sees_from_minus_15_7_degrees() -> None:
    """Zenith angles up to 55 deg at 39.3 deg N: declinations above -15.7 deg (Astrophys. J. Lett. 790 (2014) L21)."""
    assert np.array_equal(directional_exposure([-15.8, -15.6, 90.0], TA.latitude_deg, TA.max_zenith_deg) > 0, [False, True, True])


@pytest.mark.parametrize(("latitude", "zenith"), [(-35.2, 80.0), (39.3, 55.0), (0.0, 60.0), (90.0, 30.0)])
def test_mean_over_the_sphere_is_one(latitude: float, zenith: float) -> None:
    sin_dec = np.linspace(-1, 1, 200_001)
    assert integrate.trapezoid(directional_exposure(np.rad2deg(np.arcsin(sin_dec)), latitude, zenith), sin_dec) / 2 == pytest.approx(1, abs=1e-4)


def test_formula_agrees_with_a_rotating_earth() -> None:
    """Directions drawn in the array's sky ~ cos(zenith), at random sidereal times: their declinations follow the formula."""
    random = rng(3)
    n, latitude = 40_000, np.deg2rad(AUGER.latitude_deg)
    sin_zenith = np.sqrt(random.random(n)) * np.sin(np.deg2rad(AUGER.max_zenith_deg))
    azimuth = random.uniform(0, 2 * np.pi, n)
    sin_dec = np.sin(latitude) * np.sqrt(1 - sin_zenith**2) + np.cos(latitude) * sin_zenith * np.cos(azimuth)
    nodes = np.linspace(-1, 1, 5001)
    cumulative = integrate.cumulative_trapezoid(exposure_at_sine(nodes, "auger"), nodes, initial=0)
    assert stats.kstest(sin_dec, lambda s: np.interp(s, nodes, cumulative / cumulative[-1])).pvalue > 1e-6


@pytest.mark.parametrize("exposure", ["uniform", "auger", "ta", "both"])
def test_draws_follow_the_exposure(exposure: str) -> None:
    centres = pixel_centres(2)
    drawn = draw_exposed(20_000, exposure, rng(4))
    counts = np.bincount(np.argmax(drawn @ centres.T, axis=1), minlength=48)
    # nearest centres are not the pixels themselves: compare the same cells of a fine grid
    cell = np.argmax(pixel_centres(64) @ centres.T, axis=1)
    expected = np.bincount(cell, weights=exposure_at(pixel_centres(64), exposure), minlength=48)
    seen = expected > 0
    assert counts[~seen].sum() == 0
    assert stats.chisquare(counts[seen], expected[seen] / expected.sum() * len(drawn)).pvalue > 1e-6
    assert exposure_at(drawn, exposure).max() <= greatest_exposure(exposure)


def test_galactic_vectors_have_the_exposure_of_their_declination() -> None:
    lon, lat = rng(5).uniform(-180, 180, 50), rng(6).uniform(-90, 90, 50)
    _, dec = equatorial_from_galactic(lon, lat)
    assert np.allclose(exposure_at(unit_vectors(lon, lat), "ta"), directional_exposure(dec, TA.latitude_deg, TA.max_zenith_deg), atol=1e-9)


def test_both_is_the_weighted_sum() -> None:
    sin_dec = np.linspace(-1, 1, 11)
    weight = AUGER.km2_sr_yr / (AUGER.km2_sr_yr + TA.km2_sr_yr)
    assert np.allclose(exposure_at_sine(sin_dec, "both"), weight * exposure_at_sine(sin_dec, "auger") + (1 - weight) * exposure_at_sine(sin_dec, "ta"))
    assert exposure_at_sine(sin_dec, "both").min() > 0


def test_visible_directions_are_uniform_where_something_is_seen() -> None:
    drawn = draw_visible(5000, "auger", rng(7))
    assert visible(drawn, "auger").all() and exposure_at(drawn, "auger").min() >= MIN_VISIBLE
    sin_dec = np.sin(np.deg2rad(equatorial_from_galactic(*lon_lat_deg(drawn))[1]))
    nodes = np.linspace(-1, 1, 10_001)
    highest = nodes[exposure_at_sine(nodes, "auger") >= MIN_VISIBLE].max()
    assert stats.kstest(sin_dec, stats.uniform(-1, highest + 1).cdf).pvalue > 1e-6


def test_refusals() -> None:
    with pytest.raises(ValueError, match="latitude_deg"):
        directional_exposure(0.0, 95.0, 60.0)
    with pytest.raises(ValueError, match="max_zenith_deg"):
        directional_exposure(0.0, 0.0, 100.0)
    with pytest.raises(ValueError, match="dec_deg"):
        directional_exposure([0.0, 100.0], 0.0, 60.0)
    with pytest.raises(ValueError, match="unknown exposure 'icecube'"):
        draw_exposed(1, "icecube", rng(1))


@pytest.mark.parametrize("exposure", ["uniform", "auger", "both"])
def test_declinations_of_an_isotropic_flux_fill_the_shares_evenly(exposure: str) -> None:
    vectors = draw_exposed(4000, exposure, rng(3))
    _, dec = equatorial_from_galactic(*lon_lat_deg(vectors))
    assert stats.kstest(share_below(np.sin(np.deg2rad(dec)), exposure), "uniform").pvalue > 1e-6
