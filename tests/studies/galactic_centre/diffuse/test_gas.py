"""Columns of gas against quad, rings that add up to the whole, and the central zone's mass."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from cloudchamber.studies.galactic_centre.diffuse import galaxy
from cloudchamber.studies.galactic_centre.diffuse.gas import LOCAL, RINGS, ZONE, gas_lines, gas_map, ring_columns, ring_of, tilted
from cloudchamber.studies.galactic_centre.diffuse.sightlines import FAR_KPC, SUN_KPC, pixels

SHARE, ARM_CONTRAST, FACTOR, SCALE, HEIGHT, PITCH, PHASE = 0.3, 0.8, 1.2, 9.0, 3.0, np.radians(12.0), 1.0
ORBIT = SUN_KPC * (np.arange(1000) + 0.5) / 1000


def density(radius: float, azimuth: float, z: float) -> float:
    """Hydrogen times cosmic rays, from its parts."""
    one, two = FACTOR * galaxy.atomic_flare(radius), FACTOR * galaxy.molecular_height_kpc(radius)
    atomic = galaxy.atomic_surface(radius) / galaxy.within_orbit_kpc2(galaxy.atomic_surface(ORBIT), ORBIT)
    molecular = galaxy.molecular_surface(radius) / galaxy.within_orbit_kpc2(galaxy.molecular_surface(ORBIT), ORBIT)
    gas = (1 - SHARE) * atomic * galaxy.atomic_vertical(z / one) / galaxy.ATOMIC_COLUMN / one
    gas = gas + SHARE * molecular * np.exp(-((z / two) ** 2)) / (two * np.sqrt(np.pi))
    arms = 1 + ARM_CONTRAST * galaxy.arms(radius, azimuth, PITCH, PHASE)
    return float(gas * arms * galaxy.nuclei(radius, SCALE) * galaxy.halo(z, HEIGHT))


@pytest.mark.parametrize(("i", "j"), [(32, 3), (32, 20), (5, 0), (45, 8), (60, 12), (20, 32)])
def test_columns_against_quad(i: int, j: int) -> None:
    lines = gas_lines()
    lon, sine = np.radians(lines.lon_deg[i]), lines.sine[j]
    slope = sine / np.sqrt(1 - sine**2)

    def along(t: float) -> float:
        x, y = SUN_KPC - t * np.cos(lon), t * np.sin(lon)
        return density(np.hypot(x, y), np.arctan2(y, x), t * slope)

    exact = quad(along, 0, FAR_KPC, limit=400, points=[SUN_KPC * np.cos(lon)], epsrel=1e-8)[0] / np.sqrt(1 - sine**2)
    columns = ring_columns(SHARE, ARM_CONTRAST, FACTOR, SCALE, HEIGHT, PITCH, PHASE)
    # the line through the centre meets kinks there
    assert columns[:, i, j].sum() == pytest.approx(exact, rel=6e-3 if i == 32 else 2e-3)


def test_rings() -> None:
    lines, ring = gas_lines(), ring_of()
    assert set(np.unique(ring)) == set(range(RINGS - 1)) and ZONE == RINGS - 1
    assert np.all((ring == LOCAL) == (lines.ahead_kpc < 1.0))
    assert np.all(lines.radius_kpc[ring == 0] < 3) and np.all(lines.radius_kpc[ring == 3] > 7.5)
    columns = ring_columns(SHARE, 0.0, FACTOR, SCALE, HEIGHT, PITCH, PHASE)
    # lines of 30 deg and more never come within 3 kpc; the Sun's neighbourhood is seen everywhere
    assert np.all(columns[0][np.abs(lines.lon_deg) > 30] == 0) and np.all(columns[LOCAL] > 0)
    np.testing.assert_allclose(columns, columns[:, ::-1], rtol=1e-12)


def test_the_image_is_the_columns_at_its_pixels() -> None:
    """Away from the plane, where a pixel is its middle; every second longitude of 64 is the grid's."""
    columns, nside = ring_columns(SHARE, ARM_CONTRAST, FACTOR, SCALE, HEIGHT, PITCH, PHASE), 64
    image = gas_map(columns, 0.0, np.zeros((RINGS, nside, nside), np.float32), np.zeros(RINGS), nside)
    at = pixels(nside)
    total = columns.sum(axis=0)
    for x, y in [(20, 52), (32, 40), (10, 20), (60, 50)]:
        expected = np.exp(np.interp(np.abs(np.sin(np.radians(at.lat_deg[x, y]))), gas_lines().sine, np.log(total[(x - y) // 2 + 32])))
        assert image[x, y] == pytest.approx(expected, rel=1e-3)


def test_a_ring_is_weighed_by_its_field() -> None:
    columns, nside, rng = ring_columns(SHARE, 0.0, FACTOR, SCALE, HEIGHT, PITCH, PHASE), 32, np.random.default_rng(1)
    fields, weights = rng.normal(size=(RINGS, nside, nside)).astype(np.float32), rng.normal(size=RINGS)
    flat = np.zeros_like(fields)
    parts = sum(
        gas_map(columns * (np.arange(RINGS - 1) == ring)[:, None, None], 0.0, flat, np.zeros(RINGS), nside) * np.exp(fields[ring] + weights[ring])
        for ring in range(RINGS - 1)
    )
    zone = gas_map(np.zeros_like(columns), 1.0, flat, np.zeros(RINGS), nside) * np.exp(fields[ZONE] + weights[ZONE])
    np.testing.assert_allclose(gas_map(columns, 0.02, fields, weights, nside), parts + 0.02 * zone, rtol=2e-5)


@pytest.mark.parametrize("nside", [64, 128])
def test_mass_of_the_central_zone(nside: int) -> None:
    """The sum of its columns over the solid angle, at the Sun's distance, is its mass; it is 130 pc long."""
    empty = np.zeros_like(ring_columns(SHARE, 0.0, FACTOR, SCALE, HEIGHT, PITCH, PHASE))
    image = gas_map(empty, 1.0, np.zeros((RINGS, nside, nside), np.float32), np.zeros(RINGS), nside).astype(float)
    pixel = 4 * np.pi / (12 * nside**2)
    assert image.sum() * pixel * SUN_KPC**2 == pytest.approx(1, rel=0.05)
    length = np.sqrt(np.sum(image * pixels(nside).lon_deg ** 2) / image.sum())
    assert length == pytest.approx(np.degrees(np.hypot(0.13 / SUN_KPC, np.radians(45 / nside) / np.sqrt(12))), rel=0.1)


def test_tilted_layer() -> None:
    """A layer tilted up by 10 deg is brighter above than below, by what a layer of 0.2 kpc out to 1 kpc gives; sideways nothing changes."""
    at, tilt = pixels(64), np.radians(10)
    gain = tilted(tilt, 0.0, 64)
    lat = np.radians(at.lat_deg)
    middle = np.abs(at.lon_deg) < 0.1
    expected = (0.2 + np.abs(np.sin(lat))) / (0.2 + np.abs(np.sin(lat - tilt)))
    np.testing.assert_allclose(np.exp(gain[middle]), expected[middle], rtol=1e-5)
    assert np.all(gain[(at.lat_deg > 10) & middle] > 0) and np.all(gain[(at.lat_deg < 0) & middle] < 0)
    assert np.all(tilted(0.0, 0.3, 64) == 0)
