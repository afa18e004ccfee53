from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from cloudchamber.geometry import Healpix
from cloudchamber.physics.gamma.face import within
from cloudchamber.studies.galactic_centre.sky.excess import SCALE_KPC, SUN_KPC, excess_maps, line_of_sight


@pytest.mark.parametrize("slope", [0.6, 1.0, 1.2, 1.4])
@pytest.mark.parametrize("angle_deg", [0.1, 3.0, 25.0])
def test_line_of_sight_is_the_integral_of_the_profile(slope: float, angle_deg: float) -> None:
    angle = np.radians(angle_deg)
    nearest, along = SUN_KPC * np.sin(angle), SUN_KPC * np.cos(angle)

    def emission(s: float) -> float:
        radius = np.hypot(s, nearest)
        return float(radius ** (-2 * slope) * (1 + radius / SCALE_KPC) ** (2 * slope - 6))

    edges = [-along, *(-nearest * np.geomspace(along / nearest, 0.1, 12)[1:]), 0.0, *(nearest * np.geomspace(0.1, 100 / nearest, 12)[:-1]), 100.0]
    expected = sum(quad(emission, low, high, epsrel=1e-10)[0] for low, high in pairwise(edges))
    assert float(line_of_sight(angle, slope)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("slope", [1.0, 1.2, 1.4])
def test_no_flux_of_the_cusp_is_lost(slope: float) -> None:
    """The share within 3 deg of that within 10 deg is that of the profile, though at the centre it is infinite."""
    found = excess_maps(np.array([slope]), np.array([1.0]), np.array([0.02]), np.array([-0.03]), 128)[0]
    radius = np.geomspace(1e-16, np.radians(10), 20_000)
    ring = radius * np.sin(radius) * line_of_sight(radius, slope)
    enclosed = np.cumsum(ring) + ring[0] / (3 - 2 * slope) / np.log(radius[1] / radius[0])
    for limit_deg in (3.0, 6.0):
        expected = np.interp(np.log(np.radians(limit_deg)), np.log(radius), enclosed) / enclosed[-1]
        assert found[within(128, limit_deg)].sum() == pytest.approx(expected, abs=0.015)
    assert found[within(128, 10.0)].sum() == pytest.approx(1.0)


def test_maps_are_symmetric_move_and_stretch() -> None:
    lon, lat = Healpix(128, base_pixel=4).lon_lat_deg()
    lon = (lon + 180) % 360 - 180
    slope, one = np.array([1.2]), np.array([1.0])
    about = excess_maps(slope, one, np.array([0.0]), np.array([0.0]), 128)[0]
    # north and south, west and east
    np.testing.assert_allclose(about, about[::-1, ::-1], rtol=1e-9)
    np.testing.assert_allclose(about, about.T, rtol=1e-9)
    moved = excess_maps(slope, one, np.array([2.0]), np.array([-1.0]), 128)[0]
    near = np.hypot(lon - 2.0, lat + 1.0) < 3
    assert np.average(lon[near], weights=moved[near]) == pytest.approx(2.0, abs=0.05)
    assert np.average(lat[near], weights=moved[near]) == pytest.approx(-1.0, abs=0.05)
    tall = excess_maps(slope, np.array([2.0]), np.array([0.0]), np.array([0.0]), 128)[0]
    region = within(128, 20.0)
    spread = [np.average(np.sin(np.radians(each[region])) ** 2, weights=tall[region]) for each in (lat, lon)]
    assert spread[0] > 1.5 * spread[1]


def test_profiles_that_have_no_finite_flux_are_refused() -> None:
    one = np.array([1.0])
    with pytest.raises(ValueError, match=r"excess_slope: 1\.5 is outside"):
        excess_maps(1.5 * one, one, 0 * one, 0 * one, 64)
    with pytest.raises(ValueError, match="further than 5 deg"):
        excess_maps(one, one, 6 * one, 0 * one, 64)
