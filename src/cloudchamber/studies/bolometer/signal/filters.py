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

BLOCK = 128
"""Samples whose starts are added up before the recursion runs over them."""


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
    due = Starts(*(np.concatenate(pair) for pair in zip(state.pending, hits, strict=True))) if len(state.pending.time_s) else hits
    power = np.empty((len(state.level_w), samples))
    level = state.level_w.copy()
    done = _filter(state.next_sample, rate_hz, np.asarray(time_constants_s, float), *due, level, power)
    return FilterState(state.next_sample + samples, level, Starts(*(values[done:].copy() for values in due))), power


@njit(cache=True)
def _filter(first: int, rate_hz: float, constants: Array, time_s: Array, amplitude_w: Array, delay_s: Array, level_w: Array, power_w: Array) -> int:
    """Add up what starts before each sample, then run the recursion; ``level_w`` and ``power_w`` are written. How many hits have all arrived.

    A start's first sample is j samples after that of its hit: its value there is height * exp(delay / tau) * keep^j * what the hit's own wait takes away.
    """
    bolometers, samples = power_w.shape
    m_all = len(constants)
    keep = np.exp(-1.0 / (rate_hz * constants))
    inverse = 1.0 / constants
    # what one hit writes lies side by side, and stays in a processor's cache
    started = np.zeros((BLOCK, bolometers, m_all))
    waited = np.empty(m_all)
    oldest = 0
    for block in range(0, samples, BLOCK):
        count = min(BLOCK, samples - block)
        begin, end = first + block, first + block + count
        started[:] = 0.0
        all_in = True
        for hit in range(oldest, len(time_s)):
            t = time_s[hit]
            hit_sample = int(np.ceil(t * rate_hz))
            if hit_sample >= end:
                if all_in:
                    oldest = hit
                    all_in = False
                break
            later = False
            for m in range(m_all):
                waited[m] = np.exp((t - hit_sample / rate_hz) * inverse[m])
            for b in range(bolometers):
                for m in range(m_all):
                    height = amplitude_w[hit, b, m]
                    if height == 0.0:
                        continue
                    delay = delay_s[hit, b, m]
                    sample = int(np.ceil((t + delay) * rate_hz))
                    if sample >= end:
                        later = True
                    elif sample >= begin:
                        value = height * waited[m] * small_exp(delay * inverse[m])
                        for _ in range(sample - hit_sample):
                            value *= keep[m]
                        started[sample - begin, b, m] += value
            if later and all_in:
                oldest = hit
                all_in = False
        if all_in:
            oldest = len(time_s)
        for b in range(bolometers):
            for k in range(count):
                total = 0.0
                for m in range(m_all):
                    level_w[b, m] = level_w[b, m] * keep[m] + started[k, b, m]
                    total += level_w[b, m]
                power_w[b, block + k] = total
    return oldest


@njit(inline="always")
def small_exp(x: float) -> float:
    """exp(x); of small x, as those of delays are, by its series, to 1e-11."""
    if not -0.25 < x < 0.25:
        return np.exp(x)
    return 1 + x * (1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720 + x * (1 / 5040 + x / 40320)))))))
