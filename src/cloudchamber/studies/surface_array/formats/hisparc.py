"""HiSPARC's HDF5 files as SAPPHiRE writes them: coincidences of stations with two or four scintillators, traces as compressed text.

``/coincidences`` holds the table ``coincidences``, ``c_index`` (for each coincidence pairs of station and row of its events) and ``s_index`` (the stations'
groups). A station's group holds the table ``events``, ``blobs`` (traces: zlib-compressed numbers with commas, 12-bit samples of 2.5 ns) and ``config`` with its
position (GPS), a row each time that it was set: an event has the one that was in force. A group without ``config`` may have attributes ``x_m``, ``y_m`` and
``z_m`` instead.

A station's scintillators stand side by side: the first and the third give our upper layer, the second and the fourth the lower one, each layer their mean.
Samples count in particles: by ``n1`` .. ``n4`` of the event, else by the group's attribute ``mip_integral`` (ADC counts times samples), else by the most
probable integral of the station's events. S800 and energy then refer to a detector of 0.5 m2 and to densities far below this study's showers.

References: D. Fokkema, PhD thesis, Twente (2012); the documentation of SAPPHiRE, `sapphire.analysis.process_events` and `sapphire.analysis.coincidences`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.schema import Table
from cloudchamber.studies.surface_array.columns import STEP_NS
from cloudchamber.studies.surface_array.formats.events import Event, Station, to_table
from cloudchamber.studies.surface_array.formats.read_flags import ReadFlag
from cloudchamber.studies.surface_array.formats.resample import to_counts, to_samples, window

if TYPE_CHECKING:
    import h5py

ADC_STEP_NS, ADC_MOST = 2.5, 4095
LOW, HIGH = 253, 323
"""ADC counts of a station's two thresholds, 30 and 70 mV above a baseline of 200: two detectors trigger with two low, four with three low or two high."""
FEWEST_INTEGRALS = 100
WGS84_M, WGS84_E2 = 6_378_137.0, 6.694_379_990_14e-3


@dataclass(frozen=True)
class Site:
    """A station's group: its events' table, traces, where it stood since when, and counts x samples of one particle."""

    name: str
    group: h5py.Group
    fields: tuple[str, ...]
    since_ns: NDArray[np.int64]
    places: NDArray[np.float64]
    """A row for each of ``since_ns``: latitude and longitude (rad) and height (m), or x, y, z (m)."""
    on_globe: bool
    mip_integral: float | None

    def place(self, clock_ns: int) -> NDArray[np.float64]:
        """Where it stood then; before its first row, where that puts it."""
        return self.places[max(int(np.searchsorted(self.since_ns, clock_ns, side="right")) - 1, 0)]


@dataclass(frozen=True)
class Records:
    """The records of a station that some coincidences need: rows from ``first`` on."""

    site: Site
    first: int
    rows: NDArray[Any]

    def row(self, number: int) -> Any:
        """A record; None where the table has no such row."""
        return self.rows[number - self.first] if 0 <= number - self.first < len(self.rows) else None


MipIntegral: TypeAlias = Annotated[float | None, "HiSPARC: ADC counts times samples of one particle, for stations without n1 to n4"]


def read_hisparc(path: Path, *, mip_integral: MipIntegral = None) -> Iterator[Table]:
    """HITS, empty SILENT and what readers add (events.py), an event for each coincidence, in chunks; the origin is an array's own only within one file.

    ValueError names the file and what is missing: the tables, the stations' positions, a way to calibrate. What is wrong with single records is flagged.
    """
    import h5py

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with h5py.File(path) as file:
            yield from _read(path, file, mip_integral)
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file in HiSPARC's layout (damaged or cut short?): {error}") from error


def _read(path: Path, file: h5py.File, mip_integral: float | None) -> Iterator[Table]:
    if mip_integral is not None and not 0 < mip_integral < np.inf:
        raise ValueError(f"'{path}': --read.mip-integral must be above 0, got {mip_integral:g}")
    group = file.get("coincidences")
    missing = [name for name in ("coincidences", "c_index", "s_index") if group is None or name not in group]
    if missing:
        raise ValueError(
            f"'{path}' has no /coincidences/{missing[0]}: search for coincidences with SAPPHiRE's CoincidencesESD first; it has: {', '.join(file)}"
        )
    edges = [*range(0, max(len(group["c_index"]), 1), CHUNK_EVENTS), len(group["c_index"])]
    used = sorted({station for part in pairwise(edges) for each in _pairs(group, *part) for station in each[:, 0].tolist()})
    names = [bytes(bytearray(each)).decode() for each in group["s_index"][:]]
    if used and not 0 <= used[0] <= used[-1] < len(names):
        raise ValueError(f"'{path}', /coincidences/c_index: station {used[-1]}; allowed: 0 to {len(names) - 1}, the entries of s_index")
    sites = _on_plane({number: _site(path, file, names[number], mip_integral) for number in used})
    for low, high in pairwise(edges):
        yield _events(group, low, high, sites)


def _pairs(group: h5py.Group, low: int, high: int) -> list[NDArray[np.int64]]:
    """Station and row of each record, (records, 2) for each coincidence from ``low`` to ``high``."""
    return [np.asarray(each, dtype=np.int64).reshape(-1, 2) for each in group["c_index"][low:high]]


def _events(group: h5py.Group, low: int, high: int, sites: dict[int, Site]) -> Table:
    pairs, table = _pairs(group, low, high), group["coincidences"]
    numbers = table[low:high]["id"] if "id" in (table.dtype.names or ()) else np.arange(low, high)
    together = np.concatenate([*pairs, np.zeros((0, 2), np.int64)])
    records = {number: _records(site, together[together[:, 0] == number, 1]) for number, site in sites.items()}
    events = []
    for number, each in zip(numbers, pairs, strict=True):
        event = Event(int(number))
        for station, row in each.tolist():
            _add(event, records[station], row)
        events.append(event)
    return to_table(events)


def _records(site: Site, wanted: NDArray[np.int64]) -> Records:
    """Coincidences follow each other in time, as a station's events do: those of a chunk stand together."""
    wanted = wanted[(wanted >= 0) & (wanted < len(site.group["events"]))]
    first, stop = (int(wanted.min()), int(wanted.max()) + 1) if len(wanted) else (0, 0)
    return Records(site, first, site.group["events"][first:stop])


def _site(path: Path, file: h5py.File, name: str, mip_integral: float | None) -> Site:
    for part in ("events", "blobs"):
        if f"{name}/{part}" not in file:
            raise ValueError(f"'{path}' has no {name}/{part}: download the station's data with traces")
    group = file[name]
    events, fields = group["events"], tuple(group["events"].dtype.names or ())
    needed = [field for field in ("ext_timestamp", "traces", "integrals", "baseline") if field not in fields]
    if needed:
        raise ValueError(f"'{path}': {name}/events has no column '{needed[0]}'; it has: {', '.join(fields)}")
    since = np.zeros(1, np.int64)
    if "config" in group and len(group["config"]):
        config = group["config"][:] if "timestamp" in group["config"].dtype.names else group["config"][-1:]
        # a receiver without satellites says 0, 0
        found = config[(config["gps_latitude"] != 0) | (config["gps_longitude"] != 0)]
        if not len(found):
            raise ValueError(f"'{path}': {name} stands at latitude 0, longitude 0 in each row of its 'config': its receiver did not find where it was")
        config = found
        if "timestamp" in config.dtype.names:
            config = config[np.argsort(config["timestamp"], kind="stable")]
            since = config["timestamp"].astype(np.int64) * 1_000_000_000
        places = np.stack([np.deg2rad(config["gps_latitude"]), np.deg2rad(config["gps_longitude"]), config["gps_altitude"]], axis=1).astype(np.float64)
    elif {"x_m", "y_m"} <= set(group.attrs):
        places = np.array([[group.attrs["x_m"], group.attrs["y_m"], group.attrs.get("z_m", 0.0)]], dtype=np.float64)
    else:
        raise ValueError(f"'{path}': where {name} stands is unknown: it needs a table 'config' with gps_latitude, or attributes x_m and y_m (in metres)")
    lost = ~np.isfinite(places).all(axis=1)
    if lost.any():
        raise ValueError(f"'{path}': {name} stands at {tuple(map(float, places[lost][0]))}; allowed: finite numbers")
    mip = mip_integral
    if mip is None:
        mip = group.attrs["mip_integral"] if "mip_integral" in group.attrs else _most_probable(events.fields("integrals")[:])
    if mip is None and "n1" not in fields:
        raise ValueError(
            f"'{path}': {name} has {len(events)} events and no columns n1 .. n4: to know what a particle gives, process the events with SAPPHiRE, "
            f"or set the group's attribute mip_integral, or give --read.mip-integral, or give at least {FEWEST_INTEGRALS} integrals"
        )
    return Site(name, group, fields, since, places, "config" in group, None if mip is None else float(mip))


def _most_probable(integrals: NDArray[Any]) -> float | None:
    """The peak of the integrals' distribution, which single muons make; None for few of them."""
    values = np.log(integrals[integrals > 0])
    if len(values) < FEWEST_INTEGRALS:
        return None
    count, edges = np.histogram(values, bins=np.arange(values.min(), values.max() + 0.2, 0.1))
    smooth = np.convolve(count, [1, 2, 3, 2, 1], mode="same")
    return float(np.exp(edges[np.argmax(smooth)] + 0.05))


def _on_plane(sites: dict[int, Site]) -> dict[int, Site]:
    """The sites in metres east, north and up of where the first one stood first."""
    if not sites or not all(site.on_globe for site in sites.values()):
        return sites
    latitude, longitude, _ = origin = next(iter(sites.values())).places[0]
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    axes = np.stack([east, np.cross(up, east), up])
    return {
        number: replace(site, places=np.stack([axes @ (_geocentric(*place) - _geocentric(*origin)) for place in site.places])) for number, site in sites.items()
    }


def _geocentric(latitude: float, longitude: float, height: float) -> NDArray[np.float64]:
    normal = WGS84_M / np.sqrt(1 - WGS84_E2 * np.sin(latitude) ** 2)
    level = (normal + height) * np.cos(latitude)
    return np.array([level * np.cos(longitude), level * np.sin(longitude), (normal * (1 - WGS84_E2) + height) * np.sin(latitude)])


def _add(event: Event, records: Records, number: int) -> None:
    site, record = records.site, records.row(number)
    traces = None if record is None else _traces(site, record)
    if traces is None:
        event.flags |= ReadFlag.BAD_SAMPLES
        return
    clock_ns = int(record["ext_timestamp"])
    event.clock_ns = event.clock_ns or clock_ns
    given = float(record["t_trigger"]) if "t_trigger" in site.fields else np.nan
    # the station's time is that of its trigger, the record starts earlier
    trigger = given if 0 <= given < 1e6 else ADC_STEP_NS * _trigger_sample(traces)
    signal = np.zeros((2, traces.shape[1]))
    for detector, trace in enumerate(traces):
        above = np.maximum(trace - _baseline(record, detector, trace), 0)
        counted = float(record[f"n{detector + 1}"]) if "n1" in site.fields else np.nan
        if not 0 <= counted < 1e6:
            counted = above.sum() / site.mip_integral if site.mip_integral else np.nan
        signal[detector % 2] += above * counted / max(above.sum(), 1e-9) / (len(traces) // 2)
    if not np.isfinite(signal).all():
        event.flags |= ReadFlag.BAD_SAMPLES
        return
    kept, first, cropped = window(to_samples(signal, ADC_STEP_NS))
    event.flags |= ReadFlag.CROPPED if cropped else ReadFlag(0)
    start = clock_ns - event.clock_ns - trigger + first * STEP_NS
    x, y, z = site.place(clock_ns).tolist()
    event.stations.append(Station(x, y, z, start, to_counts(kept, bool((traces >= ADC_MOST).any()))))


def _traces(site: Site, record: Any) -> NDArray[np.float64] | None:
    """ADC samples (detectors, samples) of two or four detectors; None where they cannot be read."""
    blobs = site.group["blobs"]
    rows = [int(each) for each in record["traces"] if each >= 0]
    if len(rows) not in (2, 4) or max(rows) >= len(blobs):
        return None
    try:
        texts = [zlib.decompress(bytes(bytearray(blobs[each]))).decode().strip(",\0 ") for each in rows]
        traces = [np.array(text.split(","), dtype=np.float64) for text in texts]
    except (zlib.error, ValueError):
        return None
    length = min(map(len, traces))
    samples = np.stack([trace[:length] for trace in traces])
    return samples if length > 1 and np.isfinite(samples).all() else None


def _baseline(record: Any, detector: int, trace: NDArray[np.float64]) -> float:
    told = float(record["baseline"][detector])
    return told if told >= 0 else float(np.median(trace[:100]))


def _trigger_sample(traces: NDArray[np.float64]) -> int:
    """The sample at which the station's trigger was complete; 0 where no threshold was crossed."""
    low, high = (np.sort(np.where((traces >= level).any(axis=1), np.argmax(traces >= level, axis=1), traces.shape[1])) for level in (LOW, HIGH))
    when = min(low[2], high[1]) if len(traces) == 4 else low[1]
    return int(when) if when < traces.shape[1] else 0
