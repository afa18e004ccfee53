"""The point spread as a law of shares: what part of a source's photons lands in a pixel, over all pixels and places of the source in its own.

With a point spread as wide as a pixel hardly any source keeps its photons together: a pixel counts parts of many, and that is what its number's law knows.

References: D. Malyshev, D. Hogg, ApJ 738 (2011) 181, section 2.2; S. Mishra-Sharma, N. Rodd, B. Safdi, AJ 153 (2017) 253, eq. 2.16.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.gamma.face import moved

Array = NDArray[Any]

STARTS, RADII, TURNS = 16, 512, 32
"""Places in the pixel, a side; distances and directions of photons from each."""
EDGES = np.concatenate([[0.0, 1e-5, 1e-4], np.geomspace(1e-3, 1.0, 25)])
"""Of shares that are taken together."""


class PhotonShares(NamedTuple):
    """Shares of a source's photons that a pixel may hold (n,), rising, and in how many pixels a source has each (n,): shares times pixels add up to 1."""

    share: Array
    pixels: Array


def photon_shares(radii_rad: Array, weight: Array, nside: int) -> PhotonShares:
    """Of sources in the image's middle: ``radii_rad`` (bins, n), rising, are equally likely distances of photons, ``weight`` (bins,) shares of them by bin."""
    step = max(radii_rad.shape[1] // RADII, 1)
    used = np.ascontiguousarray(radii_rad[:, step // 2 :: step])
    seen = _seen(used, np.asarray(weight, float) / np.sum(weight), nside)
    held = seen[seen > 0]
    place = np.clip(np.searchsorted(EDGES, held, side="right") - 1, 0, len(EDGES) - 2)
    sums, pixels = np.bincount(place, held, len(EDGES) - 1), np.bincount(place, minlength=len(EDGES) - 1)
    some = pixels > 0
    total = sums.sum()
    return PhotonShares(sums[some] / pixels[some], pixels[some] / total)


@njit(cache=True)
def _seen(radii: Array, weight: Array, nside: int) -> Array:
    """Shares of each place's photons by pixel, (places, pixels)."""
    bins, distances = radii.shape
    seen = np.zeros((STARTS * STARTS, nside * nside))
    for place in range(STARTS * STARTS):
        x, y = nside // 2 + (place // STARTS + 0.5) / STARTS, nside // 2 + (place % STARTS + 0.5) / STARTS
        for b in range(bins):
            part = weight[b] / (distances * TURNS)
            for number in range(distances):
                for turn in range(TURNS):
                    # every ring begins elsewhere
                    angle = 2 * np.pi * (turn + (0.618034 * number) % 1.0) / TURNS
                    at_x, at_y = moved(x, y, nside, radii[b, number], np.cos(angle), np.sin(angle))
                    if 0 <= at_x < nside and 0 <= at_y < nside:
                        seen[place, int(at_x) * nside + int(at_y)] += part
    return seen
