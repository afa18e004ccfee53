"""Write a stream of a study to a file: any length at constant memory, and after an interruption the rest of it, to the same bits."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.atomic import held, refuse_place
from cloudchamber.formats.recording import (
    FITS,
    MOST_FITS_CHANNELS,
    Contents,
    Recording,
    check_suffix,
    create,
    existing,
    needed_bytes,
    open_recording,
    refuse_full,
)
from cloudchamber.hub import find_run, load
from cloudchamber.jsonable import flat
from cloudchamber.meant import meant
from cloudchamber.parallel.executors import Where, check_executor, run
from cloudchamber.progress import Progress, quiet
from cloudchamber.run.files import RunFiles
from cloudchamber.schema import Schema
from cloudchamber.store.dataset import FILE as STORE_FILE
from cloudchamber.store.dataset import package_version
from cloudchamber.store.write import StoreWriter
from cloudchamber.stream import LearnedStream, PartedStream, Piece, Stream, digests_of, duration_s, samples_between, start_s
from cloudchamber.study import Study, find_study, make_stream, simulator_settings
from cloudchamber.workflow.stream_page import write_stream_page
from cloudchamber.workflow.tasks import Asked, at_least, not_negative

SHOWN = 5
TRIED_SAMPLES = 8192
"""How much truth there will be is told by that of so many samples."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Streamed:
    """What one call of ``stream`` made of the file's samples, and its time; ``remarks`` are what a user must know of it."""

    path: Path
    contents: Contents
    new_samples: int
    seconds: float
    remarks: tuple[str, ...] = ()
    report: Path | None = None

    @property
    def seconds_made(self) -> float:
        """How long the new data are."""
        return self.new_samples / self.contents.rate_hz

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        told = {name: getattr(self.contents, name) for name in ("names", "unit", "rate_hz", "first", "samples", "start_mjd", "identity")}
        report = None if self.report is None else str(self.report)
        return {"file": str(self.path), **told, "new_samples": self.new_samples, "seconds": self.seconds, "remarks": self.remarks, "report": report}


def stream(
    study: Study | str,
    out: Path | str,
    *,
    duration: str | None = None,
    start: str | None = None,
    run: Path | str | None = None,
    stream: str | None = None,
    settings: Mapping[str, Any] | None = None,
    detectors: str | None = None,
    seed: int | None = None,
    workers: int = 1,
    executor: Where = None,
    truth: Path | str | None = None,
    report: Path | str | None = None,
    progress: Progress = quiet,
) -> Streamed:
    """Write a ``duration`` (such as 30d) from ``start`` (such as 2032-07-01) on to ``out``, HDF5 or FITS by its suffix; the same call goes on after an end.

    A ``run`` draws in place of the simulator, ``stream`` is the study's first one by default, ``detectors`` are places or names such as 0-11, all by default,
    the ``seed`` is 1. ``truth`` is an event store of what made the data, ``report`` a folder for a page about the file. Without a duration and a start the
    file itself tells what it is to hold. ValueError where ``out`` holds something else: it says what.
    """
    study, out = find_study(study) if isinstance(study, str) else study, Path(out)
    at_least(1, workers=workers)
    not_negative(1 if seed is None else seed)
    if seed is not None and seed > LARGEST_SEED:
        raise ValueError(f"seed must be {LARGEST_SEED} at most, which a file's head can hold, got {seed}")
    check_executor(executor)
    check_suffix(out)
    if duration is None and start is None:
        options = {"run": run, "stream": stream, "settings": settings, "detectors": detectors, "seed": seed}
        asked = _of_file(study, open_recording(out), {name: value for name, value in options.items() if value is not None})
    elif duration is None or start is None:
        raise ValueError("give both: a duration such as 30d, and a start such as 2032-07-01; or neither, where the file tells what it is to hold")
    else:
        model = make_stream(study, stream, settings)
        name = stream or next(iter(study.streams))
        asked = _described(study, name, model, duration, start, run, detectors, 1 if seed is None else seed, out)
    refuse_place(out, file=True)
    if truth is not None:
        if Path(truth).absolute() == out.absolute():
            raise ValueError(f"truth: '{truth}' is the stream's own file: give the store of what made it a folder")
        refuse_place(Path(truth))
    if report is not None:
        _refuse_store(Path(report), truth)
    there = _there(out, asked.contents)
    _refuse_full_disks(out, there is None, None if truth is None else Path(truth), asked)
    began, made = time.perf_counter(), 0
    with ExitStack() as stack:
        stack.enter_context(held(out.absolute().parent, f"stream of {study.name}", out.name))
        # another one may have made it meanwhile
        recording = _there(out, asked.contents) or create(out, asked.contents)
        told = stack.enter_context(_truth_store(Path(truth), asked)) if truth is not None else None
        for samples in _write(recording, asked, told, workers, executor, progress):
            made += samples
    seconds, page = time.perf_counter() - began, None
    if report is not None:
        progress(0, 0, "drawing the page")
        page = write_stream_page(Path(report), study, asked.whole(), recording, asked.remarks)
    return Streamed(out, asked.contents, made, seconds, asked.remarks, page)


def _refuse_store(report: Path, truth: Path | str | None) -> None:
    """ValueError for a page in the folder of an event store, or OSError in none that can be made."""
    refuse_place(report)
    if (report / STORE_FILE).exists() or (truth is not None and report.absolute() == Path(truth).absolute()):
        raise ValueError(f"report: '{report}' is the folder of an event store: give the page another one")


def _refuse_full_disks(out: Path, new: bool, truth: Path | None, asked: Described) -> None:
    """OSError where the file, or the store of what made it, has no room; how much is in that is told by a short piece."""
    contents = asked.contents
    size = needed_bytes(contents) if new else 0
    if truth is None or truth.exists():
        refuse_full(out, size)
        return
    piece = min(contents.samples, TRIED_SAMPLES)
    told = asked.whole().make(asked.seed, contents.first, contents.first + piece).truth
    parts = len(parts_of(asked.stream, contents.rows)) / max(len(parts_of(asked.stream, range(len(asked.stream.channels)))), 1)
    more = int(sum(np.asarray(values).nbytes for values in told.values()) * parts * contents.samples / piece)
    one_disk = os.stat(existing(out)).st_dev == os.stat(existing(truth)).st_dev
    refuse_full(out, size + (more if one_disk else 0))
    refuse_full(truth, more)


@dataclass(frozen=True)
class Described:
    """A stream, who draws it, and what a file of it holds."""

    stream: Stream
    model: Asked | None
    seed: int
    contents: Contents
    remarks: tuple[str, ...] = ()

    def whole(self) -> Stream:
        """The stream, drawn by the model where there is one."""
        return drawn_by(self.stream, self.model)


def drawn_by(stream: Stream, model: Asked | None) -> Stream:
    """The stream, drawn by the model where there is one."""
    if model is None:
        return stream
    if not isinstance(stream, LearnedStream):
        raise ValueError("this stream takes no run: only the simulator makes it")
    return _learned(stream, model)


@lru_cache(maxsize=4)
def _learned(stream: Any, model: Asked) -> Stream:
    """Once a process: what it prepares, such as tables, serves all blocks."""
    learned: Stream = stream.learned(model.model())
    return learned


def _described(
    study: Study, name: str, model: Stream, duration: str, start: str, run: Path | str | None, detectors: str | None, seed: int, out: Path
) -> Described:
    first, stop = samples_between(model.rate_hz, start_s(start), duration_s(duration))
    rows = chosen(detectors, model.channels)
    if out.suffix in FITS and len(rows) > MOST_FITS_CHANNELS:
        raise ValueError(f"'{out}': a FITS table has {MOST_FITS_CHANNELS} columns at most, got {len(rows)} detectors; write .h5, or name fewer")
    contents = Contents(
        names=tuple(model.channels[row] for row in rows),
        rows=rows,
        unit=model.column.unit,
        doc=model.column.doc,
        rate_hz=model.rate_hz,
        first=first,
        samples=stop - first,
        block_samples=model.block_samples,
        identity={},
        package_version=package_version(),
    )
    return checked(study, name, model, run, seed, contents)


def _of_file(study: Study, there: Recording, options: Mapping[str, Any]) -> Described:
    """What a file was begun as."""
    found = there.contents.identity
    if found.get("study") != study.name:
        raise ValueError(f"'{there.path}' holds a stream of the study '{found.get('study')}', not of '{study.name}'")
    if options:
        raise ValueError(f"{next(iter(options))} goes with a duration and a start: without them '{there.path}' itself tells what it is to hold")
    model = make_stream(study, found["stream"], {key: value for key, value in found["settings"].items() if key != "kind"})
    return checked(study, found["stream"], model, found["run"] or None, found["seed"], there.contents)


def checked(study: Study, name: str, model: Stream, run: Path | str | None, seed: int, contents: Contents) -> Described:
    """A stream's ``contents`` with their identity, the run that draws it, and what a user must know; ValueError for a run or times that do not fit."""
    asked = None if run is None else Asked.of(run, load(run))
    if run is not None:
        _refuse_other_settings(model, find_run(run)[0])
    found = Described(model, asked, seed, contents)
    remarks = found.whole().ready(contents.first, contents.first + contents.samples)
    identity = {
        "study": study.name,
        "stream": name,
        "settings": simulator_settings(model),
        "files": digests_of(model),
        "seed": seed,
        "run": "" if run is None else _name_of(run),
        "weights": "none" if asked is None else asked.model().digest[:16],
    }
    # as a file gives it back
    contents = replace(contents, identity=json.loads(json.dumps(identity)))
    return replace(found, contents=contents, remarks=remarks)


def _name_of(run: Path | str) -> str:
    """By which the run is found again: a packaged one by its study and recipe, wherever the package is."""
    folder, study = find_run(run)
    return f"{study.name}/{folder.name}" if folder.parent == study.pretrained else str(folder)


def _refuse_other_settings(model: Stream, run: Path) -> None:
    """ValueError where a run learned from a simulator of other settings than the stream's: phi of another spectrum, another wafer."""
    if not isinstance(model, LearnedStream):
        return
    files = RunFiles(run)
    learned, now = flat(files.read_json(files.metrics).get("training", {}).get("settings", {})), flat(simulator_settings(model))
    for key in learned:
        if any(f"{key}.".startswith(f"{name}.") for name in model.learned_settings) and learned[key] != now.get(key):
            raise ValueError(f"settings.{key} is {now.get(key, 'absent')}, and the run learned from events with {learned[key]}: set it so, or train another")


def chosen(detectors: str | None, names: Sequence[str]) -> tuple[int, ...]:
    """Places of the channels that a user's words name, such as "0-3,7" or "bolometer_02": ValueError for one that is not there, or twice."""
    if detectors is None:
        return tuple(range(len(names)))
    rows: list[int] = []
    for word in (part.strip() for part in detectors.split(",")):
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", word)
        if word in names:
            rows.append(names.index(word))
        elif span and int(span[1]) <= int(span[2] or span[1]) < len(names):
            rows.extend(range(int(span[1]), int(span[2] or span[1]) + 1))
        else:
            raise ValueError(f"detectors: there is no '{word}'{meant(word, names)}; there are 0 to {len(names) - 1}, {names[0]} to {names[-1]}")
    if (twice := next((row for row in rows if rows.count(row) > 1), None)) is not None:
        raise ValueError(f"detectors: '{names[twice]}' is named twice")
    return tuple(rows)


def _there(out: Path, wanted: Contents) -> Recording | None:
    """The file that is there, None where there is none; ValueError where it is another one's."""
    if not out.exists():
        return None
    found = open_recording(out)
    found = replace(found, contents=_with_new_settings(found.contents, wanted))
    was, now = (_decisive(contents) for contents in (found.contents, wanted))
    if keys := [key for key in {**was, **now} if was.get(key) != now.get(key)]:
        words = [f"{key} was {was.get(key, 'absent')}, is now {now.get(key, 'absent')}" for key in keys[:SHOWN]]
        more = [f"{len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
        raise ValueError(f"'{out}' holds another stream ({'; '.join(words + more)}): give the same, or another file")
    return found


def _with_new_settings(was: Contents, now: Contents) -> Contents:
    """Settings that there were not yet when a file was begun stand at their defaults in it."""
    if any(was.identity.get(key) != now.identity[key] for key in ("study", "stream")):
        return was
    usual = simulator_settings(make_stream(find_study(now.identity["study"]), now.identity["stream"]))
    return replace(was, identity={**was.identity, "settings": json.loads(json.dumps(usual)) | was.identity["settings"]})


def _decisive(contents: Contents) -> dict[str, Any]:
    """All that decides what a file holds; where a run lies is none of it."""
    identity = {key: value for key, value in contents.identity.items() if key != "run"}
    told = {"start": contents.start_mjd, "samples": contents.samples, "detectors": ", ".join(contents.names), "block_samples": contents.block_samples}
    return {**flat(identity), **told}


def _truth_store(folder: Path, asked: Described) -> StoreWriter:
    settings = _decisive(asked.contents)
    name = f"{asked.contents.identity['stream']} stream"
    blocks = asked.contents.blocks * len(parts_of(asked.stream, asked.contents.rows))
    return StoreWriter(folder, Schema({}, dict(asked.stream.truth)), name, settings, asked.seed, blocks=blocks, order="given")


def parts_of(stream: Stream, rows: Sequence[int]) -> dict[int, list[int]]:
    """The stream's parts that hold the channels ``rows``, and which of ``rows`` each holds; all of them are one where it has no parts."""
    if not isinstance(stream, PartedStream):
        return {0: list(range(len(rows)))}
    each, found = len(stream.channels) // stream.parts, dict[int, list[int]]()
    for place, row in enumerate(rows):
        found.setdefault(row // each, []).append(place)
    return found


@dataclass(frozen=True)
class StreamJob:
    """A block of a part of a stream to make."""

    stream: Stream
    model: Asked | None
    seed: int
    block: int
    part: int
    first: int
    stop: int
    rows: tuple[int, ...] = field(repr=False)
    truth: bool

    def done(self) -> Piece:
        """Its samples of the wanted channels, and where it is asked for their truth."""
        stream = drawn_by(self.stream, self.model)
        if not isinstance(stream, PartedStream):
            made = stream.make(self.seed, self.first, self.stop, self.truth)
            return Piece(made.values[list(self.rows)], made.truth)
        made = stream.make_part(self.part, self.seed, self.first, self.stop, self.truth)
        return Piece(made.values[[row - self.part * len(made.values) for row in self.rows]], made.truth)

    def __str__(self) -> str:
        part = f", part {self.part}" if self.part else ""
        return f"block {self.block}{part}, samples {self.first} to {self.stop - 1}, seed {self.seed}"


def _write(recording: Recording, asked: Described, told: StoreWriter | None, workers: int, executor: Where, progress: Progress) -> Iterator[int]:
    """Samples of each block as it is complete."""
    contents, done = asked.contents, recording.done()
    parts = parts_of(asked.stream, contents.rows)
    # of each part of a block
    lacking = set[int]() if told is None else set(told.missing(contents.blocks * len(parts)))
    blocks = [block for block in range(contents.blocks) if not done[block] or lacking & {block * len(parts) + n for n in range(len(parts))}]
    total, made = sum(stop - first for first, stop in map(contents.samples_of, blocks)), 0.0
    progress(0, total, "")
    numbers = [(block, number) for block in blocks for number in range(len(parts)) if not done[block] or block * len(parts) + number in lacking]
    left, part_names = Counter(block for block, _ in numbers), list(parts)
    jobs = (
        StreamJob(
            asked.stream, asked.model, asked.seed, block, part, *contents.samples_of(block), tuple(contents.rows[p] for p in parts[part]), told is not None
        )
        for block, part in ((block, part_names[number]) for block, number in numbers)
    )
    for job, piece in run(StreamJob.done, jobs, executor, min(workers, max(len(numbers), 1)), most=2 * workers):
        place = job.block * len(parts) + part_names.index(job.part)
        if told is not None and place in lacking:
            told.write_block(place, piece.truth)
        if not done[job.block]:
            recording.put(job.block, piece.values, parts[job.part])
        left[job.block] -= 1
        made += (job.stop - job.first) / len(parts)
        progress(int(made), total, "")
        if not left[job.block] and not done[job.block]:
            recording.mark(job.block)
            yield job.stop - job.first
