from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.atmosphere import (
    TOP_ALTITUDE_M,
    density_along_track_g_cm3,
    density_g_cm3,
    ground_depth_g_cm2,
    slant_depths_g_cm2,
    vertical_depth_g_cm2,
)


@pytest.mark.parametrize(("altitude_m", "depth"), [(0.0, 1036.1), (4.0e3, 631.1), (1.0e4, 271.7), (4.0e4, 3.0395), (1.0e5, 1.28292e-3)])
def test_depths_of_the_layers_are_linsleys(altitude_m, depth):
    # CORSIKA user's guide, table D.1
    assert float(vertical_depth_g_cm2(altitude_m)) == pytest.approx(depth, rel=2e-6)


@pytest.mark.parametrize("altitude_m", [4.0e3, 1.0e4, 4.0e4, 1.0e5])
def test_depth_is_continuous_between_layers(altitude_m):
    below, above = vertical_depth_g_cm2(np.array([altitude_m - 1e-3, altitude_m]))
    assert below == pytest.approx(above, rel=3e-5)


def test_depth_vanishes_at_the_top_and_goes_on_below_the_sea():
    assert float(vertical_depth_g_cm2(TOP_ALTITUDE_M - 1.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(vertical_depth_g_cm2(2.0e5)) == 0.0
    assert float(vertical_depth_g_cm2(-9.0e3)) > 2500.0


@pytest.mark.parametrize(("low_m", "high_m"), [(-5.0e3, 4.0e3), (4.0e3, 1.0e4), (1.0e4, 4.0e4), (4.0e4, 1.0e5), (1.0e5, TOP_ALTITUDE_M)])
def test_density_integrates_to_depth(low_m, high_m):
    altitude = np.linspace(low_m, high_m, 20_001)[:-1]
    half = 0.5 * (high_m - low_m) / 20_000
    mass = float(density_g_cm3(altitude + half).sum()) * 2.0 * half * 100.0
    assert mass == pytest.approx(float(vertical_depth_g_cm2(low_m) - vertical_depth_g_cm2(high_m)), rel=1e-4)


def test_density_at_sea_level():
    assert float(density_g_cm3(0.0)) == pytest.approx(1.2298e-3, rel=1e-4)


def test_slant_depth_is_that_of_a_flat_atmosphere_near_the_vertical():
    zenith = np.array([0.0, 5.0, 10.0, 20.0])
    np.testing.assert_allclose(ground_depth_g_cm2(zenith) * np.cos(np.radians(zenith)), 1036.1, rtol=2e-4)
    assert ground_depth_g_cm2(np.array([0.0]), 1400.0)[0] == pytest.approx(float(vertical_depth_g_cm2(1400.0)), rel=1e-4)


def test_round_earth_makes_inclined_paths_shorter():
    zenith = np.array([30.0, 45.0, 60.0, 65.0])
    shorter = 1.0 - ground_depth_g_cm2(zenith) * np.cos(np.radians(zenith)) / 1036.1
    assert np.all(np.diff(shorter) > 0)
    # to first order the path shortens by tan^2 times the mean height of the air, 7.2 km, over the Earth's radius
    np.testing.assert_allclose(shorter, np.tan(np.radians(zenith)) ** 2 * 7.2 / 6371.0, rtol=0.1)


def test_slant_depths_rise_downwards():
    altitude, slant = slant_depths_g_cm2(np.array([0.0, 65.0]))
    assert np.all(np.diff(altitude) < 0) and np.all(np.diff(slant, axis=1) > 0) and slant.shape == (2, len(altitude))
    np.testing.assert_allclose(slant[0], vertical_depth_g_cm2(altitude), rtol=1e-12)


def test_density_along_a_track():
    depth = np.arange(0.0, 2480.0, 10.0)
    density = density_along_track_g_cm3(np.array([0.0, 60.0]), depth)
    assert density.shape == (2, 248) and np.all(density > 0)
    # between 4 and 10 km the scale height is 8.78 km: density = (depth + 94.919) / scale height
    inside = (depth > 280.0) & (depth < 620.0)
    np.testing.assert_allclose(density[0, inside], (depth[inside] + 94.919) / 878155.35, rtol=1e-3)
    # at 60 degrees the mass above is half of the slant depth; Linsley's density jumps by 2 % at 10 km
    np.testing.assert_allclose(density[1, 50:100:2], density[0, 25:50], rtol=0.03)
    assert density_along_track_g_cm3(np.array([0.0]), depth, 3000.0)[0, 60] == pytest.approx(density[0, 60], rel=1e-6)
