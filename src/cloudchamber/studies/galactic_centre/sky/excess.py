"""The excess: gamma rays as the square of a generalised Navarro-Frenk-White profile, integrated along the line of sight.

rho ~ r^-gamma (1 + r / r_s)^(gamma - 3), with r_s = 20 kpc and the Sun 8.2 kpc from the centre; the centre may lie elsewhere on the sky, and the emission be
stretched along or across the plane (ellipses of the sine of the angle, of one area).

References: J. Navarro, C. Frenk, S. White, ApJ 490 (1997) 493; T. Daylan et al., Phys. Dark Univ. 12 (2016) 1; GRAVITY Collaboration, A&A 625 (2019) L10.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from cloudchamber.physics.gamma.face import directions, within

Array = NDArray[Any]

SCALE_KPC, SUN_KPC = 20.0, 8.2
SLOPES = (0.4, 1.45)
"""At 1.5 the centre alone would outshine all."""
_SLOPES = np.linspace(*SLOPES, 22)
_SINES = np.geomspace(1e-5, 0.9, 500)
FURTHEST_DEG = 5.0
NEAR, PARTS = 4.0, 8
"""Pixels nearer to the centre than so many are summed from PARTS x PARTS."""


def line_of_sight(angle_rad: ArrayLike, slope: float) -> Array:
    """The integral of rho^2 along the line of sight, with r in kpc, at an angle to the centre."""
    angle = np.asarray(angle_rad, float)
    nodes, weights = np.polynomial.legendre.leggauss(120)
    nearest = SUN_KPC * np.sin(angle)
    # s = nearest sinh(t) from the nearest point on: steps are fine where the profile is steep
    low, high = -np.arcsinh(SUN_KPC * np.cos(angle) / nearest), np.arcsinh(100.0 / nearest)
    t = 0.5 * (high - low)[..., None] * nodes + 0.5 * (high + low)[..., None]
    radius = nearest[..., None] * np.cosh(t)
    density = radius ** (-2 * slope) * (1 + radius / SCALE_KPC) ** (2 * slope - 6)
    return np.asarray((weights * density * radius).sum(-1) * 0.5 * (high - low))


@cache
def _table(nside: int) -> tuple[Array, Array]:
    """ln of the emission by slope and sine of the angle, (slopes, sines), and the flux of a cusp that no part of a pixel shows, in pixels of 1, (slopes,)."""
    emission = np.array([line_of_sight(np.arcsin(_SINES), slope) for slope in _SLOPES])
    pixel_sr = 4 * np.pi / (12 * nside**2)
    core = _core(nside)
    within_core = np.geomspace(1e-8, 1, 600) * core
    cusp = np.empty(len(_SLOPES))
    for number, slope in enumerate(_SLOPES):
        value = line_of_sight(within_core, slope)
        integral = np.trapezoid(2 * np.pi * within_core**2 * value, np.log(within_core)) + np.pi * within_core[0] ** 2 * value[0] * 2 / (3 - 2 * slope)
        cusp[number] = (integral - np.pi * core**2 * value[-1]) / pixel_sr
    return np.log(emission), cusp


def _core(nside: int) -> float:
    """Radius in rad of a disk of the size of a pixel's part."""
    return float(np.sqrt(4.0 / (12 * nside**2)) / PARTS)


def excess_maps(slope: Array, axis_ratio: Array, lon_deg: Array, lat_deg: Array, nside: int) -> Array:
    """Mean emission in each pixel of the image, (events, nside, nside), with a sum of 1 within 10 deg of the Galactic Centre.

    ``axis_ratio`` is the extent across the plane over that along it, of one area. ValueError for a slope outside ``SLOPES``.
    """
    columns = [np.ascontiguousarray(np.broadcast_to(np.asarray(each, float), np.shape(slope))) for each in (slope, axis_ratio, lon_deg, lat_deg)]
    if not np.all((columns[0] >= SLOPES[0]) & (columns[0] <= SLOPES[1])):
        raise ValueError(f"excess_slope: {columns[0].flat[0]:g} is outside the profile's table, [{SLOPES[0]:g}, {SLOPES[1]:g}]")
    if not np.all(np.hypot(columns[2], columns[3]) <= FURTHEST_DEG):
        raise ValueError(f"excess_lon_deg, excess_lat_deg: a centre of the excess further than {FURTHEST_DEG:g} deg from the Galactic one")
    found = np.empty((len(columns[0]), nside, nside))
    vectors = np.ascontiguousarray(directions(nside).T)
    slopes, ratios, lon, lat = columns
    _fill(found.reshape(len(found), -1), slopes, ratios, lon, lat, *_table(nside), vectors, within(nside, 10.0).ravel(), nside, _core(nside))
    return found


@njit(cache=True)
def _fill(
    found: Array,
    slope: Array,
    axis_ratio: Array,
    lon_deg: Array,
    lat_deg: Array,
    table: Array,
    cusp: Array,
    vectors: Array,
    region: Array,
    nside: int,
    core: float,
) -> None:
    slopes, sines = table.shape
    row_of = np.empty(sines)
    first, per_step = np.log(_SINES[0]), 1 / np.log(_SINES[1] / _SINES[0])
    near = NEAR * core * PARTS
    for event in range(len(found)):
        place = (slope[event] - SLOPES[0]) / (SLOPES[1] - SLOPES[0]) * (slopes - 1)
        row = min(int(place), slopes - 2)
        share, q = place - row, axis_ratio[event]
        row_of[:] = (1 - share) * table[row] + share * table[row + 1]
        steep = (2 * slope[event] - 1) ** 2 * (core * PARTS) ** 2 / 8
        lon0, lat0 = np.radians(lon_deg[event]), np.radians(lat_deg[event])
        east = (-np.sin(lon0), np.cos(lon0), 0.0)
        north = (-np.sin(lat0) * np.cos(lon0), -np.sin(lat0) * np.sin(lon0), np.cos(lat0))
        total = 0.0
        for pixel in range(len(vectors)):
            vector = vectors[pixel]
            along = east[0] * vector[0] + east[1] * vector[1]
            across = north[0] * vector[0] + north[1] * vector[1] + north[2] * vector[2]
            square = q * along * along + across * across / q
            if along * along + across * across < near * near:
                value = 0.0
                for part in range(PARTS * PARTS):
                    x = pixel // nside + (part // PARTS + 0.5) / PARTS
                    y = pixel % nside + (part % PARTS + 0.5) / PARTS
                    z = ((x + y) / nside - 1) / 1.5
                    lon, c = (x - y) / nside * (np.pi / 4), np.sqrt(1 - z * z)
                    along = c * np.sin(lon - lon0)
                    across = np.cos(lat0) * z - np.sin(lat0) * c * np.cos(lon - lon0)
                    square = max(q * along * along + across * across / q, core * core)
                    value += _emission(square, row_of, first, per_step)
                value /= PARTS * PARTS
            else:
                value = _emission(square, row_of, first, per_step) * (1 + steep / square)
            found[event, pixel] = value
        _add_cusp(found[event], (1 - share) * cusp[row] + share * cusp[row + 1], lon0, lat0, nside)
        for pixel in range(len(vectors)):
            if region[pixel]:
                total += found[event, pixel]
        for pixel in range(len(vectors)):
            found[event, pixel] /= total


@njit(inline="always")
def _emission(square: float, row: Array, first: float, per_step: float) -> float:
    at = (0.5 * np.log(square) - first) * per_step
    column = min(int(at), len(row) - 2)
    at -= column
    return np.exp((1 - at) * row[column] + at * row[column + 1])


@njit(inline="always")
def _add_cusp(found: Array, flux: float, lon0: float, lat0: float, nside: int) -> None:
    """Shared by the four pixels about the centre, so that its middle stays where it is."""
    turn, height = lon0 / (np.pi / 2), 0.75 * np.sin(lat0)
    x, y = nside * (0.5 + turn + height) - 0.5, nside * (0.5 - turn + height) - 0.5
    i, j = int(np.floor(x)), int(np.floor(y))
    u, v = x - i, y - j
    found[i * nside + j] += flux * (1 - u) * (1 - v)
    found[(i + 1) * nside + j] += flux * u * (1 - v)
    found[i * nside + j + 1] += flux * (1 - u) * v
    found[(i + 1) * nside + j + 1] += flux * u * v
