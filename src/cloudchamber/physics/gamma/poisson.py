"""Poisson numbers for millions of pixels: exact, from tables, a few times as fast as a library's general method.

A number of mean m is one of a tabulated mean at most ``STEP`` below m, plus one of the small rest: sums of Poisson numbers are Poisson numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.gamma.uniform import state_of, uniform

Array = NDArray[Any]

STEP, MOST, GUIDES = 0.25, 400.0, 128
"""Distance of tabulated means, the largest one, and shares that a search starts from."""
DEVIATIONS = 8.0
"""Numbers further than so many deviations from their mean (1e-15) are the last ones there."""


class PoissonTable(NamedTuple):
    """For means 0, STEP, ..., MOST: the ``least`` number (means,), the probability of it and of each further one or less (means, numbers), and where to begin
    to look (means, GUIDES)."""

    cumulative: Array
    least: Array
    guide: Array


@cache
def poisson_table() -> PoissonTable:
    """4 MB, made once a process."""
    from scipy.stats import poisson

    means = STEP * np.arange(int(MOST / STEP) + 1)
    least = np.maximum(means - DEVIATIONS * np.sqrt(means) - 6, 0).astype(np.int64)
    width = int(np.max(means + DEVIATIONS * np.sqrt(means) + 12 - least))
    cumulative = poisson.cdf(least[:, None] + np.arange(width), np.maximum(means, 1e-300)[:, None])
    cumulative[:, -1] = 1.0
    starts = np.arange(GUIDES) / GUIDES
    guide = np.stack([np.searchsorted(row, starts, side="right") for row in cumulative]).astype(np.int16)
    return PoissonTable(cumulative, least, guide)


@njit(inline="always")
def draw_poisson(mean: float, table: PoissonTable, state: Array) -> int:
    """A number; nothing of a mean that is not above 0. ``state`` is one of ``uniform``'s."""
    found = 0
    while mean >= MOST:
        found += _tabulated(int(MOST / STEP), table, uniform(state))
        mean -= MOST
    if not mean > 0:
        return found
    row = int(mean / STEP)
    if row > 0:
        found += _tabulated(row, table, uniform(state))
    return found + _of_the_rest(mean - STEP * row, uniform(state))


@njit(inline="always")
def _of_the_rest(rest: float, u: float) -> int:
    """Number by number: it is 0 mostly."""
    if u < 1 - rest:
        # exp(-rest) is above that
        return 0
    chance = np.exp(-rest)
    number, below = 0, chance
    while u >= below and number < 40:
        number += 1
        chance *= rest / number
        below += chance
    return number


@njit(inline="always")
def _tabulated(row: int, table: PoissonTable, u: float) -> int:
    at = np.uint64(row)
    place = np.uint64(table.guide[at, np.uint64(u * GUIDES)])
    while table.cumulative[at, place] <= u:
        place += np.uint64(1)
    return int(table.least[at]) + int(place)


def poisson_maps(expected: Array, rng: np.random.Generator) -> Array:
    """Counts of any shape, int32. ValueError for an expectation that is negative or none."""
    mean = np.ascontiguousarray(expected, dtype=np.float64)
    if not np.all((mean >= 0) & (mean < 1e9)):
        raise ValueError(f"expected counts must lie in [0, 1e9), got {mean[~((mean >= 0) & (mean < 1e9))].flat[0]:g}")
    counts = np.empty(mean.shape, np.int32)
    _fill(mean.reshape(-1), counts.reshape(-1), poisson_table(), state_of(rng))
    return counts


@njit(cache=True)
def _fill(mean: Array, counts: Array, table: PoissonTable, state: Array) -> None:
    for place in range(len(mean)):
        counts[place] = draw_poisson(mean[place], table, state)
