"""Lines of sight add up to integrals that are known, and the image's pixels are where the face says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from cloudchamber.geometry import Healpix
from cloudchamber.studies.galactic_centre.diffuse.sightlines import (
    FAR_KPC,
    SUN_KPC,
    lines_of_sight,
    pixel_longitudes_deg,
    pixel_sines,
    pixels,
    reference_region,
)


def test_exponential_disk_against_quad() -> None:
    lines = lines_of_sight(np.linspace(-40.0, 40.0, 9), 7, 64)
    disk = np.exp(-lines.radius_kpc[:, None, :] / 3.0 - lines.height_kpc / 0.3)
    columns = np.sum(disk * lines.step_kpc, axis=-1)
    for i, lon in enumerate(np.radians(lines.lon_deg)):
        for j, sine in enumerate(lines.sine):
            cosine = np.sqrt(1 - sine**2)

            def density(s: float, lon: float = lon, sine: float = sine, cosine: float = cosine) -> float:
                radius = np.sqrt(SUN_KPC**2 + (s * cosine) ** 2 - 2 * SUN_KPC * s * cosine * np.cos(lon))
                return float(np.exp(-radius / 3.0 - s * sine / 0.3))

            knee = SUN_KPC * np.cos(lon) / cosine
            exact = quad(density, 0, FAR_KPC / cosine, points=[knee], epsabs=1e-12, limit=200)[0]
            # the disk has a cusp at the centre, which the middles of steps see to a few in a thousand
            assert columns[i, j] == pytest.approx(exact, rel=1e-3 if abs(lon) > 0 else 4e-3)


def test_sphere_around_the_sun() -> None:
    """A Gaussian sphere around the Sun has the column sqrt(pi / 2) sigma in each direction."""
    lines = lines_of_sight(np.array([-30.0, 0.0, 12.0]), 9, 64)
    distance = np.hypot(lines.ahead_kpc, lines.height_kpc)
    columns = np.sum(np.exp(-(distance**2) / 2) * lines.step_kpc, axis=-1)
    np.testing.assert_allclose(columns, np.sqrt(np.pi / 2), rtol=1e-3)


def test_azimuth_turns_around_the_centre() -> None:
    lines = lines_of_sight(np.array([-20.0, 20.0]), 3, 64)
    x, y = lines.radius_kpc * np.cos(lines.azimuth_rad), lines.radius_kpc * np.sin(lines.azimuth_rad)
    np.testing.assert_allclose(np.hypot(x - SUN_KPC, y), np.broadcast_to(lines.ahead_kpc, x.shape), rtol=1e-12)
    assert np.all(y[0] < 0) and np.all(y[1] > 0)


@pytest.mark.parametrize("nside", [32, 128])
def test_pixels_are_products_of_longitudes_and_sines(nside: int) -> None:
    at = pixels(nside)
    lon, lat = Healpix(nside, base_pixel=4).lon_lat_deg()
    np.testing.assert_allclose(pixel_longitudes_deg(nside)[at.longitude], (lon + 180) % 360 - 180, atol=1e-10)
    np.testing.assert_allclose(pixel_sines(nside)[at.sine], np.abs(np.sin(np.radians(lat))), atol=1e-12)


@pytest.mark.parametrize("nside", [16, 48, 0])
def test_other_sizes_are_refused(nside: int) -> None:
    with pytest.raises(ValueError, match="power of 2 from 32 on"):
        pixels(nside)


def test_reference_region() -> None:
    """A cap of 10 deg without a band of 2 deg: its solid angle by quad, to the pixels at its border."""
    band = 2 * quad(lambda b: np.cos(b) * 2 * np.arccos(np.cos(np.radians(10)) / np.cos(b)), 0, np.radians(2))[0]
    wanted = 2 * np.pi * (1 - np.cos(np.radians(10))) - band
    assert reference_region(128).sum() * 4 * np.pi / (12 * 128**2) == pytest.approx(wanted, rel=0.02)
