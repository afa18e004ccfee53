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

BLOCK = 64
"""Samples whose starts are added up before the recursion runs over them."""


class Starts(NamedTuple):
    """Hits on their way to the filters: times (hits,), heights and delays (hits, bolometers, constants)."""

    time_s: Array
    amplitude_w: Array
    delay_s: Array

    @property
    def height_w(self) -> Array:
        """Of all exponentials together, (hits, bolometers)."""
        return self.amplitude_w.sum(axis=2)

    @property
    def starts(self) -> Starts:
        """Itself."""
        return self


class PulseTable(NamedTuple):
    """Kinds of pulses: their exponentials in W/keV and the delays of these, (constants, rows); made by ``pulse_table``, with what filters need beside:
    ``lead`` is an exponential's value at the time of the hit, were it there already, ``latest`` (rows,) the longest delay, ``used`` (rows,) how many of the
    exponentials, from the first on, there are."""

    gain: Array
    delay_s: Array
    lead: Array
    latest: Array
    used: Array


class Tabled(NamedTuple):
    """Hits whose pulses stand in a table: times (hits,), energies and rows of the table (hits, bolometers). A third of the numbers of ``Starts``."""

    time_s: Array
    energy_kev: Array
    row: Array
    table: PulseTable

    @property
    def starts(self) -> Starts:
        """Written out."""
        return Starts(self.time_s, self.energy_kev[..., None] * self.table.gain.T[self.row], self.table.delay_s.T[self.row])

    @property
    def height_w(self) -> Array:
        """Of all exponentials together, (hits, bolometers)."""
        return self.energy_kev * self.table.gain.sum(axis=0)[self.row]


def pulse_table(gain: Array, delay_s: Array, time_constants_s: Array) -> PulseTable:
    """Of exponentials in W/keV and their delays, (rows, constants)."""
    used = (np.arange(1, gain.shape[1] + 1) * (gain != 0)).max(axis=1, initial=0)
    gains, delays, leads = (np.ascontiguousarray(each.T) for each in (gain, delay_s, gain * np.exp(delay_s / time_constants_s)))
    return PulseTable(gains, delays, leads, delay_s.max(axis=1, initial=0.0, where=gain != 0), used)


class Pending(NamedTuple):
    """Hits that have not all arrived; ``lead_w`` is an exponential's value at the time of the hit, were it there; both (hits, bolometers, constants)."""

    time_s: Array
    lead_w: Array
    delay_s: Array


class FilterState(NamedTuple):
    """After a sample: its index (the next one's), the exponentials' values (bolometers, constants), and hits that have not all arrived."""

    next_sample: int
    level_w: Array
    pending: Pending


def start_filter(bolometers: int, constants: int, first_sample: int = 0) -> FilterState:
    """Before any hit; the first sample is at ``first_sample`` / rate."""
    return FilterState(first_sample, np.zeros((bolometers, constants)), Pending(*_nothing(bolometers, constants)))


def filtered(state: FilterState, hits: Starts | Tabled, samples: int, rate_hz: float, time_constants_s: Array) -> tuple[FilterState, Array]:
    """The state after, and the power in W of, the next ``samples`` samples, (bolometers, samples).

    ``hits`` are those since the last call, in order of time, all that start before the chunk's end (and perhaps later ones). ValueError for a hit that should
    have come before.
    """
    if len(hits.time_s) and hits.time_s.min() * rate_hz <= state.next_sample - 1:
        raise ValueError(f"time_s: a hit at {hits.time_s.min():g} s comes too late: the samples before {state.next_sample / rate_hz:g} s are made")
    power = np.empty((len(state.level_w), samples))
    level, constants = state.level_w.T.copy(), np.asarray(time_constants_s, float)
    written, tabled = (hits, _NO_TABLED) if isinstance(hits, Starts) else (_nothing(*level.T.shape), hits)
    done = _filter(state.next_sample, rate_hz, constants, state.pending, written, tabled, level, power)
    waiting = Pending(*(values[done:] for values in state.pending))
    late = slice(max(done - len(state.pending.time_s), 0), None)
    if isinstance(hits, Tabled):
        row = hits.row[late]
        coming = Pending(hits.time_s[late], hits.energy_kev[late, :, None] * hits.table.lead.T[row], hits.table.delay_s.T[row])
    else:
        coming = Pending(hits.time_s[late], _leads(hits.amplitude_w[late], hits.delay_s[late], constants), hits.delay_s[late])
    return FilterState(state.next_sample + samples, level.T, Pending(*(np.concatenate(pair) for pair in zip(waiting, coming, strict=True)))), power


def _nothing(bolometers: int, constants: int) -> Starts:
    nothing = np.empty((0, bolometers, constants))
    return Starts(np.empty(0), nothing, nothing)


_NO_TABLE = PulseTable(np.empty((0, 0), np.float32), np.empty((0, 0), np.float32), np.empty((0, 0)), np.empty(0, np.float32), np.empty(0, np.int64))
_NO_TABLED = Tabled(np.empty(0), np.empty((0, 0), np.float32), np.empty((0, 0), np.int32), _NO_TABLE)


SMALL = 2.0


@njit(inline="always")
def series(x: float) -> float:
    """exp(x) to 1e-10 where x is small: that of an eighth of it, by its series, to the eighth power. Loops of it run in a processor's vectors."""
    y = 0.125 * x
    y = 1 + y * (1 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24 + y * (1 / 120 + y * (1 / 720 + y * (1 / 5040 + y * (1 / 40320))))))))
    y *= y
    y *= y
    return y * y


@njit(cache=True)
def _filter(first: int, rate_hz: float, constants: Array, pending: Pending, hits: Starts, tabled: Tabled, level_w: Array, power_w: Array) -> int:
    """Add up what starts before each sample, then run the recursion; ``level_w`` (constants, bolometers) and ``power_w`` are written. How many hits have all
    arrived, of ``pending``, ``hits`` and ``tabled`` in this order."""
    bolometers, samples = power_w.shape
    m_all = len(constants)
    # a line is one exponential of one bolometer, those of an exponential side by side; loops over lines without a branch run in a processor's vectors
    lines = m_all * bolometers
    inverse, level = 1.0 / constants, level_w.reshape(lines)
    keep = np.repeat(np.exp(-1.0 / (rate_hz * constants)), bolometers)
    started, value, delay = np.zeros((BLOCK, lines)), np.empty(lines), np.empty(lines)
    first_new = len(pending.time_s)
    first_tabled = first_new + len(hits.time_s)
    oldest, total = 0, first_tabled + len(tabled.time_s)
    for block in range(0, samples, BLOCK):
        count = min(BLOCK, samples - block)
        begin = first + block
        started[:] = 0.0
        arrived = total
        for hit in range(oldest, total):
            if hit < first_new:
                t = pending.time_s[hit]
            elif hit < first_tabled:
                t = hits.time_s[hit - first_new]
            else:
                t = tabled.time_s[hit - first_tabled]
            hit_sample = int(np.ceil(t * rate_hz))
            if hit_sample >= begin + count:
                arrived = min(arrived, hit)
                break
            last, used, elapsed = 0.0, m_all, hit_sample / rate_hz - t
            if hit < first_new:
                for b in range(bolometers):
                    for m in range(m_all):
                        value[m * bolometers + b] = pending.lead_w[hit, b, m]
                        delay[m * bolometers + b] = pending.delay_s[hit, b, m]
                last = delay.max()
            elif hit < first_tabled:
                place = hit - first_new
                last = _lead(hits.amplitude_w[place], hits.delay_s[place], inverse, value)
                for b in range(bolometers):
                    for m in range(m_all):
                        delay[m * bolometers + b] = hits.delay_s[place, b, m]
            else:
                energy, row = tabled.energy_kev[hit - first_tabled], tabled.row[hit - first_tabled]
                used = 0
                for b in range(bolometers):
                    last = max(last, tabled.table.latest[row[b]])
                    used = max(used, tabled.table.used[row[b]])
                for m in range(used):
                    lead, part = tabled.table.lead[m], value[m * bolometers : (m + 1) * bolometers]
                    for b in range(bolometers):
                        part[b] = energy[b] * lead[row[b]]
            for m in range(used):
                left = -elapsed * inverse[m]
                left = series(left) if left > -SMALL else np.exp(left)
                part = value[m * bolometers : (m + 1) * bolometers]
                for b in range(bolometers):
                    part[b] *= left
            last_sample = int(np.ceil((t + last) * rate_hz))
            if hit_sample >= begin and last_sample == hit_sample:
                now = started[hit_sample - begin]
                for line in range(used * bolometers):
                    now[line] += value[line]
                continue
            if hit >= first_tabled:
                for m in range(used):
                    late, part = tabled.table.delay_s[m], delay[m * bolometers : (m + 1) * bolometers]
                    for b in range(bolometers):
                        part[b] = late[row[b]]
            if hit_sample >= begin and last_sample == hit_sample + 1 < begin + count:
                now, then = started[hit_sample - begin], started[last_sample - begin]
                for line in range(used * bolometers):
                    comes = np.ceil((t + delay[line]) * rate_hz) > hit_sample
                    now[line] += 0.0 if comes else value[line]
                    then[line] += value[line] * keep[line] if comes else 0.0
                continue
            if _add_later(t, hit_sample, rate_hz, keep, value[: used * bolometers], delay, begin, count, started):
                arrived = min(arrived, hit)
        oldest = arrived
        for k in range(count):
            now = started[k]
            for line in range(lines):
                level[line] = level[line] * keep[line] + now[line]
                now[line] = level[line]
        # afterwards: rows of the data may lie so that a processor's cache holds only some of them at a time
        for b in range(bolometers):
            for k in range(count):
                summed = 0.0
                for m in range(m_all):
                    summed += started[k, m * bolometers + b]
                power_w[b, block + k] = summed
    return oldest


@njit(cache=True)
def _lead(height: Array, delay: Array, inverse: Array, value: Array) -> float:
    """Write ``value``, what a hit's lines would have at its time had they begun by then, of heights and delays (bolometers, constants); the longest delay."""
    bolometers, m_all = height.shape
    last = delay.max()
    small = last * inverse.max() < SMALL
    for m in range(m_all):
        for b in range(bolometers):
            grown = delay[b, m] * inverse[m]
            value[m * bolometers + b] = height[b, m] * (series(grown) if small else np.exp(grown))
    return last


@njit(cache=True)
def _leads(amplitude_w: Array, delay_s: Array, constants: Array) -> Array:
    """Of hits, (hits, bolometers, constants)."""
    hits, bolometers, m_all = amplitude_w.shape
    found, inverse, value = np.empty((hits, bolometers, m_all)), 1.0 / constants, np.empty(m_all * bolometers)
    for hit in range(hits):
        _lead(amplitude_w[hit], delay_s[hit], inverse, value)
        found[hit] = value.reshape(m_all, bolometers).T
    return found


@njit(cache=True)
def _add_later(t: float, hit_sample: int, rate_hz: float, keep: Array, value: Array, delay: Array, begin: int, count: int, started: Array) -> bool:
    """Add to ``started`` the lines that start in ``count`` samples from ``begin`` on, each at its own sample; whether others start after them.

    A start's first sample is j samples after that of its hit: its value there is keep^j times what it would have at that one.
    """
    rest = False
    for line in range(len(value)):
        place = int(np.ceil((t + delay[line]) * rate_hz))
        if place >= begin + count:
            rest = rest or value[line] != 0.0
        elif place >= begin:
            found = value[line]
            for _ in range(place - hit_sample):
                found *= keep[line]
            started[place - begin, line] += found
    return rest
