"""The base pixel's image against HEALPix itself, and steps against great circles."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.geometry import Healpix
from cloudchamber.physics.gamma.face import NEAR_RAD, direction_at, directions, moved, place_at, within
from cloudchamber.physics.sphere import angular_distance_deg, unit_vectors
from cloudchamber.rng import rng


@pytest.mark.parametrize("nside", [1, 16, 128])
def test_centres_are_healpix(nside: int) -> None:
    lon, lat = Healpix(nside, base_pixel=4).lon_lat_deg()
    x, y = np.meshgrid(np.arange(nside) + 0.5, np.arange(nside) + 0.5, indexing="ij")
    own_lon, own_lat = direction_at(x, y, nside)
    np.testing.assert_allclose((own_lon - lon + 180) % 360 - 180, 0, atol=1e-10)
    np.testing.assert_allclose(np.sin(np.radians(own_lat)), np.sin(np.radians(lat)), atol=1e-12)
    np.testing.assert_allclose(place_at(lon, lat, nside), (x, y), atol=1e-10)


def test_directions_are_those_of_the_pixels() -> None:
    lon, lat = np.radians(Healpix(64, base_pixel=4).lon_lat_deg())
    x, y, z = directions(64)
    np.testing.assert_allclose(x.reshape(64, 64), np.cos(lat) * np.cos(lon), atol=1e-12)
    np.testing.assert_allclose(y.reshape(64, 64), np.cos(lat) * np.sin(lon), atol=1e-12)
    np.testing.assert_allclose(z.reshape(64, 64), np.sin(lat), atol=1e-12)
    assert within(128, 90.0).all() and within(128, 10.0)[64, 63]


def test_pixels_have_one_solid_angle() -> None:
    """d Omega = d lon d sin(lat) is constant: the determinant of the map, to 1e-12."""
    lon, lat = direction_at([20.0, 21.0, 20.0], [90.0, 90.0, 91.0], 128)
    z = np.sin(np.radians(lat))
    area = abs(np.radians(lon[1] - lon[0]) * (z[2] - z[0]) - np.radians(lon[2] - lon[0]) * (z[1] - z[0]))
    assert area == pytest.approx(4 * np.pi / (12 * 128**2), rel=1e-12)


def test_the_image_holds_the_region_about_its_middle() -> None:
    assert place_at(0.0, 0.0, 128) == (64.0, 64.0)
    angle = np.linspace(0, 2 * np.pi, 10_000)
    radius = np.radians(28.9)
    lat = np.degrees(np.arcsin(np.sin(radius) * np.sin(angle)))
    lon = np.degrees(np.arctan2(np.sin(radius) * np.cos(angle), np.cos(radius)))
    x, y = place_at(lon, lat, 128)
    assert min(x.min(), y.min()) > 0 and max(x.max(), y.max()) < 128
    # longitudes count from 0 to 360 too
    np.testing.assert_allclose(place_at(lon % 360, lat, 128), (x, y), atol=1e-9)


@pytest.mark.parametrize("radius_deg", [0.01, 0.5, np.degrees(NEAR_RAD) * 0.999, 5.0, 25.0])
def test_steps_are_of_their_length_and_towards_their_angle(radius_deg: float) -> None:
    random = rng(1)
    x, y = 40 + 48 * random.random((2, 200))
    angle = 2 * np.pi * random.random(200)
    there = np.array([moved(a, b, 128, np.radians(radius_deg), np.cos(t), np.sin(t)) for a, b, t in zip(x, y, angle, strict=True)])
    one, two = (unit_vectors(*direction_at(*place, 128)) for place in ((x, y), there.T))
    # a hundredth of a pixel is 0.005 deg
    np.testing.assert_allclose(angular_distance_deg(one, two), radius_deg, atol=1.5e-3 if radius_deg < np.degrees(NEAR_RAD) else 1e-9)
    east = unit_vectors(direction_at(x, y, 128)[0] + 90, np.zeros(200))
    sine = np.sin(np.radians(radius_deg))
    np.testing.assert_allclose(np.sum(east * two, axis=1) / sine, np.cos(angle), atol=0.002)
    north = np.cross(one, east)
    np.testing.assert_allclose(np.sum(north * two, axis=1) / sine, np.sin(angle), atol=0.002)
