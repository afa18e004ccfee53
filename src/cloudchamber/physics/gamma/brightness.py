"""How many sources there are of each brightness: a broken power law of the counts that a source is expected to give, dN/dS.

dN/dS ~ (S / break)^-above from the break on, (S / break)^-below under it, from ``least`` on. Sources fainter than that are diffuse emission for everybody.

References: S. Mishra-Sharma, K. Cranmer, PRD 105 (2022) 063017, eq. 2; D. Malyshev, D. Hogg, ApJ 738 (2011) 181.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

LEAST_COUNTS = 0.01
"""The faintest source, by default."""
SAME = 1e-6
"""Powers nearer to 0 are logarithms."""


class SourceCounts(NamedTuple):
    """The law's break in counts, its index ``above`` (more than 2, so that the mean is finite) and ``below``, and the faintest source. Each (populations,)."""

    break_counts: Array
    above: Array
    below: Array
    least_counts: Array

    @property
    def mean_counts(self) -> Array:
        """Of a source, (populations,): the whole population's counts over this are its sources."""
        return self._moment(1) / self._moment(0)

    def density(self, counts: ArrayLike) -> Array:
        """Probability density of a source's expected counts; 0 below the faintest."""
        s = np.asarray(counts, float)
        x = s / self.break_counts
        with np.errstate(divide="ignore"):
            shape = np.where(x >= 1, x**-self.above, x**-self.below)
        return np.where(s >= self.least_counts, shape, 0.0) / self._moment(0)

    def share_of_counts(self, from_counts: ArrayLike) -> Array:
        """Share of the population's counts in sources of this brightness and above."""
        low = np.maximum(np.asarray(from_counts, float), self.least_counts)
        bright = self.break_counts**self.above * np.maximum(low, self.break_counts) ** (2 - self.above) / (self.above - 2)
        faint = self.break_counts**2 * _integral(low / self.break_counts, 1 - self.below)
        return (bright + np.where(low < self.break_counts, faint, 0.0)) / self._moment(1)

    def _moment(self, power: int) -> Array:
        scale = np.asarray(self.break_counts, float) ** (1 + power)
        return scale * (1 / (self.above - 1 - power) + _integral(self.least_counts / self.break_counts, power - self.below))


def source_counts(break_counts: ArrayLike, above: ArrayLike, below: ArrayLike, least_counts: ArrayLike = LEAST_COUNTS) -> SourceCounts:
    """The law; ValueError for one without a mean, or whose break is fainter than its faintest source."""
    found = SourceCounts(*(np.asarray(each, float) for each in np.broadcast_arrays(break_counts, above, below, least_counts)))
    if not np.all(found.above > 2):
        raise ValueError(f"above: {np.min(found.above):g} is not above 2: the brightest sources would give any number of counts")
    if not np.all((found.least_counts > 0) & (found.least_counts < found.break_counts)):
        raise ValueError(f"least_counts: must lie between 0 and the break, got {np.max(found.least_counts):g} for a break of {np.min(found.break_counts):g}")
    return found


def _integral(low: ArrayLike, power: ArrayLike) -> Array:
    """Of x^power from ``low`` to 1."""
    p = np.asarray(power, float) + 1
    near = np.abs(p) < SAME
    return np.where(near, -np.log(low), (1 - np.asarray(low, float) ** p) / np.where(near, 1.0, p))


@njit(inline="always")
def pieces(break_counts: float, above: float, below: float, least_counts: float) -> tuple[float, float]:
    """The share of sources above the break, and the faintest over the break, to the power of 1 - ``below`` (its logarithm where that is 0)."""
    low, p = least_counts / break_counts, 1.0 - below
    bright = 1.0 / (above - 1.0)
    if abs(p) < SAME:
        return bright / (bright - np.log(low)), np.log(low)
    power = low**p
    return bright / (bright + (1.0 - power) / p), power


@njit(inline="always")
def draw_counts(break_counts: float, above: float, below: float, piece: tuple[float, float], u: float, v: float) -> float:
    """Expected counts of a source from two uniform random numbers: which of the ``pieces``, and where in it."""
    p = 1.0 - below
    if u < piece[0]:
        return break_counts * (1.0 - v) ** (-1.0 / (above - 1.0))
    if abs(p) < SAME:
        return break_counts * np.exp(piece[1] * (1.0 - v))
    return break_counts * (piece[1] + v * (1.0 - piece[1])) ** (1.0 / p)
