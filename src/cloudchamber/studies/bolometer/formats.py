"""Files of streams, read as windows: those of ``cloudchamber stream``, anybody's HDF5 (detectors x samples) and FITS tables (a column a detector)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.recording import BLOCKS, FITS, NAME, ORIGIN, open_recording
from cloudchamber.schema import Table
from cloudchamber.store.read import Store
from cloudchamber.stream import digests_of, year_of
from cloudchamber.studies.bolometer.streams.data import WaferStream
from cloudchamber.studies.bolometer.times import UNITS, date_s, start_of
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.study import Format, find_study, make_simulator, make_stream
from cloudchamber.units import UNSAID, stated

Array = NDArray[Any]
Conditions = Callable[[Array], Table]

CHUNK_NUMBERS = 2_000_000
SCALES = {"scale_factor": 1.0, "add_offset": 0.0}
"""Attributes of other programs that change what numbers mean, and the values at which they do not."""


def read_stream(
    path: Path,
    *,
    samples: Annotated[int | None, "samples of a window, 1060 by default"] = None,
    phi_mv: Annotated[float | None, "force field of the Sun / MV, in place of the file's"] = None,
    thickness_um: Annotated[float | None, "thickness of the wafer / um, in place of the file's"] = None,
) -> Iterator[Table]:
    """Windows that follow one another, in chunks: ``power_w`` in W, and the conditions where the file or the user tells them; no shorter one at the end."""
    length = 1060 if samples is None else samples
    if length < 1:
        raise ValueError(f"--read.samples must be 1 at least, got {length}")
    if not path.is_file():
        raise ValueError(f"there is no file '{path}'")
    given = {name: value for name, value in (("phi_mv", phi_mv), ("thickness_um", thickness_um)) if value is not None}
    detectors, total, read, told = _opened(path, phi_mv is not None)
    if total < length:
        raise ValueError(f"'{path}' holds {total} samples, less than a window of {length}: give --read.samples{turned(detectors, total)}")
    at_once = max(1, CHUNK_NUMBERS // (length * detectors))
    for window in range(0, total // length, at_once):
        n = min(at_once, total // length - window)
        data = read(window * length, (window + n) * length)
        starts = (window + np.arange(n) + 0.5) * length
        conditions = told(starts) | {name: np.full(n, value, np.float32) for name, value in given.items()}
        yield {**conditions, "power_w": np.ascontiguousarray(data.reshape(detectors, n, length).swapaxes(0, 1), np.float32)}


def _opened(path: Path, phi_known: bool) -> tuple[int, int, Callable[[int, int], Array], Conditions]:
    """Detectors, samples, what reads some of them in W, and what tells conditions at places among the samples, of phi unless it is known."""
    fits = path.suffix in FITS
    if is_ours(path, fits):
        found = open_recording(path)
        if found.contents.identity.get("study") != "bolometer":
            raise ValueError(f"'{path}' holds a stream of the study '{found.contents.identity.get('study')}', not of bolometers")
        settings = {key: value for key, value in found.contents.identity["settings"].items() if key != "kind"}
        stream = make_stream(find_study("bolometer"), found.contents.identity["stream"], settings)
        assert isinstance(stream, WaferStream)
        if not phi_known and (changed := [name for name, digest in _digests(stream, path).items() if found.contents.identity["files"].get(name) != digest]):
            raise ValueError(f"'{path}' was made with another '{changed[0]}' than the one that is there, so that its phi is not known: give --read.phi-mv")

        def told(place: Array) -> Table:
            thickness = {"thickness_um": np.full(len(place), stream.thickness_um, np.float32)}
            if phi_known:
                return thickness
            phi = stream.sun.phi_at(year_of((found.first + place) / found.contents.rate_hz), stream.rays)
            return {"phi_mv": phi.astype(np.float32), **thickness}

        return len(found.rows), found.samples, lambda first, stop: found.read(found.first + first, found.first + stop), told
    detectors, total, read = (fits_data if fits else hdf5_data)(path)
    # windows know no gap
    head_of(path, fits, detectors)
    return detectors, total, read, lambda place: {}


def turned(detectors: int, samples: int) -> str:
    """What may be meant by data of more detectors than samples."""
    return f" (it has {detectors} detectors, are those the samples? turn the array)" if detectors > samples else ""


def _digests(stream: WaferStream, path: Path) -> dict[str, str]:
    try:
        return digests_of(stream)
    except OSError as error:
        raise ValueError(f"'{path}' was made with a table that is not there ({error}), so that its phi is not known: give --read.phi-mv") from None


def is_ours(path: Path, fits: bool) -> bool:
    """Whether `cloudchamber stream` wrote a file."""
    if fits:
        with path.open("rb") as file:
            return b"'cloudchamber" in file.read(2880)
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            return ORIGIN in file and BLOCKS in file
    except OSError as error:
        hint = f"; it is FITS: call it {FITS[0]}" if _begins(path, b"SIMPLE") else ""
        raise ValueError(f"'{path}' is not readable HDF5 ({error}){hint}") from None


def hdf5_data(path: Path) -> tuple[int, int, Callable[[int, int], Array]]:
    """Detectors, samples, and what reads some of them in W, of a user's HDF5."""
    import h5py

    with h5py.File(path, "r") as file:
        found = file.get(NAME)
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"'{path}' has no data set '{NAME}', detectors x samples; it has: {', '.join(file) or 'nothing'}")
        if found.ndim != 2 or found.dtype.kind != "f":
            size = f"{' x '.join(map(str, found.shape)) or 'a single one'} of {found.dtype}"
            raise ValueError(f"'{path}': {NAME} needs floating-point numbers, detectors x samples (of one detector 1 x samples), got {size}")
        if not found.shape[0]:
            raise ValueError(f"'{path}': {NAME} has no detectors")
        told, (detectors, total) = {key: _single(value) for key, value in found.attrs.items()}, found.shape
    if scaled := [key for key, usual in SCALES.items() if told.get(key, usual) != usual]:
        raise ValueError(f"'{path}': {NAME} has the attribute '{scaled[0]}', {told[scaled[0]]}, which is not applied here: store the numbers that are meant")
    unit = told.get("units", told.get("unit"))
    if unit is None:
        raise ValueError(f"'{path}': {NAME} has no attribute 'units': say what it is in, such as W")
    text = str(unit)
    _refuse_unit(text, f"'{path}', {NAME}")

    def read(first: int, stop: int) -> Array:
        with h5py.File(path, "r") as file:
            return stated(np.asarray(file[NAME][:, first:stop], float), text, "W", f"'{path}', {NAME}")

    return detectors, total, read


def fits_data(path: Path) -> tuple[int, int, Callable[[int, int], Array]]:
    """The same of a user's FITS table."""
    with _table(path) as table:
        columns = [(c.name, c.unit or "", c.format) for c in table.columns if c.name.lower() not in UNITS]
        total = int(table.header["NAXIS2"])
    if not columns:
        raise ValueError(f"'{path}' has no binary table with a column of numbers a detector")
    names = [name for name, _, _ in columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"'{path}': two columns are called '{twice[0]}'")
    for name, unit, kind in columns:
        if kind.lstrip("1") not in ("E", "D"):
            raise ValueError(f"'{path}', column '{name}' is in the FITS format {kind}: a detector's column has a number a row, E or D; leave others out")
        _refuse_unit(unit, f"'{path}', column '{name}'")

    def read(first: int, stop: int) -> Array:
        with _table(path) as table:
            rows = table.data[first:stop]
            return np.array([stated(np.asarray(rows[name], float), unit, "W", f"'{path}', column '{name}'") for name, unit, _ in columns])

    return len(columns), total, read


@contextmanager
def _table(path: Path) -> Iterator[Any]:
    """The table of a FITS file: the only one, or that called TOD; ValueError where there is none, or it is cut off."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        # of a file that is cut off, which is refused below
        warnings.simplefilter("ignore", AstropyUserWarning)
        try:
            file = fits.open(path)
        except OSError as error:
            raise ValueError(f"'{path}' is not readable FITS ({error})") from None
        with file:
            tables = [hdu for hdu in file if isinstance(hdu, fits.BinTableHDU)]
            named = tables if len(tables) == 1 else [hdu for hdu in tables if hdu.name == NAME.upper()]
            if len(named) != 1:
                there = f"{len(tables)} binary tables, and not one of them is called TOD" if tables else "no binary table with a column of numbers a detector"
                raise ValueError(f"'{path}' has {there}")
            end, size = named[0].fileinfo()["datLoc"] + named[0].header["NAXIS1"] * named[0].header["NAXIS2"], path.stat().st_size
            # a compressed one may be shorter
            if size < end and _begins(path, b"SIMPLE"):
                raise ValueError(f"'{path}' is cut off: it has {size} bytes, and its table ends at {end}")
            yield named[0]


def head_of(path: Path, fits: bool, detectors: int, given_hz: float | None = None) -> tuple[tuple[str, ...], float | None, float | None]:
    """Names, sampling rate, and time of the first sample since 2000-01-01, of a user's file: None where it does not tell.

    ValueError where it tells what cannot be, and where its times, if it has a column of them, are not even, at its rate or the one that is ``given_hz``.
    """
    names = tuple(f"bolometer_{row:0{len(str(detectors - 1))}d}" for row in range(detectors))
    if fits:
        with _table(path) as table:
            head, total = table.header, int(table.header["NAXIS2"])
            rate, mjd, parts = head.get("SAMPRATE"), head.get("MJDREF"), [head.get(key) for key in ("MJDREFI", "MJDREFF")]
            names = tuple(column.name for column in table.columns if column.name.lower() not in UNITS)
            units = {column.name: column.unit or "" for column in table.columns if column.name.lower() in UNITS}
        mjd = sum(map(float, parts)) if mjd is None and None not in parts else mjd
    else:
        import h5py

        with h5py.File(path, "r") as file:
            told = {key: _single(value) for key, value in file[NAME].attrs.items()}
            total = file[NAME].shape[1]
            times = {key: file[key] for key in UNITS if isinstance(file.get(key), h5py.Dataset) and file[key].shape == (total,)}
            units = {key: str(_single(each.attrs.get("units", ""))) for key, each in times.items()}
        rate, mjd = told.get("sampling_rate_hz"), told.get("start_time") if told.get("mjd_time") else None
        try:
            listed = [str(each["name"]) for each in json.loads(told.get("detectors", "[]"))]
        except (ValueError, TypeError, KeyError):
            listed = []
        if listed and (len(listed) != detectors or len(set(listed)) != detectors):
            raise ValueError(f"'{path}': {NAME} has {detectors} rows, and tells {len(listed)} detectors of {len(set(listed))} names")
        names = tuple(listed) or names
    try:
        rate_hz, start_mjd = (None if value is None else float(value) for value in (rate, mjd))
    except (TypeError, ValueError) as error:
        raise ValueError(f"'{path}': its sampling rate or its start is no number ({error})") from None
    rate_hz = rate_hz if rate_hz is not None and 0 < rate_hz < float("inf") else None

    def reader(name: str) -> Callable[[int, int], Array]:
        return lambda first, stop: _of_column(path, fits, name, first, stop)

    columns = {name: (unit, reader(name)) for name, unit in units.items()}
    start_s = None if start_mjd is None else date_s(path, start_mjd)
    by_times = start_of(path, given_hz or rate_hz, total, columns, start_s)
    # MJDREF is when a table's seconds begin, start_time when the data do
    return names, rate_hz, by_times if fits or start_s is None else start_s


def _of_column(path: Path, fits: bool, name: str, first: int, stop: int) -> Array:
    if fits:
        with _table(path) as table:
            return np.array(table.data[name][first:stop], float)
    import h5py

    with h5py.File(path, "r") as file:
        return np.asarray(file[name][first:stop], float)


def _begins(path: Path, word: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(word)) == word


def _single(value: Any) -> Any:
    """What an attribute says, out of an array of one, as text where it is some."""
    value = value.item() if isinstance(value, (np.ndarray, np.generic)) and value.size == 1 else value
    return value.decode() if isinstance(value, bytes) else value


def windows_of(store: Store) -> WindowsView | None:
    """The view whose windows an event store holds; None for other events, and for windows out of files."""
    study = find_study("bolometer")
    if "power_w" not in store.schema.columns or store.simulator not in study.simulators:
        return None
    settings = {key: value for key, value in store.settings.items() if key not in ("block_events", "theta_digest", "drawn")}
    view = make_simulator(study, store.simulator, settings)
    return view if isinstance(view, WindowsView) else None


def rate_told(path: Path) -> float | None:
    """Samples a second that a file of data, or an event store of windows, tells of itself; None where it does not."""
    if path.is_dir():
        view = windows_of(Store(path))
        return None if view is None else view.detector.rate_hz / view.detector.decimation
    fits = path.suffix in FITS
    if is_ours(path, fits):
        return open_recording(path).contents.rate_hz
    return head_of(path, fits, (fits_data if fits else hdf5_data)(path)[0])[1]


def _refuse_unit(text: str, where: str) -> None:
    if text.strip().lower() in UNSAID:
        raise ValueError(f"{where} has no unit: say what it is in, such as W")
    stated(np.zeros(1), text, "W", where)


FORMATS = (Format("stream", (), read_stream, None, "a stream's HDF5 (tod, detectors x samples) or FITS table, as windows"),)
