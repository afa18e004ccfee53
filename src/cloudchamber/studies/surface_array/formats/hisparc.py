"""HiSPARC's HDF5 files as SAPPHiRE writes them: coincidences of stations with two or four scintillators, traces as compressed text.

``/coincidences`` holds the table ``coincidences``, ``c_index`` (for each coincidence pairs of station and row of its events) and ``s_index`` (the stations'
groups). A station's group holds the table ``events``, ``blobs`` (traces: zlib-compressed numbers with commas, 12-bit samples of 2.5 ns) and ``config`` with its
position (GPS). A group without ``config`` may have attributes ``x_m``, ``y_m`` and ``z_m`` instead.

A station's scintillators stand side by side: the first and the third give our upper layer, the second and the fourth the lower one, each layer their mean.
Samples count in particles: by ``n1`` .. ``n4`` of the event, else by the group's attribute ``mip_integral`` (ADC counts times samples), else by the most
probable integral of the station's events. S800 and energy then refer to a detector of 0.5 m2 and to densities far below this study's showers.

References: D. Fokkema, PhD thesis, Twente (2012); the documentation of SAPPHiRE, `sapphire.analysis.process_events` and `sapphire.analysis.coincidences`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
    """A station's group: its events, traces, position (latitude, longitude in rad, height in m, or x, y, z in m), and counts x samples of one particle."""

    name: str
    events: NDArray[Any]
    blobs: h5py.Dataset
    place: tuple[float, float, float]
    on_globe: bool
    mip_integral: float | None


def read_hisparc(path: Path) -> Table:
    """HITS, empty SILENT and what readers add (events.py), an event for each coincidence; the origin is an array's own only within one file.

    ValueError names the file and what is missing: the tables, the stations' positions, a way to calibrate. What is wrong with single records is flagged.
    """
    import h5py

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with h5py.File(path) as file:
            return _read(path, file)
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file in HiSPARC's layout (damaged or cut short?): {error}") from error


def _read(path: Path, file: h5py.File) -> Table:
    group = file.get("coincidences")
    missing = [name for name in ("coincidences", "c_index", "s_index") if group is None or name not in group]
    if missing:
        raise ValueError(
            f"'{path}' has no /coincidences/{missing[0]}: search for coincidences with SAPPHiRE's CoincidencesESD first; it has: {', '.join(file)}"
        )
    pairs = [np.asarray(each, dtype=np.int64).reshape(-1, 2) for each in group["c_index"][:]]
    used = {int(station) for each in pairs for station in each[:, 0]}
    names = [bytes(bytearray(each)).decode() for each in group["s_index"][:]]
    if used and not 0 <= min(used) <= max(used) < len(names):
        raise ValueError(f"'{path}', /coincidences/c_index: station {max(used)}; allowed: 0 to {len(names) - 1}, the entries of s_index")
    sites = {number: _site(path, file, names[number]) for number in sorted(used)}
    places = _on_plane(sites)
    numbers = group["coincidences"]["id"] if "id" in (group["coincidences"].dtype.names or ()) else np.arange(len(pairs))
    events = []
    for number, each in zip(numbers, pairs, strict=True):
        event = Event(int(number))
        for station, row in each:
            _add(event, sites[int(station)], int(row), places[int(station)])
        events.append(event)
    return to_table(events)


def _site(path: Path, file: h5py.File, name: str) -> Site:
    for part in ("events", "blobs"):
        if f"{name}/{part}" not in file:
            raise ValueError(f"'{path}' has no {name}/{part}: download the station's data with traces")
    group, events = file[name], file[name]["events"][:]
    needed = [field for field in ("ext_timestamp", "traces", "integrals", "baseline") if field not in (events.dtype.names or ())]
    if needed:
        raise ValueError(f"'{path}': {name}/events has no column '{needed[0]}'; it has: {', '.join(events.dtype.names or ())}")
    if "config" in group and len(group["config"]):
        last = group["config"][-1]
        place = (np.deg2rad(last["gps_latitude"]), np.deg2rad(last["gps_longitude"]), last["gps_altitude"])
    elif {"x_m", "y_m"} <= set(group.attrs):
        place = (group.attrs["x_m"], group.attrs["y_m"], group.attrs.get("z_m", 0.0))
    else:
        raise ValueError(f"'{path}': where {name} stands is unknown: it needs a table 'config' with gps_latitude, or attributes x_m and y_m (in metres)")
    if not np.isfinite(place).all():
        raise ValueError(f"'{path}': {name} stands at {tuple(map(float, place))}; allowed: finite numbers")
    mip = group.attrs.get("mip_integral", _most_probable(events["integrals"]))
    if mip is None and "n1" not in (events.dtype.names or ()):
        raise ValueError(
            f"'{path}': {name} has {len(events)} events and no columns n1 .. n4: to know what a particle gives, process the events with SAPPHiRE, "
            f"or set the group's attribute mip_integral, or give at least {FEWEST_INTEGRALS} integrals"
        )
    return Site(name, events, group["blobs"], (float(place[0]), float(place[1]), float(place[2])), "config" in group, None if mip is None else float(mip))


def _most_probable(integrals: NDArray[Any]) -> float | None:
    """The peak of the integrals' distribution, which single muons make; None for few of them."""
    values = np.log(integrals[integrals > 0])
    if len(values) < FEWEST_INTEGRALS:
        return None
    count, edges = np.histogram(values, bins=np.arange(values.min(), values.max() + 0.2, 0.1))
    smooth = np.convolve(count, [1, 2, 3, 2, 1], mode="same")
    return float(np.exp(edges[np.argmax(smooth)] + 0.05))


def _on_plane(sites: dict[int, Site]) -> dict[int, tuple[float, float, float]]:
    """Positions (m) east, north and up of the first station."""
    if not sites or not all(site.on_globe for site in sites.values()):
        return {number: site.place for number, site in sites.items()}
    latitude, longitude, _ = next(iter(sites.values())).place
    spots = {number: _geocentric(*site.place) for number, site in sites.items()}
    first = next(iter(spots.values()))
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    axes = np.stack([east, np.cross(up, east), up])
    return {number: tuple(axes @ (spot - first)) for number, spot in spots.items()}


def _geocentric(latitude: float, longitude: float, height: float) -> NDArray[np.float64]:
    normal = WGS84_M / np.sqrt(1 - WGS84_E2 * np.sin(latitude) ** 2)
    level = (normal + height) * np.cos(latitude)
    return np.array([level * np.cos(longitude), level * np.sin(longitude), (normal * (1 - WGS84_E2) + height) * np.sin(latitude)])


def _add(event: Event, site: Site, row: int, place: tuple[float, float, float]) -> None:
    traces = _traces(site, row)
    if traces is None:
        event.flags |= ReadFlag.BAD_SAMPLES
        return
    record = site.events[row]
    if not event.clock_ns:
        event.clock_ns = int(record["ext_timestamp"])
    names = site.events.dtype.names or ()
    given = float(record["t_trigger"]) if "t_trigger" in names else np.nan
    # the station's time is that of its trigger, the record starts earlier
    trigger = given if 0 <= given < 1e6 else ADC_STEP_NS * _trigger_sample(traces)
    signal = np.zeros((2, traces.shape[1]))
    for detector, trace in enumerate(traces):
        above = np.maximum(trace - _baseline(record, detector, trace), 0)
        counted = float(record[f"n{detector + 1}"]) if "n1" in names else np.nan
        if not 0 <= counted < 1e6:
            counted = above.sum() / site.mip_integral if site.mip_integral else np.nan
        signal[detector % 2] += above * counted / max(above.sum(), 1e-9) / (len(traces) // 2)
    if not np.isfinite(signal).all():
        event.flags |= ReadFlag.BAD_SAMPLES
        return
    kept, first, cropped = window(to_samples(signal, ADC_STEP_NS))
    event.flags |= ReadFlag.CROPPED if cropped else ReadFlag(0)
    start = int(record["ext_timestamp"]) - event.clock_ns - trigger + first * STEP_NS
    event.stations.append(Station(*place, start, to_counts(kept, bool((traces >= ADC_MOST).any()))))


def _traces(site: Site, row: int) -> NDArray[np.float64] | None:
    """ADC samples (detectors, samples) of two or four detectors; None where they cannot be read."""
    if not 0 <= row < len(site.events):
        return None
    rows = [int(each) for each in site.events[row]["traces"] if each >= 0]
    if len(rows) not in (2, 4) or max(rows) >= len(site.blobs):
        return None
    try:
        texts = [zlib.decompress(bytes(bytearray(site.blobs[each]))).decode().strip(",\0 ") for each in rows]
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
