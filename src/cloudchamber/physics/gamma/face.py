"""A base pixel of HEALPix on the equator as a square image of equal pixels, and steps on the sphere within it.

Longitude and the sine of the latitude are linear in the image's coordinates x and y, from 0 to nside: pixel (i, j) is from i to i + 1 and from j to
j + 1, as in ``cloudchamber.geometry.Healpix`` with a ``base_pixel``. The image of base pixel 4 has the point of longitude and latitude 0 in its middle
and all that is nearer to it than 28.9 deg.

References: Gorski et al. (2005), ApJ 622, 759, section 5.1.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

NEAR_RAD = 0.03
"""Shorter steps are taken in the plane, with the curvature to second order: to less than 0.003 of a pixel of nside 128."""


def place_at(lon_deg: ArrayLike, lat_deg: ArrayLike, nside: int) -> tuple[Array, Array]:
    """x and y in the image of base pixel 4, beyond 0 to nside for directions that it does not hold."""
    lon = (np.asarray(lon_deg, float) + 180) % 360 - 180
    turn, height = lon / 90, 0.75 * np.sin(np.radians(lat_deg))
    return nside * (0.5 + turn + height), nside * (0.5 - turn + height)


def direction_at(x: ArrayLike, y: ArrayLike, nside: int) -> tuple[Array, Array]:
    """Longitude (-180 to 180) and latitude in deg of a place in the image of base pixel 4."""
    one, two = np.asarray(x, float) / nside - 0.5, np.asarray(y, float) / nside - 0.5
    return 45 * (one - two), np.degrees(np.arcsin((one + two) / 1.5))


@cache
def directions(nside: int, part_x: float = 0.5, part_y: float = 0.5) -> Array:
    """Galactic unit vectors to a place in each pixel, its middle by default, (3, pixels): x to the Galactic Centre, z to the north."""
    x, y = np.meshgrid(np.arange(nside) + part_x, np.arange(nside) + part_y, indexing="ij")
    lon, lat = np.radians(direction_at(x.ravel(), y.ravel(), nside))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


@cache
def within(nside: int, radius_deg: float, beyond_latitude_deg: float = 0.0) -> Array:
    """Which pixels of the image have their middle this near to the Galactic Centre, and further from the plane than a latitude, (nside, nside)."""
    x, _, z = directions(nside)
    found = ((x > np.cos(np.radians(radius_deg))) & (np.abs(z) >= np.sin(np.radians(beyond_latitude_deg)))).reshape(nside, nside)
    found.setflags(write=False)
    return found


@njit(inline="always")
def moved(x: float, y: float, nside: int, radius_rad: float, cosine: float, sine: float) -> tuple[float, float]:
    """The place at a distance from another, towards the angle from the east through the north whose cosine and sine are given."""
    z = ((x + y) / nside - 1) / 1.5
    c = np.sqrt(1.0 - z * z)
    east, north = radius_rad * cosine, radius_rad * sine
    if radius_rad < NEAR_RAD:
        # to second order in the step
        up = c * north - 0.5 * z * (radius_rad * radius_rad)
        inverse = 1.0 / c
        along = east * inverse * (1 + north * z * inverse)
    else:
        s, k = np.sin(radius_rad), np.cos(radius_rad)
        there = k * z + s * sine * c
        up = there - z
        along = np.arctan2(s * cosine, k * c - s * sine * z)
    step, rise = nside * along * (2 / np.pi), 0.75 * nside * up
    return x + step + rise, y - step + rise
