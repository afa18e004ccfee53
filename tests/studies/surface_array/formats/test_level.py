"""Stations at different heights brought to one level."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.surface_array.formats.level import LIGHT_M_NS, level_times


def stations() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return random.uniform(-2000, 2000, 12), random.uniform(-2000, 2000, 12), random.uniform(1300, 1500, 12)


@pytest.mark.parametrize("zenith_deg", [0.0, 20.0, 50.0, 70.0])
def test_a_plane_front_passes_the_level_when_it_says(zenith_deg: float) -> None:
    x, y, z = stations()
    zenith, azimuth = np.radians(zenith_deg), np.radians(70)
    east, north, up = np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)
    times = 500.0 - (east * x + north * y + up * z) / LIGHT_M_NS
    wanted = 500.0 - (east * x + north * y + up * z.mean()) / LIGHT_M_NS
    np.testing.assert_allclose(level_times(x, y, z, times), wanted, atol=0.1)


def test_stations_of_one_height_keep_their_times() -> None:
    x, y, _ = stations()
    times = np.random.default_rng(2).uniform(0, 5000, 12)
    np.testing.assert_array_equal(level_times(x, y, np.full(12, 1400.0), times), times)


def test_two_stations_are_seen_from_the_zenith() -> None:
    x, y, z = np.array([0.0, 900.0]), np.zeros(2), np.array([0.0, 30.0])
    np.testing.assert_allclose(level_times(x, y, z, np.array([0.0, 100.0])), np.array([0.0, 100.0]) + np.array([-15.0, 15.0]) / 0.299792458)


def test_wild_times_are_no_trouble() -> None:
    wild = level_times(np.zeros(5), np.zeros(5), np.arange(5.0), np.array([0, 1e9, -1e9, 5, 7]))
    assert np.isfinite(wild).all()
