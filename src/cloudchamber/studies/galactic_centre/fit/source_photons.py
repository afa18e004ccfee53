"""How many sources give a pixel 1, 2, 3, ... photons: the coefficients of the generating function of its counts.

A source of S photons of which the pixel holds a share f gives it m with Poisson's probability of mean f S; x_m is that, over all shares and the law of S.

References: D. Malyshev, D. Hogg, ApJ 738 (2011) 181, eq. 11; S. Mishra-Sharma, N. Rodd, B. Safdi, AJ 153 (2017) 253, eq. 2.14.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.gamma.brightness import SAME, SourceCounts
from cloudchamber.studies.galactic_centre.fit.photon_shares import PhotonShares

Array = NDArray[Any]

NODES = np.unique(np.concatenate([np.geomspace(low, high, n) for low, high, n in ((1e-9, 0.01, 60), (0.01, 200.0, 200), (200.0, 2e4, 160), (2e4, 1e7, 60))]))
"""Photons of a source between which x_m is linear: the mean, which is, stays exact."""


class SourcePhotons:
    """Of a source that may lie anywhere about a pixel: the table of x_m, up to ``most`` photons, by the source's brightness."""

    def __init__(self, shares: PhotonShares, most: int) -> None:
        self.shares, self.most = shares, most
        self._made: dict[tuple[float, ...], Array] = {}

    @cached_property
    def table(self) -> Array:
        """(nodes, most + 1): in how many pixels a source has m photons, and in the first column in how many it has any."""
        return np.asarray(_table(NODES, self.shares.share, self.shares.pixels, self.most))

    def of(self, law: SourceCounts) -> Array:
        """x_1 to x_most of one source of a law, (most + 1,); the first number is the sum of all, those beyond ``most`` too."""
        key = tuple(float(each) for each in law)
        if key not in self._made:
            self._made[key] = np.asarray(weights(law) @ self.table)
        return self._made[key]


def weights(law: SourceCounts) -> Array:
    """Share of the sources of one law at each of ``NODES``, (nodes,), so that a function that is linear between them has its own mean."""
    at_break, above, below, least = (float(np.squeeze(each)) for each in law)
    low, high = NODES[:-1], NODES[1:]
    none = np.zeros(len(NODES))
    for start, stop, index in ((max(least, NODES[0]), min(at_break, NODES[-1]), below), (max(at_break, NODES[0]), NODES[-1], above)):
        one, two = np.clip(low, start, max(start, stop)), np.clip(high, start, max(start, stop))
        number, photons = _integral(one, two, at_break, -index), at_break * _integral(one, two, at_break, 1 - index)
        none[:-1] += (high * number - photons) / (high - low)
        none[1:] += (photons - low * number) / (high - low)
    none[-1] += at_break * max(NODES[-1] / at_break, 1.0) ** (1 - above) / (above - 1)
    found = np.maximum(none, 0.0)
    return np.asarray(found / found.sum())


def _integral(low: Array, high: Array, scale: float, power: float) -> Array:
    """Of (S / scale)^power from ``low`` to ``high``."""
    p = power + 1
    ratio = np.log(high / low)
    return np.asarray(scale * (ratio if abs(p) < SAME else (low / scale) ** p * np.expm1(p * ratio) / p))


@njit(cache=True)
def _table(nodes: Array, share: Array, pixels: Array, most: int) -> Array:
    found = np.zeros((len(nodes), most + 1))
    for row in range(len(nodes)):
        for part in range(len(share)):
            mean = share[part] * nodes[row]
            found[row, 0] -= pixels[part] * np.expm1(-mean)
            middle = int(mean)
            if middle > most and mean - most > 12 * np.sqrt(mean):
                continue
            # from the middle outwards, until nothing is left
            first = np.exp(middle * np.log(mean) - mean - _log_factorial(middle)) * pixels[part]
            value = first
            for m in range(middle, 0, -1):
                if m <= most:
                    found[row, m] += value
                value *= m / mean
                if value < 1e-30 * pixels[part]:
                    break
            value = first
            for m in range(middle + 1, most + 1):
                value *= mean / m
                found[row, m] += value
                if value < 1e-30 * pixels[part]:
                    break
    return found


@njit(cache=True)
def _log_factorial(n: int) -> float:
    total = 0.0
    if n < 20:
        for m in range(2, n + 1):
            total += np.log(m)
        return total
    # Stirling's series, to 1e-13
    x = n + 1.0
    inverse = 1 / x
    return (x - 0.5) * np.log(x) - x + 0.9189385332046727 + inverse / 12 - inverse**3 / 360 + inverse**5 / 1260
