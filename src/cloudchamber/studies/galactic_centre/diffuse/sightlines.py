"""Lines of sight from the Sun through the inner Galaxy, on a grid of longitudes and latitudes, and the way from the grid to the image's pixels.

Pixels of the image (``physics.gamma.face``) have 2 nside - 1 longitudes and nside absolute values of sin b, so what is symmetric about the plane is
known from the products of the two. The Sun lies in the plane, at 8.2 kpc from the centre (Bland-Hawthorn & Gerhard 2016, ARA&A 54, 529).
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gamma.face import direction_at, within

Array = NDArray[Any]

SUN_KPC = 8.2
FAR_KPC, BEND_KPC = 24.0, 1.0
HIGHEST_SINE = 2.0 / 3.0
REFERENCE_RADIUS_DEG, REFERENCE_LATITUDE_DEG = 10.0, 2.0


class Lines(NamedTuple):
    """Longitudes (l,) in deg and sin b (b,) >= 0; along each line, steps (t,): ``ahead_kpc`` from the Sun within the plane.

    ``radius_kpc`` (l, t) and ``azimuth_rad`` (l, t) around the centre from the Sun's side, ``height_kpc`` (b, t), and the length ``step_kpc`` (b, t).
    """

    lon_deg: Array
    sine: Array
    ahead_kpc: Array
    radius_kpc: Array
    azimuth_rad: Array
    height_kpc: Array
    step_kpc: Array


def lines_of_sight(lon_deg: Array, latitudes: int, steps: int) -> Lines:
    """Latitudes as squares of equal steps, from 0 to the image's corner; steps grow with the distance from the Sun: middles of equal ln(1 + t / 1 kpc)."""
    sine = HIGHEST_SINE * np.linspace(0.0, 1.0, latitudes) ** 2
    width = np.log1p(FAR_KPC / BEND_KPC) / steps
    ahead = BEND_KPC * np.expm1(width * (np.arange(steps) + 0.5))
    length = 2.0 * np.sinh(width / 2.0) * (ahead + BEND_KPC)
    lon = np.radians(lon_deg)[:, None]
    toward, aside = SUN_KPC - ahead * np.cos(lon), ahead * np.sin(lon)
    cosine = np.sqrt(1.0 - sine**2)[:, None]
    return Lines(
        np.asarray(lon_deg, float),
        sine,
        ahead,
        np.hypot(toward, aside),
        np.arctan2(aside, toward),
        ahead * sine[:, None] / cosine,
        length / cosine,
    )


class Pixels(NamedTuple):
    """Of an image (nside, nside): longitude and latitude in deg, and where its pixels lie among the 2 nside - 1 longitudes and nside sines."""

    lon_deg: Array
    lat_deg: Array
    longitude: Array
    sine: Array


@cache
def pixels(nside: int) -> Pixels:
    """ValueError for an nside that is not a power of 2 from 32 on."""
    if nside < 32 or nside & (nside - 1):
        raise ValueError(f"diffuse emission needs an nside that is a power of 2 from 32 on, got {nside}")
    i, j = np.meshgrid(np.arange(nside), np.arange(nside), indexing="ij")
    lon, lat = direction_at(i + 0.5, j + 0.5, nside)
    found = Pixels(lon, lat, (i - j + nside - 1).astype(np.int64), np.abs(i + j + 1 - nside).astype(np.int64))
    for each in found:
        each.setflags(write=False)
    return found


def pixel_longitudes_deg(nside: int) -> Array:
    """Of the pixels (2 nside - 1,)."""
    return 45.0 * np.arange(1 - nside, nside) / nside


def pixel_sines(nside: int) -> Array:
    """|sin b| of the pixels (nside,)."""
    return HIGHEST_SINE * np.arange(nside) / nside


def reference_region(nside: int) -> Array:
    """Where shapes have the mean 1, a mask (nside, nside): nearer to the centre than 10 deg, and further from the plane than 2 deg."""
    return within(nside, REFERENCE_RADIUS_DEG, REFERENCE_LATITUDE_DEG)
