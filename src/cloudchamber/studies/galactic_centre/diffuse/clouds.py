"""Clouds of the Sun's neighbourhood that stand out of its turbulence, like those of Ophiuchus or Corona Australis: elongated Gaussians.

Round numbers after the clouds within 500 pc of Dame, Hartmann & Thaddeus (2001), ApJ 547, 792: sizes of 1 to 10 deg, most of them within 20 deg of the plane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels

Array = NDArray[Any]

CLOUDS = 6.0
SCALE_DEG = 10.0
WIDTH_DEG = (0.5, 3.5)
STRETCH = 3.0
PEAK = (0.5, 6.0)
"""Column over that of the neighbourhood there, for a turbulence of 1: of the order of 1 for one of 0.4."""


def draw_clouds(rng: np.random.Generator) -> Array:
    """Some clouds (clouds, 6), 6 in the mean: longitude and latitude, rms width and length in deg, the length's angle from the east, peak."""
    number = int(rng.poisson(CLOUDS))
    u = rng.random((number, 5))
    lat = np.clip(rng.laplace(0.0, SCALE_DEG, number), -40, 40)
    width = WIDTH_DEG[0] * (WIDTH_DEG[1] / WIDTH_DEG[0]) ** u[:, 1]
    return np.stack(
        (
            90 * u[:, 0] - 45,
            lat,
            width,
            width * STRETCH ** u[:, 2],
            np.pi * u[:, 3],
            PEAK[0] * (PEAK[1] / PEAK[0]) ** u[:, 4],
        ),
        axis=1,
    )


def cloud_map(clouds: Array, nside: int) -> Array:
    """Column (nside, nside), float32, of clouds (clouds, 6) of ``draw_clouds``."""
    at = pixels(nside)
    return np.asarray(_clouds(at.lon_deg, at.lat_deg, clouds))


@njit(cache=True)
def _clouds(lon: Array, lat: Array, clouds: Array) -> Array:
    out = np.zeros(lon.shape, np.float32)
    for each in range(len(clouds)):
        where, height, width, length, angle, peak = clouds[each]
        c, s, near = np.cos(angle), np.sin(angle), np.cos(np.radians(height))
        for i in range(lon.shape[0]):
            for j in range(lon.shape[1]):
                north = lat[i, j] - height
                if abs(north) > 5.0 * length:
                    continue
                east = (lon[i, j] - where) * near
                along, across = (c * east + s * north) / length, (c * north - s * east) / width
                square = along * along + across * across
                if square < 25.0:
                    out[i, j] += peak * np.exp(-0.5 * square)
    return out
