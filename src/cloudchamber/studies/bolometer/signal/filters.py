"""Pulses of exponentials, sampled exactly by recursive filters that carry their state: chunks join to the bit.

An exponential that starts at t0 is A exp(-(t - t0) / tau) at each sample t >= t0, so each sample's sum is the former one's times exp(-dt / tau), plus what
started since. Each start falls into one sample, and starts are added in the order of the hits: how samples are cut into chunks changes no bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


class Starts(NamedTuple):
    """Hits on their way to the filters: times (hits,), heights and delays (hits, bolometers, constants)."""

    time_s: Array
    amplitude_w: Array
    delay_s: Array


class FilterState(NamedTuple):
    """After a sample: its index (the next one's), the exponentials' values (bolometers, constants), and hits that have not all arrived."""

    next_sample: int
    level_w: Array
    pending: Starts


def start_filter(bolometers: int, constants: int, first_sample: int = 0) -> FilterState:
    """Before any hit; the first sample is at ``first_sample`` / rate."""
    nothing = np.empty((0, bolometers, constants))
    return FilterState(first_sample, np.zeros((bolometers, constants)), Starts(np.empty(0), nothing, nothing))


def filtered(state: FilterState, hits: Starts, samples: int, rate_hz: float, time_constants_s: Array) -> tuple[FilterState, Array]:
    """The state after, and the power in W of, the next ``samples`` samples, (bolometers, samples).

    ``hits`` are those since the last call, in order of time, all that start before the chunk's end (and perhaps later ones). ValueError for a hit that should
    have come before.
    """
    if len(hits.time_s) and hits.time_s.min() * rate_hz <= state.next_sample - 1:
        raise ValueError(f"time_s: a hit at {hits.time_s.min():g} s comes too late: the samples before {state.next_sample / rate_hz:g} s are made")
    due = Starts(*(np.concatenate(pair) for pair in zip(state.pending, hits, strict=True)))
    constants = np.asarray(time_constants_s, float)
    power = np.zeros((len(state.level_w), samples))
    level = state.level_w.copy()
    _filter(state.next_sample, rate_hz, constants, *due, level, power)
    end = state.next_sample + samples
    last = np.ceil((due.time_s + due.delay_s.max(axis=(1, 2), initial=0.0)) * rate_hz)
    later = last >= end
    return FilterState(end, level, Starts(*(values[later] for values in due))), power


@njit(cache=True)
def _filter(first: int, rate_hz: float, constants: Array, time_s: Array, amplitude_w: Array, delay_s: Array, level_w: Array, power_w: Array) -> None:
    """Add up what starts before each sample, then run the recursion; ``level_w`` and ``power_w`` are written."""
    bolometers, samples = power_w.shape
    # what one hit writes lies side by side
    started = np.zeros((samples, bolometers, len(constants)))
    for hit in range(len(time_s)):
        for b in range(bolometers):
            for m in range(len(constants)):
                height = amplitude_w[hit, b, m]
                if height == 0.0:
                    continue
                at = time_s[hit] + delay_s[hit, b, m]
                sample = int(np.ceil(at * rate_hz))
                if first <= sample < first + samples:
                    started[sample - first, b, m] += height * np.exp((at - sample / rate_hz) / constants[m])
    keep = np.exp(-1.0 / (rate_hz * constants))
    for k in range(samples):
        for b in range(bolometers):
            total = 0.0
            for m in range(len(constants)):
                level_w[b, m] = level_w[b, m] * keep[m] + started[k, b, m]
                total += level_w[b, m]
            power_w[b, k] = total
