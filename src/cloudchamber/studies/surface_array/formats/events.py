"""From stations as files tell them to the study's columns: one frame, one clock, one kind of record, and flags for what was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Column, Ragged, Schema, Table
from cloudchamber.studies.surface_array.columns import BINS, HITS, SEEN, SILENT, THETA
from cloudchamber.studies.surface_array.formats.level import level_times
from cloudchamber.studies.surface_array.formats.read_flags import ReadFlag
from cloudchamber.studies.surface_array.formats.resample import DETECTOR

FROM_FILE = {
    "event_id": Column(doc="the event's number in its file", dtype="int64"),
    "origin_x_m": Column(unit="m", doc="the array's coordinate of this event's origin: add it to every x", dtype="float64"),
    "origin_y_m": Column(unit="m", doc="the array's coordinate of this event's origin: add it to every y", dtype="float64"),
    "origin_ns": Column(unit="ns", doc="the array's time of this event's zero: add it to every time", dtype="int64"),
    "read_flags": Column(doc="what was wrong with the event in its file, bit by bit: see read_flags.py", dtype="int64", low=0),
}
"""Columns that readers add to the study's."""
ORIGIN_OF = {f"core_{axis}_m": f"origin_{axis}_m" for axis in "xy"}
"""Columns that are positions, and what to add to them."""
FAR_M, FAR_NS = 1e5, 1e7
"""No station of one event lies further from the others than this in space and time."""
NEAR_M = 5000.0
"""Silent stations count to this distance from the centre of the signals."""


@dataclass(frozen=True)
class Station:
    """A record of a station in the array's own coordinates; ``counts`` (2, 256), starting at ``start_ns`` after the event's ``clock_ns``."""

    x_m: float
    y_m: float
    z_m: float
    start_ns: float
    counts: NDArray[np.uint16]


@dataclass
class Event:
    """An event as a file tells it; what is wrong with it gathers in ``flags``."""

    event_id: int
    clock_ns: int = 0
    stations: list[Station] = field(default_factory=list)
    silent_m: list[tuple[float, float]] = field(default_factory=list)
    flags: ReadFlag = ReadFlag(0)
    origin: tuple[float, float, int] | None = None
    """Origin of space and time where the file gives them; else the strongest station and the earliest record."""


def to_table(events: Sequence[Event]) -> Table:
    """All columns of x, the parametric fit made here, and FROM_FILE.

    Stations without a finite position and time, and those too far from the others, are left out and flagged.
    """
    from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct

    settled = [_settled(event) for event in events]
    hits = [len(stations) for _, stations, _, _ in settled]
    offsets = np.concatenate([[0], np.cumsum(hits, dtype=np.int64)])
    every = [(origin, station) for origin, stations, _, _ in settled for station in stations]
    silent = [_silent(event, origin, stations) for event, (origin, stations, *_) in zip(events, settled, strict=True)]
    silent_offsets = np.concatenate([[0], np.cumsum([len(each) for each in silent], dtype=np.int64)])
    flat = np.concatenate([*silent, np.zeros((0, 2))])
    waveform = np.stack([station.counts for _, station in every]) if every else np.zeros((0, 2, BINS), np.uint16)
    values = {
        "station_x_m": np.array([station.x_m - origin[0] for origin, station in every]),
        "station_y_m": np.array([station.y_m - origin[1] for origin, station in every]),
        "start_ns": np.concatenate([start for _, _, start, _ in settled]) if settled else np.zeros(0),
        "waveform": waveform,
        "silent_x_m": flat[:, 0],
        "silent_y_m": flat[:, 1],
    }
    table: Table = {name: Ragged(values[name].astype(column.dtype), offsets) for name, column in HITS.items()}
    table |= {name: Ragged(values[name].astype(column.dtype), silent_offsets) for name, column in SILENT.items()}
    table["event_id"] = np.array([event.event_id for event in events], dtype=np.int64)
    table["origin_x_m"] = np.array([origin[0] for origin, *_ in settled], dtype=np.float64)
    table["origin_y_m"] = np.array([origin[1] for origin, *_ in settled], dtype=np.float64)
    table["origin_ns"] = np.array([event.clock_ns + origin[2] for event, (origin, *_) in zip(events, settled, strict=True)], dtype=np.int64)
    table["read_flags"] = np.array([int(flags) for *_, flags in settled], dtype=np.int64)
    return table | reconstruct(table)


def schema_of(table: Table) -> Schema:
    """The study's schema with those of FROM_FILE that ``table`` has."""
    return Schema(theta=THETA, x={**SEEN, **{name: column for name, column in FROM_FILE.items() if name in table}})


def in_frame(table: Table, name: str, values: np.ndarray) -> np.ndarray:
    """A column of theta, from the array's coordinates to the events' own."""
    return values - table[ORIGIN_OF[name]] if name in ORIGIN_OF else values


def _settled(event: Event) -> tuple[tuple[float, float, int], list[Station], np.ndarray, ReadFlag]:
    """Origin (x, y, time), stations that can be used, their start times (ns) on one level and from the origin on, and flags."""
    place = np.array([(s.x_m, s.y_m, s.z_m, s.start_ns) for s in event.stations], dtype=np.float64).reshape(-1, 4)
    flags, good = event.flags, np.asarray(np.isfinite(place).all(axis=1))
    if good.any():
        distance = np.abs(place - np.median(place[good], axis=0))
        good &= (np.nan_to_num(distance[:, :3], nan=np.inf) < FAR_M).all(axis=1) & (np.nan_to_num(distance[:, 3], nan=np.inf) < FAR_NS)
    flags |= ReadFlag(0) if good.all() else ReadFlag.BAD_STATION
    stations, place = [s for s, fine in zip(event.stations, good, strict=True) if fine], place[good]
    if not stations:
        return event.origin or (0.0, 0.0, 0), [], np.zeros(0), flags | ReadFlag.NO_STATION
    counts = np.stack([s.counts for s in stations])
    flags |= ReadFlag.SATURATED if (counts >= DETECTOR.saturation_counts).any() else ReadFlag(0)
    flags |= ReadFlag.DUPLICATE if len(np.unique(place[:, :2], axis=0)) < len(place) else ReadFlag(0)
    x, y, z, start = place.T
    start = level_times(x, y, z, start) if np.ptp(z) > 0 else start
    strongest = int(np.argmax(counts.sum(axis=(1, 2), dtype=np.int64)))
    origin = event.origin or (float(x[strongest]), float(y[strongest]), int(np.floor(start.min())))
    return origin, stations, start - origin[2], flags


def _silent(event: Event, origin: tuple[float, float, int], stations: list[Station]) -> np.ndarray:
    """Silent stations (n, 2) from the origin on; those far from the signals are left out, unless the file has an origin and so was sorted before."""
    place = np.array(event.silent_m, dtype=np.float64).reshape(-1, 2)
    place = place[np.isfinite(place).all(axis=1)]
    if event.origin is None and stations:
        weight = np.array([s.counts.sum(dtype=np.int64) for s in stations], dtype=np.float64) - DETECTOR.pedestal_counts * 2 * BINS
        centre = np.average([(s.x_m, s.y_m) for s in stations], axis=0, weights=np.maximum(weight, 1.0))
        place = place[np.hypot(*(place - centre).T) < NEAR_M]
    return place - origin[:2]
