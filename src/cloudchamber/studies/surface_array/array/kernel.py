"""Events, station by station, in loops for numba.

Times of an event are in ns after its plane front passed the core.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from cloudchamber.studies.surface_array.array.front import (
    EM_ABOVE_M,
    EM_THICKNESS,
    MUON_ABOVE_M,
    MUON_THICKNESS,
    linsley_ns,
    ripple_ns,
    sphere_ns,
    thickness_factor,
)
from cloudchamber.studies.surface_array.array.lateral import SMALLEST_RADIUS_M, densities
from cloudchamber.studies.surface_array.array.response import BUFFER, add_particles, digitise
from cloudchamber.studies.surface_array.array.trigger import triggers
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS

FAINTEST_VEM = 1e-3
"""Mean signal of a station below which nothing is drawn for it."""
SILENT_WITHIN_M = 5000.0
NOTHING, RECORDED, DEAD = 0, 1, 2
"""States of a station."""


class Stations(NamedTuple):
    """The array for compiled code: positions (stations, 2), air along a metre, ranges of the share of dead stations and of clock jitter."""

    positions_m: np.ndarray
    spacing_m: float
    density_g_cm2_m: float
    dead_share: tuple[float, float]
    clock_jitter_ns: tuple[float, float]


class Arrivals(NamedTuple):
    """Direction to where each shower came from, and its core, each (events,)."""

    zenith: np.ndarray
    azimuth: np.ndarray
    core_x_m: np.ndarray
    core_y_m: np.ndarray


@njit(cache=True)
def draw_station(r, along_m, density_g_cm2_m, shower, secant, pulses, record, losses, electronics, rng):  # type: ignore[no-untyped-def]
    """One station at ``r`` from the axis, where the front arrives ``along_m`` of path after the core; ``shower`` is one event's ``Footprint``, as a tuple.

    Fills ``record`` and adds to ``losses``; returns (start of the record, time of level 1, arrival of the first particle), NaN for what there is not.
    """
    s800, muon_share, muon_scale, eta, beyond, mean_beyond, distance = shower
    muons, others = densities(r, density_g_cm2_m * along_m, s800, muon_share, muon_scale, eta, beyond, mean_beyond)
    if electronics.area_m2 * (muons + others) < FAINTEST_VEM:
        return math.nan, math.nan, math.nan
    r = max(r, SMALLEST_RADIUS_M)
    muon_ns, em_ns = sphere_ns(r, along_m, distance + MUON_ABOVE_M), sphere_ns(r, along_m, distance + EM_ABOVE_M)
    offset_ns = along_m / LIGHT_M_NS + ripple_ns(r, muons + others) * rng.standard_normal()
    step = electronics.step_ns
    # the first particle comes at least ``pre_samples`` after the buffer's start, which is at any phase of the sampling
    origin_ns = offset_ns + min(muon_ns, em_ns) - (electronics.pre_samples + 1.0 + rng.random()) * step
    thickness = thickness_factor(distance) * linsley_ns(r) / step
    gains = (1.0 + electronics.gain_spread * rng.standard_normal(), 1.0 + electronics.gain_spread * rng.standard_normal())
    pulses[:] = 0.0
    muon_start, em_start = (offset_ns + muon_ns - origin_ns) / step, (offset_ns + em_ns - origin_ns) / step
    first = add_particles(pulses, True, muons, secant, muon_start, MUON_THICKNESS * thickness, gains, electronics, losses, rng)
    first = min(first, add_particles(pulses, False, others, 1.0, em_start, EM_THICKNESS * thickness, gains, electronics, losses, rng))
    if not first < BUFFER:
        return math.nan, math.nan, math.nan
    start, level1 = digitise(pulses, int(first), record, electronics, rng)
    return (
        origin_ns + start * step if start >= 0 else math.nan,
        origin_ns + level1 * step if level1 >= 0 else math.nan,
        origin_ns + first * step,
    )


@njit(cache=True)
def draw_event(event, arrivals, footprints, stations, electronics, state, records, starts, pulses, rng):  # type: ignore[no-untyped-def]
    """Draw one event: each station's ``state``, its record and the record's start by its own clock. True if it triggers."""
    sine = math.sin(arrivals.zenith[event])
    east, north = sine * math.cos(arrivals.azimuth[event]), sine * math.sin(arrivals.azimuth[event])
    shower = (
        footprints.s800[event],
        footprints.muon_share[event],
        footprints.muon_scale[event],
        footprints.eta[event],
        footprints.beyond_g_cm2[event],
        footprints.mean_beyond_g_cm2[event],
        footprints.distance_m[event],
    )
    dead = stations.dead_share[0] + (stations.dead_share[1] - stations.dead_share[0]) * rng.random()
    jitter_ns = stations.clock_jitter_ns[0] + (stations.clock_jitter_ns[1] - stations.clock_jitter_ns[0]) * rng.random()
    n = len(state)
    above, times, found = np.empty((n, 2)), np.empty(n), 0
    losses = np.zeros(2)
    for i in range(n):
        state[i] = NOTHING
        if rng.random() < dead:
            state[i] = DEAD
            continue
        x, y = stations.positions_m[i, 0] - arrivals.core_x_m[event], stations.positions_m[i, 1] - arrivals.core_y_m[event]
        along = -(x * east + y * north)
        r = math.sqrt(max(x * x + y * y - along * along, 0.0))
        secant = 1.0 / math.cos(arrivals.zenith[event])
        start, level1, _ = draw_station(r, along, stations.density_g_cm2_m, shower, secant, pulses, records[i], losses, electronics, rng)
        if math.isnan(start):
            continue
        state[i], starts[i] = RECORDED, start + jitter_ns * rng.standard_normal()
        if not math.isnan(level1):
            above[found], times[found] = stations.positions_m[i] / stations.spacing_m, level1
            found += 1
    return triggers(above[:found], times[:found])


@njit(cache=True)
def which_trigger(arrivals, footprints, stations, electronics, rng):  # type: ignore[no-untyped-def]
    """Draw each event once: (events,) bool."""
    n = len(stations.positions_m)
    state, starts, pulses = np.empty(n, np.int64), np.empty(n), np.empty((2, 2, BUFFER))
    records = np.empty((n, 2, electronics.bins), np.uint16)
    result = np.empty(len(arrivals.zenith), np.bool_)
    for event in range(len(result)):
        result[event] = draw_event(event, arrivals, footprints, stations, electronics, state, records, starts, pulses, rng)
    return result


@njit(cache=True)
def draw_events(arrivals, footprints, stations, electronics, tries, drop, rng):  # type: ignore[no-untyped-def]
    """Draw each event until it triggers, at most ``tries`` times; with ``drop``, nothing is kept of those that do not.

    Returns (records (hits, 2, bins), their starts [ns], their stations, ends (events,), silent stations, their ends (events,), which triggered (events,)).
    """
    n, events = len(stations.positions_m), len(arrivals.zenith)
    state, starts, pulses = np.empty(n, np.int64), np.empty(n), np.empty((2, 2, BUFFER))
    records = np.empty((n, 2, electronics.bins), np.uint16)
    kept = np.empty((32 * events + n, 2, electronics.bins), np.uint16)
    kept_start, kept_station, ends = np.empty(len(kept)), np.empty(len(kept), np.int64), np.zeros(events, np.int64)
    silent, silent_ends = np.empty(events * n, np.int64), np.zeros(events, np.int64)
    triggered = np.zeros(events, np.bool_)
    hits, quiet = 0, 0
    for event in range(events):
        for _ in range(tries):
            triggered[event] = draw_event(event, arrivals, footprints, stations, electronics, state, records, starts, pulses, rng)
            if triggered[event]:
                break
        if drop and not triggered[event]:
            ends[event], silent_ends[event] = hits, quiet
            continue
        while hits + n > len(kept):
            kept = np.concatenate((kept, np.empty_like(kept)))
            kept_start, kept_station = np.concatenate((kept_start, np.empty_like(kept_start))), np.concatenate((kept_station, np.empty_like(kept_station)))
        earliest = math.inf
        centre_x, centre_y, total = 0.0, 0.0, 1e-300
        for i in range(n):
            if state[i] == RECORDED:
                earliest = min(earliest, starts[i])
                area = records[i].sum() - records[i].size * electronics.pedestal_counts
                centre_x, centre_y, total = centre_x + area * stations.positions_m[i, 0], centre_y + area * stations.positions_m[i, 1], total + area
        centre_x, centre_y = centre_x / total, centre_y / total
        for i in range(n):
            if state[i] == RECORDED:
                kept[hits], kept_start[hits], kept_station[hits] = records[i], starts[i] - earliest, i
                hits += 1
            elif state[i] == NOTHING and math.hypot(stations.positions_m[i, 0] - centre_x, stations.positions_m[i, 1] - centre_y) <= SILENT_WITHIN_M:
                silent[quiet] = i
                quiet += 1
        ends[event], silent_ends[event] = hits, quiet
    return kept[:hits].copy(), kept_start[:hits].copy(), kept_station[:hits].copy(), ends, silent[:quiet].copy(), silent_ends, triggered
