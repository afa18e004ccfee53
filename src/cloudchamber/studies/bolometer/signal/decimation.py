"""One of several samples, after a filter against aliases; the filter's past is carried, so that chunks join to the bit.

The filter is symmetric, and a kept sample i stands for the time i * factor / rate: it needs ``reach`` samples after it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

EDGE, STOP_DB = 0.8, 80.0
"""Share of the kept samples' Nyquist frequency up to which the data pass; by how much what would be aliased is damped."""


class DecimationState(NamedTuple):
    """The next sample's index, and the last samples before it, (bolometers, taps - 1)."""

    next_sample: int
    past: Array


@lru_cache(maxsize=16)
def taps(factor: int) -> Array:
    """The filter's coefficients, an odd number, of sum 1: a Kaiser window whose stop band begins where aliases would fall below ``EDGE``.

    References: J. Kaiser, Proc. IEEE ISCAS (1974) 20.
    """
    if factor == 1:
        return np.ones(1)
    width = 2 * (1 - EDGE) / factor
    half = int(np.ceil((STOP_DB - 7.95) / (2.285 * np.pi * width) / 2))
    n = np.arange(-half, half + 1)
    coefficients = np.sinc(n / factor) * np.kaiser(len(n), 0.1102 * (STOP_DB - 8.7))
    coefficients /= coefficients.sum()
    coefficients.setflags(write=False)
    return coefficients


def reach(factor: int) -> int:
    """Samples that the filter looks ahead, and back."""
    return len(taps(factor)) // 2


def start_decimation(bolometers: int, factor: int, first_sample: int) -> DecimationState:
    """Before the first sample; what came before is taken as 0."""
    return DecimationState(first_sample, np.zeros((bolometers, len(taps(factor)) - 1)))


def decimated(state: DecimationState, power_w: Array, factor: int) -> tuple[DecimationState, Array]:
    """The state after, and the kept samples that are complete with, the next ``power_w`` (bolometers, samples): (bolometers, kept).

    Kept sample i is complete with sample i * factor + reach.
    """
    data = np.concatenate([state.past, power_w], axis=1)
    end = state.next_sample + power_w.shape[1]
    first = -(-(state.next_sample - reach(factor)) // factor)
    last = -(-(end - reach(factor)) // factor)
    # where the first of them is complete, within data
    place = first * factor + reach(factor) - state.next_sample
    kept = np.empty((len(data), max(last - first, 0)))
    _keep(np.ascontiguousarray(data), taps(factor), place, factor, kept)
    return DecimationState(end, data[:, data.shape[1] - len(taps(factor)) + 1 :].copy()), kept


@njit(cache=True)
def _keep(data: Array, coefficients: Array, place: int, factor: int, kept: Array) -> None:
    for b in range(len(data)):
        for i in range(kept.shape[1]):
            total = 0.0
            for n in range(len(coefficients)):
                total += coefficients[n] * data[b, place + i * factor + n]
            kept[b, i] = total
