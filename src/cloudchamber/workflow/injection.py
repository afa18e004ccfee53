"""Add a stream to somebody's observation: at its times, in its unit, into a copy of its file."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.atomic import held, refuse_place
from cloudchamber.formats.observation import UNITS, Observation, injecting, open_observation
from cloudchamber.formats.recording import HDF5, Contents
from cloudchamber.meant import meant
from cloudchamber.parallel.executors import Where, check_executor, run
from cloudchamber.physics.cmb import watts_per_kelvin
from cloudchamber.progress import Progress, quiet
from cloudchamber.store.dataset import package_version
from cloudchamber.stream import ObservedStream, Stream, exact_rate, start_s
from cloudchamber.study import Study, find_study, make_stream
from cloudchamber.workflow.streaming import Described, checked, drawn_by, parts_of
from cloudchamber.workflow.tasks import Asked, at_least, not_negative

SHOWN = 3


@dataclass(frozen=True)
class Injected:
    """The file with the background in its data set ``field``, from so many samples of how many detectors; ``remarks`` are what a user must know of it."""

    path: Path
    field: str
    unit: str
    detectors: int
    samples: int
    seconds: float
    origin: dict[str, Any]
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"file": str(self.path), **{key: value for key, value in vars(self).items() if key != "path"}}


def inject(
    study: Study | str,
    observation: Path | str,
    out: Path | str,
    *,
    start: str | None = None,
    run: Path | str | None = None,
    stream: str | None = None,
    settings: Mapping[str, Any] | None = None,
    channels: Path | str | None = None,
    field: str = "cr",
    add_to: str | None = None,
    efficiency: float = 1.0,
    band_ghz: tuple[float, float] | None = None,
    again: bool = False,
    seed: int | None = None,
    workers: int = 1,
    executor: Where = None,
    progress: Progress = quiet,
) -> Injected:
    """Write a copy of an ``observation`` of litebird_sim to ``out``, with the stream in the new data set ``field``, and added to ``add_to``, such as tod.

    Samples are made at the file's own times and rate. ``start`` is the time of 0 s where the file counts seconds. ``channels`` is a table of detectors and
    the stream's channels; without it they go by equal names, or by their places in the simulation. Power becomes temperature with the ``efficiency`` and
    the file's bands, or ``band_ghz``, centre and width. ValueError for a file that has such a background already, unless ``again``.
    """
    study, source, out = find_study(study) if isinstance(study, str) else study, Path(observation), Path(out)
    seed = 1 if seed is None else seed
    at_least(1, workers=workers)
    not_negative(seed)
    check_executor(executor)
    refuse_place(out, file=True)
    if out.suffix not in HDF5:
        raise ValueError(f"'{out}': an observation is HDF5, {' or '.join(HDF5)}, not '{out.suffix}'")
    found = open_observation(source, add_to)
    _refuse_twice(found, out, field, add_to, again)
    begin = _begin(found, start)
    usual = make_stream(study, stream, settings)
    if not isinstance(usual, ObservedStream):
        raise ValueError(f"this stream of '{study.name}' cannot be made at the times of an observation")
    try:
        model = usual.at_rate(found.rate_hz)
    except ValueError as error:
        raise ValueError(f"'{source}' is sampled at {found.rate_hz:g} Hz: {error}") from None
    kelvin = [UNITS[found.unit] / watts_per_kelvin(*_band(found, row, band_ghz), efficiency, found.unit.endswith("RJ")) for row in range(len(found.names))]
    rows, by = _rows(found, model, None if channels is None else Path(channels))
    first = int(begin * exact_rate(model.rate_hz))
    contents = Contents(found.names, rows, found.unit, model.column.doc, model.rate_hz, first, found.samples, model.block_samples, {}, package_version())
    asked = checked(study, stream or next(iter(study.streams)), model, run, seed, contents)
    remarks = (*asked.remarks, *_shared(found, model, rows), *by)
    if efficiency == 1:
        remarks += ("the efficiency is taken as 1: with that of a real detector, --efficiency, the same power is a higher temperature",)
    told = {"field": field, "package_version": package_version(), **asked.contents.identity, "added_to": add_to, "efficiency": efficiency}
    told |= {"band_ghz": None if band_ghz is None else list(band_ghz), "channels": dict(zip(found.names, (model.channels[row] for row in rows), strict=True))}
    told["unit_per_watt"] = kelvin
    began = time.perf_counter()
    with (
        held(out.absolute().parent, f"stream of {study.name}", out.name),
        injecting(found, out, field, add_to, f"{model.column.doc}, {study.title}", told) as file,
    ):
        done, total = 0.0, found.samples
        progress(0, total, "")
        parts = parts_of(model, rows)
        jobs = _jobs(asked, model, parts, begin, found.samples)
        for job, values in _run(jobs, executor, workers):
            places = parts[job.part]
            file.put(places, job.first, values.astype(float) * np.array([kelvin[place] for place in places])[:, None])
            done += job.samples / len(parts)
            progress(int(done), total, "")
    return Injected(out, field, found.unit, len(found.names), found.samples, time.perf_counter() - began, told, remarks)


@dataclass(frozen=True)
class ObservedJob:
    """Some samples of a part of a stream, at an observation's times."""

    stream: Stream
    model: Asked | None
    seed: int
    part: int
    start_s: Fraction
    first: int
    samples: int
    rows: tuple[int, ...] = field(repr=False)

    def done(self) -> NDArray[np.float32]:
        """(channels, samples) of its rows."""
        stream = drawn_by(self.stream, self.model)
        assert isinstance(stream, ObservedStream)
        made = stream.make_at(self.part, self.seed, self.start_s, self.samples)
        return made[[row - self.part * len(made) for row in self.rows]]

    def __str__(self) -> str:
        return f"samples {self.first} to {self.first + self.samples - 1} of part {self.part}, seed {self.seed}"


def _jobs(asked: Described, model: Stream, parts: dict[int, list[int]], begin: Fraction, samples: int) -> list[ObservedJob]:
    each = ceil(samples / ceil(samples / model.block_samples))
    rows = {part: tuple(asked.contents.rows[place] for place in places) for part, places in parts.items()}
    return [
        ObservedJob(model, asked.model, asked.seed, part, begin + first / exact_rate(model.rate_hz), first, min(each, samples - first), rows[part])
        for first in range(0, samples, each)
        for part in parts
    ]


def _run(jobs: list[ObservedJob], executor: Where, workers: int) -> Any:
    return run(ObservedJob.done, jobs, executor, min(workers, len(jobs)), most=2 * workers)


def _refuse_twice(found: Observation, out: Path, name: str, add_to: str | None, again: bool) -> None:
    if out.exists():
        raise ValueError(f"'{out}' is there already: an observation is copied into a new file; give another name")
    if not re.fullmatch(r"\w+", name):
        raise ValueError(f"field: '{name}' is no name of a data set: give letters, digits and _")
    if name in found.taken:
        was = "of a background that was injected before" if found.fields.get(name) else "which is somebody else's"
        raise ValueError(f"'{found.path}' has a data set '{name}' already, {was}: give --field another name")
    if add_to is not None and found.fields[add_to] and not again:
        raise ValueError(f"'{found.path}': '{found.fields[add_to][0]}' was added to '{add_to}' before: with --again another one is added to it")


def _begin(found: Observation, start: str | None) -> Fraction:
    if found.dated:
        if start is not None:
            raise ValueError(f"'{found.path}' tells its own start: leave out --start")
        return found.start_s
    if start is None:
        raise ValueError(f"'{found.path}' begins at {float(found.start_s):g} s of a time that it does not tell: give --start, the date of 0 s, UTC")
    return start_s(start) + found.start_s


def _band(found: Observation, row: int, given: tuple[float, float] | None) -> tuple[float, float]:
    center, width = given or found.bands[row]
    if not (center > 0 and width > 0):
        raise ValueError(f"'{found.path}': detector '{found.names[row]}' has no band ({center:g} GHz, {width:g} GHz wide): give --band-ghz CENTRE WIDTH")
    return center, width


def _rows(found: Observation, model: Stream, table: Path | None) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Each detector's place among the stream's channels, and what must be said of that."""
    names, remarks = model.channels, tuple[str, ...]()
    if table is not None:
        wanted = _named(table, found)
        for detector, channel in wanted.items():
            if channel not in names:
                raise ValueError(f"'{table}': '{detector}' is at '{channel}', and there is none{meant(channel, names)}; there are {names[0]} to {names[-1]}")
        rows = tuple(names.index(wanted[name]) for name in found.names)
    elif set(found.names) <= set(names):
        return tuple(names.index(name) for name in found.names), ()
    else:
        if (most := max(found.places)) >= len(names):
            raise ValueError(
                f"'{found.path}': detector '{found.names[found.places.index(most)]}' is number {most} of its simulation, and the stream has {len(names)} "
                "channels: set wafers (--settings.wafers) and the bolometers of each, or give --channels, a table of detectors and channels"
            )
        rows, remarks = found.places, (f"detectors go by their places in the simulation: '{found.names[0]}' is {names[found.places[0]]}",)
    if twice := [name for name, row in zip(found.names, rows, strict=True) if rows.count(row) > 1]:
        raise ValueError(f"detectors '{twice[0]}' and '{twice[1]}' are one channel: their data would be the same")
    return rows, remarks


def _named(table: Path, found: Observation) -> dict[str, str]:
    if not table.is_file():
        raise ValueError(f"there is no file '{table}'")
    with table.open(newline="") as file:
        lines = list(csv.reader(file))
    if not lines or [word.strip() for word in lines[0]] != ["detector", "channel"] or any(len(line) != 2 for line in lines):
        raise ValueError(f"'{table}': needs the two columns 'detector' and 'channel', separated by a comma")
    named = {detector.strip(): channel.strip() for detector, channel in lines[1:]}
    if lacking := [name for name in found.names if name not in named]:
        raise ValueError(f"'{table}' says nothing of the detector '{lacking[0]}'{meant(lacking[0], named)}")
    return named


def _shared(found: Observation, model: Stream, rows: tuple[int, ...]) -> tuple[str, ...]:
    """ValueError where detectors of two wafers would share their hits; a remark where those of one do not."""
    parts = parts_of(model, rows)
    where: dict[str, set[int]] = {}
    for part, places in parts.items():
        named = {found.wafers[place]: found.names[place] for place in places if found.wafers[place]}
        if len(named) > 1:
            (one, first), (two, second) = list(named.items())[:2]
            raise ValueError(
                f"'{found.path}': detectors '{first}' and '{second}' are of the wafers {one} and {two}, and would share the hits of one: "
                "give --channels, a table of detectors and channels of several wafers (--settings.wafers)"
            )
        for wafer in named:
            where.setdefault(wafer, set()).add(part)
    split = [wafer for wafer, its in where.items() if len(its) > 1]
    return (f"the detectors of {', '.join(split[:SHOWN])} lie on several of the stream's wafers, and only those of one share hits",) if split else ()
