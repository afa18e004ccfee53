"""Events of the Pierre Auger Observatory's Open Data (releases 1 to 3, doi 10.5281/zenodo.4487612): a JSON file each, a folder or a zip file of them.

The water-Cherenkov tanks have one kind of record, so both layers get the same: the mean of the photomultipliers' traces from ``signalStartBin`` to
``signalStopBin``, sampled anew from 25 to 20 ns, scaled so that its sum is ``signal`` (VEM), and placed so that it starts at ``t``. What rests on times and on
ratios of signals, direction and core, can be reconstructed; S800 and the energy are in the VEM of a tank 1.2 m deep and mean nothing for scintillators.
Stations with ``isSelected`` 0 are random coincidences and left out; the files do not tell which stations were silent. Times are moved to one level.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.formats.hidden import is_visible
from cloudchamber.schema import Table
from cloudchamber.studies.surface_array.columns import BINS, STEP_NS
from cloudchamber.studies.surface_array.formats.events import Event, Station, in_frame, to_table
from cloudchamber.studies.surface_array.formats.read_flags import ReadFlag
from cloudchamber.studies.surface_array.formats.resample import DETECTOR, KEPT_SHARE, QUIET_SAMPLES, to_counts, to_samples

TRACE_STEP_NS = 25.0
PMTS = ("pmt1", "pmt2", "pmt3")
FIRST_BIN = 10
"""Where the signal starts in files of format 1, which lack ``signalStartBin``."""
RECONSTRUCTED = {"zenith_deg": ("theta", 1.0), "azimuth_deg": ("phi", 1.0), "energy_ev": ("energy", 1e18), "core_x_m": ("x", 1.0), "core_y_m": ("y", 1.0)}
"""Columns from the observatory's own reconstruction ``sdrec``: its name of them, and its unit in ours."""


def read_auger(path: Path) -> Table | Iterator[Table]:
    """HITS, empty SILENT, what readers add (events.py), and columns of theta from the observatory's own reconstruction where every event has one.

    In a folder, a zip file or a list, an event that cannot be read stays, without stations and with a flag; ValueError where none can, and for a single file.
    Of many events chunks: all are looked through first, for what every one of them has.
    """
    shared, count, errors, first = list(RECONSTRUCTED), 0, list[str](), None
    for documents in _portions(path):
        part = _read(path, documents)
        first = part if count == 0 else None
        count, errors = count + len(part.events), errors + part.errors
        shared = [column for column in shared if all(column in each for each in part.reconstructed)]
    if count == 0:
        raise ValueError(f"'{path}' holds no event: an Auger event is a JSON object with 'stations'; give the file of one, a folder, a list or a zip file")
    if len(errors) == count:
        raise ValueError(errors[0])
    return first.table(shared) if first is not None else (_read(path, documents).table(shared) for documents in _portions(path))


class _Part(NamedTuple):
    """Some events, what the observatory says of each, and what was wrong with those that cannot be read."""

    events: list[Event]
    reconstructed: list[dict[str, float]]
    errors: list[str]

    def table(self, shared: list[str]) -> Table:
        table = to_table(self.events)
        return table | {column: in_frame(table, column, np.array([each[column] for each in self.reconstructed])) for column in shared}


def _read(path: Path, documents: list[tuple[str, Any]]) -> _Part:
    part = _Part([], [], [])
    for name, text in documents:
        try:
            document = json.loads(text) if isinstance(text, (str, bytes)) else text
            event, reconstructed = _event(name, document), _reconstructed(document)
        except (ValueError, RecursionError) as error:
            part.errors.append(f"'{path}', event {name}: {error}")
            event, reconstructed = Event(_number(name), flags=ReadFlag.UNREADABLE), {}
        part.events.append(event)
        part.reconstructed.append(reconstructed)
    return part


def _portions(path: Path) -> Iterator[list[tuple[str, Any]]]:
    documents = _documents(path)
    while portion := list(islice(documents, CHUNK_EVENTS)):
        yield portion


def _documents(path: Path) -> Iterator[tuple[str, Any]]:
    """Name and content of each event's file: text, or from a list the parsed object."""
    if path.is_dir():
        yield from ((file.name, file.read_bytes()) for file in sorted(path.rglob("*.json")) if is_visible(file.relative_to(path).parts))
    elif not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in sorted(archive.namelist()) if name.endswith(".json") and is_visible(PurePosixPath(name).parts))
    else:
        text = path.read_bytes()
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"'{path}' is not JSON (damaged or cut short?): {error}") from None
        yield from ((f"{number} of the list", each) for number, each in enumerate(content)) if isinstance(content, list) else [(path.name, content)]


def _event(name: str, document: Any) -> Event:
    stations = document.get("stations") if isinstance(document, dict) else None
    if not isinstance(stations, list) or not all(isinstance(each, dict) for each in stations):
        raise ValueError("no list 'stations' of objects: not an event of the surface detector in the Open Data's format")
    number = document.get("info", document).get("id") if isinstance(document.get("info", document), dict) else None
    event = Event(int(number) if isinstance(number, (int, str)) and str(number).isdigit() else _number(name))
    for station in stations:
        if station.get("isSelected", 1):
            _add(event, station)
    if stations and event.flags & ReadFlag.BAD_STATION and not event.stations:
        raise ValueError(f"none of {len(stations)} stations has x, y, t and signal as finite numbers; the first is {_shortened(stations[0])}")
    return event


def _add(event: Event, station: dict[str, Any]) -> None:
    x, y, z, t, signal = (_finite(station.get(key, 0.0 if key == "z" else None)) for key in ("x", "y", "z", "t", "signal"))
    if None in (x, y, z, t, signal) or signal < 0:  # type: ignore[operator]
        event.flags |= ReadFlag.BAD_STATION
        return
    shape = _shape(station)
    if shape is None:
        event.flags |= ReadFlag.NO_TRACE
        after = (np.arange(BINS - QUIET_SAMPLES) + 0.5) * STEP_NS
        shape = np.exp(-after / DETECTOR.fall_ns) - np.exp(-after / DETECTOR.rise_ns)
    layer = np.zeros(BINS)
    samples = signal * shape / shape.sum()
    layer[QUIET_SAMPLES:] = np.pad(samples, (0, BINS))[: BINS - QUIET_SAMPLES]
    event.flags |= ReadFlag.CROPPED if layer.sum() < KEPT_SHARE * samples.sum() else ReadFlag(0)
    counts = to_counts(np.stack([layer, layer]), saturated=bool(station.get("sat", station.get("extra", {}).get("sat", 0))))
    event.stations.append(Station(x, y, z, t - QUIET_SAMPLES * STEP_NS, counts))  # type: ignore[arg-type, operator]


def _shape(station: dict[str, Any]) -> np.ndarray | None:
    """The mean trace of the photomultipliers that work, from the start of the signal on, in samples of 20 ns; None where there is none."""
    traces = [np.asarray(station.get(name) or [], dtype=np.float64) for name in PMTS if isinstance(station.get(name) or [], list)]
    traces = [trace for trace in traces if trace.ndim == 1 and len(trace) and np.isfinite(trace).all() and trace.max() > 0]
    if not traces:
        return None
    length = min(map(len, traces))
    mean = np.mean([trace[:length] for trace in traces], axis=0)
    start, stop = (station.get(key) for key in ("signalStartBin", "signalStopBin"))
    start = start if isinstance(start, int) and 0 <= start < length else FIRST_BIN if length > FIRST_BIN else 0
    mean = np.maximum(mean[start : stop + 1 if isinstance(stop, int) and stop > start else length], 0)
    return to_samples(mean, TRACE_STEP_NS) if mean.sum() > 0 else None


def _reconstructed(document: dict[str, Any]) -> dict[str, float]:
    """Columns of the observatory's reconstruction: ``sdrec``, in files of format 1 the event itself."""
    source = document.get("sdrec", document)
    if not isinstance(source, dict):
        return {}
    values = {column: _finite(source.get(key)) for column, (key, _) in RECONSTRUCTED.items()}
    return {column: value * RECONSTRUCTED[column][1] for column, value in values.items() if value is not None}


def _finite(value: Any) -> float | None:
    """A JSON number, None for anything else."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and abs(value) < 1e15 else None


def _number(name: str) -> int:
    """The digits of a file's name, such as Auger_081847956000.json; -1 where there are none."""
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits and len(digits[-1]) < 19 else -1


def _shortened(station: dict[str, Any]) -> str:
    return json.dumps({key: station.get(key) for key in ("id", "x", "y", "t", "signal")})
