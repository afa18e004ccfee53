"""Sources of the Galactic disk, as seen from the Sun: exp(-R / 5 kpc - |z| / height), integrated along the line of sight.

References: D. Lorimer et al., MNRAS 372 (2006) 777 (pulsars' radial scale); T. Grégoire, J. Knödlseder, A&A 554 (2013) A62 (millisecond pulsars).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gamma.face import directions, within
from cloudchamber.studies.galactic_centre.sky.excess import SUN_KPC

Array = NDArray[Any]

RADIAL_KPC = 5.0
HEIGHTS_KPC = (0.1, 1.0)
_HEIGHTS = np.geomspace(*HEIGHTS_KPC, 12)
FURTHEST_KPC, STEPS = 25.0, 160
PARTS = 4
"""Of a pixel, a side: the disk is thinner than one."""


def disk_maps(height_kpc: Array, nside: int) -> Array:
    """Mean emission in each pixel of the image, (events, nside, nside), with a sum of 1 within 10 deg of the Galactic Centre.

    ValueError for a height outside ``HEIGHTS_KPC``.
    """
    height = np.asarray(height_kpc, float)
    if not np.all((height >= HEIGHTS_KPC[0]) & (height <= HEIGHTS_KPC[1])):
        raise ValueError(f"disk_height_kpc: {height.flat[0]:g} is outside the disk's table, [{HEIGHTS_KPC[0]:g}, {HEIGHTS_KPC[1]:g}] kpc")
    place = np.log(height / HEIGHTS_KPC[0]) / np.log(HEIGHTS_KPC[1] / HEIGHTS_KPC[0]) * (len(_HEIGHTS) - 1)
    row = np.minimum(place.astype(int), len(_HEIGHTS) - 2)
    share = (place - row)[:, None, None]
    table = _table(nside)
    return np.asarray((1 - share) * table[row] + share * table[row + 1])


@cache
def _table(nside: int) -> Array:
    """(heights, nside, nside)."""
    steps, weights = np.polynomial.legendre.leggauss(STEPS)
    # finer near the Sun, where a thin disk leaves the line of sight soon
    distance = FURTHEST_KPC * (0.5 * (steps + 1)) ** 2
    length = weights * FURTHEST_KPC * 0.5 * (steps + 1)
    found = np.zeros((len(_HEIGHTS), nside * nside))
    for part in range(PARTS * PARTS):
        x, y, z = directions(nside, (part // PARTS + 0.5) / PARTS, (part % PARTS + 0.5) / PARTS)
        for s, ds in zip(distance, length, strict=True):
            radial = ds * np.exp(-np.hypot(s * x - SUN_KPC, s * y) / RADIAL_KPC)
            found += radial * np.exp(-np.abs(s * z) / _HEIGHTS[:, None])
    maps = found.reshape(-1, nside, nside)
    return np.asarray(maps / maps[:, within(nside, 10.0)].sum(1)[:, None, None])
