"""Emission of cosmic-ray nuclei in gas, ring by ring: density of hydrogen times density of cosmic rays along the line of sight.

Emissivity per atom is that of the Sun's neighbourhood times the density of cosmic rays: one spectrum everywhere, bremsstrahlung included. Left out: the
bar, the warp, the Sun's height, helium (a factor), gas that neither HI nor CO shows.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.studies.galactic_centre.diffuse import galaxy
from cloudchamber.studies.galactic_centre.diffuse.sightlines import SUN_KPC, Lines, lines_of_sight, pixel_longitudes_deg, pixel_sines, pixels

Array = NDArray[Any]

LONGITUDES, LATITUDES, STEPS = 65, 33, 64
RING_EDGES_KPC = (3.0, 5.5, 7.5)
LOCAL_KPC, LOCAL_HALF_KPC = 1.0, 0.2
RINGS = len(RING_EDGES_KPC) + 3
"""Within 3 kpc, to 5.5, to 7.5, beyond; the Sun's neighbourhood out to 1 kpc; the central molecular zone."""
LOCAL, ZONE = RINGS - 2, RINGS - 1

CELL_KPC, CELLS = 0.005, 2048
TINY = 1e-30
"""Added to columns in kpc^-2, of 1e-3 to 1 where there is gas, for the logarithm."""


@cache
def gas_lines() -> Lines:
    """The lines of sight that columns are summed along."""
    return lines_of_sight(np.linspace(-45.0, 45.0, LONGITUDES), LATITUDES, STEPS)


@cache
def ring_of() -> Array:
    """The ring of each step (l, t) of ``gas_lines``."""
    lines = gas_lines()
    ring = np.searchsorted(RING_EDGES_KPC, lines.radius_kpc)
    ring[:, lines.ahead_kpc < LOCAL_KPC] = LOCAL
    return ring


@cache
def _fixed() -> tuple[Array, ...]:
    """Surfaces of atomic and molecular hydrogen (l, t) of mass 1 within the Sun's orbit, flare and molecular height (l, t), vertical tables (2, CELLS)."""
    lines, r = gas_lines(), SUN_KPC * (np.arange(1000) + 0.5) / 1000
    z = CELL_KPC * np.arange(CELLS)
    atomic = galaxy.atomic_surface(lines.radius_kpc) / galaxy.within_orbit_kpc2(galaxy.atomic_surface(r), r)
    molecular = galaxy.molecular_surface(lines.radius_kpc) / galaxy.within_orbit_kpc2(galaxy.molecular_surface(r), r)
    tables = np.stack((galaxy.atomic_vertical(z) / galaxy.ATOMIC_COLUMN, np.exp(-((z / galaxy.MOLECULAR_KPC) ** 2)) / (galaxy.MOLECULAR_KPC * np.sqrt(np.pi))))
    return (
        atomic,
        molecular,
        galaxy.atomic_flare(lines.radius_kpc),
        galaxy.molecular_height_kpc(lines.radius_kpc) / galaxy.MOLECULAR_KPC,
        tables,
    )


def ring_columns(
    molecular_share: float,
    arm_contrast: float,
    height_factor: float,
    cosmic_ray_scale_kpc: float,
    cosmic_ray_height_kpc: float,
    pitch_rad: float,
    phase_rad: float,
) -> Array:
    """Hydrogen times cosmic rays (rings without the central zone, l, b) along ``gas_lines``, of gas of mass 1 within the Sun's orbit, in kpc^-2."""
    lines = gas_lines()
    atomic, molecular, flare, thick, tables = _fixed()
    rays = galaxy.nuclei(lines.radius_kpc, cosmic_ray_scale_kpc)
    if arm_contrast > 0:
        rays = rays * (1 + arm_contrast * galaxy.arms(lines.radius_kpc, lines.azimuth_rad, pitch_rad, phase_rad))
    one = 1 / (height_factor * flare)
    two = 1 / (height_factor * thick)
    weight = galaxy.halo(lines.height_kpc, cosmic_ray_height_kpc) * lines.step_kpc
    return np.asarray(
        _sum(
            (1 - molecular_share) * atomic * rays * one,
            molecular_share * molecular * rays * two,
            one / CELL_KPC,
            two / CELL_KPC,
            ring_of(),
            lines.height_kpc,
            weight,
            tables,
        )
    )


@njit(cache=True)
def _sum(atomic: Array, molecular: Array, one: Array, two: Array, ring: Array, height: Array, weight: Array, tables: Array) -> Array:
    out = np.zeros((RINGS - 1, len(atomic), len(height)))
    cells = tables.shape[1]
    for i in range(len(atomic)):
        for j in range(len(height)):
            for t in range(atomic.shape[1]):
                z = height[j, t]
                at = z * one[i, t]
                cell = int(at)
                if cell >= cells - 1:
                    continue
                total = atomic[i, t] * (tables[0, cell] + (at - cell) * (tables[0, cell + 1] - tables[0, cell]))
                at = z * two[i, t]
                cell = int(at)
                if cell < cells - 1:
                    total += molecular[i, t] * (tables[1, cell] + (at - cell) * (tables[1, cell + 1] - tables[1, cell]))
                out[ring[i, t], i, j] += total * weight[j, t]
    return out


def tilted(tilt_rad: float, axis_rad: float, nside: int) -> Array:
    """Logarithm of what the column (nside, nside) of the neighbourhood becomes when its layer is tilted up by ``tilt_rad`` towards longitude ``axis_rad``.

    The Gould Belt is such a layer, Perrot & Grenier (2003), A&A 404, 519. A layer of half thickness h out to d has the column 1 / (h + d |sin b|) to a factor.
    """
    at = pixels(nside)
    lat = np.radians(at.lat_deg)
    raised = lat - tilt_rad * np.cos(np.radians(at.lon_deg) - axis_rad)
    thick = LOCAL_HALF_KPC / LOCAL_KPC
    return np.asarray(np.log((thick + np.abs(np.sin(lat))) / (thick + np.abs(np.sin(raised)))), np.float32)


@cache
def _central_zone(nside: int) -> Array:
    """Logarithm of the column (2 nside - 1, nside) of a mass of 1 in kpc^-2, blurred by the pixels' own size."""
    blur = (SUN_KPC * np.radians(45 / nside)) ** 2 / 12
    length, height = (np.sqrt(scale**2 + blur) for scale in (galaxy.ZONE_LENGTH_KPC, galaxy.ZONE_HEIGHT_KPC))
    x = SUN_KPC * np.radians(pixel_longitudes_deg(nside))[:, None] / length
    z = SUN_KPC * np.arcsin(pixel_sines(nside)) / height
    return np.asarray(np.maximum(-(x**2 + z**2) / 2, -80) - np.log(2 * np.pi * length * height))


def gas_map(columns: Array, zone: float, fields: Array, weights: Array, nside: int) -> Array:
    """The image (nside, nside) of all rings: ``columns`` of ``ring_columns`` and a central zone of mass ``zone``.

    Each comes times the exponential of its field and of its weight: ``fields`` (rings, >= nside, >= nside), ``weights`` (rings,).
    """
    return np.asarray(_image(np.log(columns + TINY).astype(np.float32), _central_zone(nside), zone, fields, weights.astype(np.float32), nside))


@njit(cache=True)
def _image(columns: Array, central: Array, zone: float, fields: Array, weights: Array, nside: int) -> Array:
    rings, longitudes, latitudes = columns.shape
    # latitude first, straight in the logarithm: at the pixels' sines and the grid's longitudes, as far from the middle as the image has pixels there
    rows = np.zeros((nside, longitudes, rings), np.float32)
    middle = (longitudes - 1) // 2
    for s in range(nside):
        # the gas is thin: a pixel's mean over its latitudes, to second order, where that is not the value in its middle
        points = 3 if s < nside // 8 else 1
        wide = min(middle, middle * (nside - s) // nside + 1)
        for point in range(points):
            sine = abs(s + 0.5 * (point - (points - 1) // 2)) / nside
            j = min(int(np.sqrt(sine) * (latitudes - 1)), latitudes - 2)
            share = np.float32((sine * (latitudes - 1) ** 2 - j * j) / (2 * j + 1))
            for i in range(middle - wide, middle + wide + 1):
                for ring in range(rings):
                    column = columns[ring, i, j] + share * (columns[ring, i, j + 1] - columns[ring, i, j])
                    rows[s, i, ring] += np.exp(column) / np.float32(points)
    out = np.empty((nside, nside), np.float32)
    for x in range(nside):
        for y in range(nside):
            s = abs(x + y + 1 - nside)
            place = (0.5 + 0.5 * (x - y) / nside) * (longitudes - 1)
            i = min(int(place), longitudes - 2)
            share = np.float32(place - i)
            total = np.float32(0.0)
            for ring in range(rings):
                column = rows[s, i, ring] + share * (rows[s, i + 1, ring] - rows[s, i, ring])
                total += column * np.exp(fields[ring, x, y] + weights[ring])
            if zone > 0:
                total += np.float32(zone) * np.exp(np.float32(central[x - y + nside - 1, s]) + fields[rings, x, y] + weights[rings])
            out[x, y] = total
    return out
