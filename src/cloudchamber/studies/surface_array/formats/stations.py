"""Any array of stations with one or two layers, in HDF5 or parquet: one row a station, flat columns of these names.

================= ==============================================================================================================================
``event``         whole number; the rows of one event share it and stand together or not
``x_m``, ``y_m``  the station's position in the array's coordinates, x to the east, y to the north; ``z_m`` its height, where heights differ
``start_ns``      time of the record's first sample, on one clock for all stations of an event; of no matter without a record
``waveform_upper``, ``waveform_lower``  samples of the two layers; a station with one layer gives it twice. Without a record: empty lists or zeros
``alive``         whether the station worked: one that did and has no record is silent, one that did not counts for nothing (default: true)
================= ==============================================================================================================================

The file's attributes (HDF5 attributes or parquet metadata) say how samples are to be read: ``step_ns`` between them (needed), ``counts_per_vem`` (the sum of
samples above the pedestal that a vertical muon gives, default 50), ``pedestal_counts`` (default 5.5) and ``saturation_counts`` (default 4095). Other steps than
20 ns are sampled anew, and every record becomes 256 samples. Further columns with the study's names (``zenith_deg``, ``core_x_m`` ...), the same in all rows of
an event, are the event's; where ``origin_x_m``, ``origin_y_m`` and ``origin_ns`` are among them, they set the event's frame, and ``start_ns`` counts from
``origin_ns``. An event without any station needs a row too, with ``alive`` false.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Table
from cloudchamber.studies.surface_array.columns import BINS, HITS, PARTICLES, SEEN, SILENT, STEP_NS, THETA
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.formats.events import FROM_FILE, ORIGIN_OF, Event, Station, in_frame, to_table
from cloudchamber.studies.surface_array.formats.read_flags import ReadFlag
from cloudchamber.studies.surface_array.formats.resample import DETECTOR, to_counts, to_samples, window

LAYERS = ("waveform_upper", "waveform_lower")
NEEDED = ("event", "x_m", "y_m", "start_ns", *LAYERS)
OF_STATION = (*NEEDED, "z_m", "alive")
ORIGIN = ("origin_x_m", "origin_y_m", "origin_ns")
OWN = {
    "step_ns": STEP_NS,
    "counts_per_vem": DETECTOR.counts_per_vem,
    "pedestal_counts": DETECTOR.pedestal_counts,
    "saturation_counts": float(DETECTOR.saturation_counts),
}
"""Attributes, with the values of records that need no conversion."""
FEWEST_STATIONS, WIDE_M = 3, 300.0
SHORT, LONG, LATE_NS = 0.003, 30.0, 2e4
"""Fronts of showers cross an event's stations in some share of light's time: times that say so much less, or more, are in another unit."""
ALLOWED = {"step_ns": (0.1, 1000.0), "counts_per_vem": (1e-3, 1e6), "pedestal_counts": (-1e6, 1e6), "saturation_counts": (1.0, 1e6)}


def from_rows(path: Path, rows: Mapping[str, np.ndarray], attributes: Mapping[str, Any]) -> Table:
    """HITS, SILENT, what readers add (events.py) and the event's columns that the file has; ``rows`` are arrays of one length, of lists where those differ.

    ValueError names the file and column: a missing column or attribute, an attribute outside its range, no station with a finite position. What is wrong with
    single stations and events is flagged (read_flags.py).
    """
    missing = [name for name in NEEDED if name not in rows]
    if missing:
        raise ValueError(f"'{path}': no column '{missing[0]}'; one row a station needs {', '.join(NEEDED)}; it has: {', '.join(rows) or 'nothing'}")
    if len(lengths := {name: len(values) for name, values in rows.items()}) and len(set(lengths.values())) != 1:
        raise ValueError(f"'{path}': columns of different lengths, {lengths}; every column needs one entry a station")
    settings = {name: _setting(path, name, attributes) for name in OWN}
    number, first, index = _events(path, rows["event"])
    place = {name: _floats(path, name, rows[name]) for name in ("x_m", "y_m", "z_m") if name in rows}
    for name in ("x_m", "y_m"):
        if len(index) and not np.isfinite(place[name]).any():
            raise ValueError(
                f"'{path}', event {number[0]}, column '{name}': {place[name][0]}; allowed: the metres at which the station stands, from -1e8 to 1e8"
            )
    recorded = _recorded(rows)
    alive = np.ones(len(index), bool) if "alive" not in rows else np.asarray(rows["alive"]).astype(bool)
    if all(name in rows for name in ORIGIN):
        start, (east, north, clock) = _floats(path, "start_ns", rows["start_ns"]), (rows[name][first] for name in ORIGIN)
        origins = [(float(x), float(y), 0) for x, y in zip(east, north, strict=True)]
        events = [Event(int(n), int(c), origin=o) for n, c, o in zip(number, clock, origins, strict=True)]
    else:
        start, clock = _times(path, rows["start_ns"], recorded, index, len(first))
        events = [Event(int(n), int(c)) for n, c in zip(number, clock, strict=True)]
    _refuse_times(path, place, np.where(recorded, start, np.nan), index)
    for row in range(len(index)):
        event, x, y = events[index[row]], float(place["x_m"][row]), float(place["y_m"][row])
        if recorded[row]:
            record = _record([rows[name][row] for name in LAYERS], settings)
            if record is None:
                event.flags |= ReadFlag.BAD_SAMPLES
                continue
            counts, later_ns, cropped = record
            event.flags |= ReadFlag.CROPPED if cropped else ReadFlag(0)
            event.stations.append(Station(x, y, float(place["z_m"][row]) if "z_m" in place else 0.0, float(start[row]) + later_ns, counts))
        elif alive[row]:
            event.silent_m.append((x, y))
    table = to_table(events)
    for name in rows:
        if name not in (*OF_STATION, *ORIGIN):
            values = rows[name][first]
            table[name] = table[name] | values.astype(np.int64) if name == "read_flags" else in_frame(table, name, values)
    if "particle" in table and table["particle"].dtype.kind in "OSU":
        table["particle"] = THETA["particle"].codes("particle", table["particle"].astype(str))
    return table


def to_rows(table: Table) -> dict[str, np.ndarray]:
    """Columns, one row a station, that ``from_rows`` reads back with the attributes OWN; positions in the array's coordinates, times from the event's zero.

    The parametric fit is left out: reading makes it anew.
    """
    missing = [name for name in (*HITS, *SILENT) if name not in table]
    if missing:
        raise ValueError(f"a file of stations needs the columns {', '.join((*HITS, *SILENT))}; '{missing[0]}' is missing")
    events = len(table["station_x_m"])
    hits, silent = (np.diff(table[name].offsets) for name in ("station_x_m", "silent_x_m"))
    # an event without stations keeps a row, of a station that is not alive
    empty = np.flatnonzero(hits + silent == 0)
    index = np.concatenate([np.repeat(np.arange(events), hits), np.repeat(np.arange(events), silent), empty])
    quiet, order = int(silent.sum()) + len(empty), np.argsort(index, kind="stable")
    of_event = {name: np.asarray(table.get(name, np.zeros(events, FROM_FILE[name].dtype))) for name in ORIGIN}
    of_event |= {name: values for name, values in table.items() if name not in {**SEEN, **dict.fromkeys((*ORIGIN, "event_id"))}}
    if "particle" in of_event:
        of_event["particle"] = np.array(PARTICLES)[of_event["particle"]]
    for name in ORIGIN_OF:
        if name in of_event:
            of_event[name] = np.asarray(of_event[name], np.float64) + of_event[ORIGIN_OF[name]]
    number = np.asarray(table.get("event_id", np.arange(events)), np.int64)
    rows = {"event": (number if len(np.unique(number)) == events else np.arange(events))[index]}
    for axis in "xy":
        parts = [table[f"{kind}_{axis}_m"].values.astype(np.float64) for kind in ("station", "silent")]
        rows[f"{axis}_m"] = np.concatenate([*parts, np.zeros(len(empty))]) + of_event[f"origin_{axis}_m"][index]
    rows["start_ns"] = np.concatenate([table["start_ns"].values, np.zeros(quiet)])
    for layer, name in enumerate(LAYERS):
        rows[name] = np.concatenate([table["waveform"].values[:, layer], np.zeros((quiet, BINS), np.uint16)])
    rows["alive"] = np.arange(len(index)) < len(index) - len(empty)
    rows |= {name: values[index] for name, values in of_event.items()}
    return {name: values[order] for name, values in rows.items()}


def _setting(path: Path, name: str, attributes: Mapping[str, Any]) -> float:
    low, high = ALLOWED[name]
    if name not in attributes and name != "step_ns":
        return OWN[name]
    try:
        value = float(np.asarray(attributes[name]).reshape(-1)[0])
    except (KeyError, ValueError, IndexError):
        value = np.nan
    if not low <= value <= high:
        raise ValueError(f"'{path}', attribute '{name}': {attributes.get(name, 'missing')}; allowed: a number from {low:g} to {high:g}")
    return value


def _events(path: Path, column: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number and first row of each event, in the order of the file, and each row's position in that list."""
    values = column if column.dtype.kind in "iu" else _floats(path, "event", column)
    # beyond, neighbouring numbers are the same in double precision (integers keep them up to 2^63)
    most = 2**53 if values.dtype.kind == "f" else 2**63 - 1
    bad = ~np.isfinite(values) | (values % 1 != 0) | (values > most) | (values < -most)
    if bad.any():
        raise ValueError(
            f"'{path}', row {int(np.argmax(bad))}, column 'event': {column[bad][0]}; allowed: a whole number up to {most}, stored as an integer beyond 2^53"
        )
    number, first, index = np.unique(values.astype(np.int64), return_index=True, return_inverse=True)
    order = np.argsort(first)
    return number[order], first[order], np.argsort(order)[index]


def _floats(path: Path, name: str, column: np.ndarray) -> NDArray[np.float64]:
    try:
        return np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"'{path}', column '{name}': {column[0]!r}; allowed: one number a station") from None


def _recorded(rows: Mapping[str, np.ndarray]) -> NDArray[np.bool_]:
    """Rows with a sample that is not zero."""
    found = np.zeros(len(rows["event"]), bool)
    for name in LAYERS:
        column = rows[name]
        found |= column.any(axis=1) if column.ndim == 2 else np.array([bool(np.any(np.asarray(each))) for each in column], bool)
    return found


def _times(path: Path, column: np.ndarray, recorded: np.ndarray, index: np.ndarray, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Start of each record after its event's clock, and the clock, the whole ns of its first; whole numbers such as GPS nanoseconds lose nothing."""
    whole = column.dtype.kind in "iu"
    times = column.astype(np.int64) if whole else _floats(path, "start_ns", column)
    good = recorded & (np.isfinite(times) & (np.abs(times) < 9e18))
    clock = np.full(events, np.iinfo(np.int64).max)
    np.minimum.at(clock, index[good], times[good] if whole else np.floor(times[good]).astype(np.int64))
    clock[clock == np.iinfo(np.int64).max] = 0
    return np.where(recorded, times - clock[index], 0).astype(np.float64), clock


def _refuse_times(path: Path, place: Mapping[str, np.ndarray], start: np.ndarray, index: np.ndarray) -> None:
    """ValueError where the records of most events start far too close together, or too far apart, for the distances of their stations.

    Records that start all at once, as behind a common trigger, tell nothing.
    """
    values = np.stack([place["x_m"], place["y_m"], start], axis=1)
    good = np.isfinite(values).all(axis=1)
    index, values = index[good], values[good]
    order = np.argsort(index, kind="stable")
    events, first, stations = np.unique(index[order], return_index=True, return_counts=True)
    if not len(events):
        return
    east, north, lasted = (np.maximum.reduceat(values[order], first) - np.minimum.reduceat(values[order], first)).T
    across = np.hypot(east, north)
    telling = (stations >= FEWEST_STATIONS) & (lasted > 0) & (across > 0)
    for wrong, cause in (
        (telling & (across >= WIDE_M), "times in microseconds? give nanoseconds"),
        (telling & (lasted >= LATE_NS), "times in picoseconds? give nanoseconds"),
        (telling & (lasted < LATE_NS), "positions in kilometres? give metres"),
    ):
        if not 2 * wrong.sum() > telling.sum():
            continue
        apart, distance = np.median(lasted[wrong]), np.median(across[wrong])
        share = np.median(LIGHT_M_NS * lasted[wrong] / across[wrong])
        if share < SHORT if "micro" in cause else share > LONG:
            raise ValueError(
                f"'{path}', column 'start_ns': records of an event start {apart:.3g} ns apart at stations {distance:.3g} m apart, "
                f"for which light takes {distance / LIGHT_M_NS:.3g} ns: are the {cause}"
            )


def _record(layers: list[Any], settings: Mapping[str, float]) -> tuple[NDArray[np.uint16], float, bool] | None:
    """Counts (2, 256), how much later (ns) they start than the file's record, and whether signal was cut off; None where a sample is not finite or absent."""
    upper, lower = (np.asarray(layer) for layer in layers)
    if upper.ndim != 1 or upper.shape != lower.shape or upper.dtype.kind not in "iuf" or lower.dtype.kind not in "iuf":
        return None
    samples = np.stack([upper, lower])
    if settings == OWN and samples.dtype == np.uint16 and samples.shape[1] == BINS and samples.max() <= DETECTOR.saturation_counts:
        return samples, 0.0, False
    if not np.isfinite(samples).all() or np.abs(samples).max() > 1e9:
        return None
    signal = (samples - settings["pedestal_counts"]) / settings["counts_per_vem"]
    signal, first, cropped = window(signal if settings["step_ns"] == STEP_NS else to_samples(signal, settings["step_ns"]))
    return to_counts(signal, bool((samples >= settings["saturation_counts"]).any())), first * STEP_NS, cropped
