"""Files of streams, read as windows: those of ``cloudchamber stream``, anybody's HDF5 (detectors x samples) and FITS tables (a column a detector)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.recording import BLOCKS, FITS, NAME, ORIGIN, open_recording
from cloudchamber.schema import Table
from cloudchamber.store.read import Store
from cloudchamber.stream import DAY_S, ORIGIN_MJD, digests_of, year_of
from cloudchamber.studies.bolometer.streams.data import WaferStream
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.study import Format, find_study, make_simulator, make_stream
from cloudchamber.units import UNSAID, stated

Array = NDArray[Any]
Conditions = Callable[[Array], Table]

CHUNK_NUMBERS = 2_000_000
TIMES = ("time", "mjd")
"""Columns of FITS tables that are no detectors."""


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
        raise ValueError(f"'{path}' holds {total} samples, less than a window of {length}: give --read.samples")
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
    return detectors, total, read, lambda place: {}


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
        raise ValueError(f"'{path}' is not readable HDF5 ({error})") from None


def hdf5_data(path: Path) -> tuple[int, int, Callable[[int, int], Array]]:
    """Detectors, samples, and what reads some of them in W, of a user's HDF5."""
    import h5py

    with h5py.File(path, "r") as file:
        found = file.get(NAME)
        if not isinstance(found, h5py.Dataset) or found.ndim != 2 or found.dtype.kind != "f":
            raise ValueError(f"'{path}' has no data set '{NAME}' of numbers, detectors x samples")
        if not found.shape[0]:
            raise ValueError(f"'{path}': {NAME} has no detectors")
        unit, (detectors, total) = found.attrs.get("units", found.attrs.get("unit")), found.shape
    if unit is None:
        raise ValueError(f"'{path}': {NAME} has no attribute 'units': say what it is in, such as W")
    text = unit.decode() if isinstance(unit, bytes) else str(unit)
    _refuse_unit(text, f"'{path}', {NAME}")

    def read(first: int, stop: int) -> Array:
        with h5py.File(path, "r") as file:
            return stated(np.asarray(file[NAME][:, first:stop], float), text, "W", f"'{path}', {NAME}")

    return detectors, total, read


def fits_data(path: Path) -> tuple[int, int, Callable[[int, int], Array]]:
    """The same of a user's FITS table."""
    from astropy.io import fits

    try:
        with fits.open(path) as file:
            number = next((number for number, hdu in enumerate(file) if isinstance(hdu, fits.BinTableHDU)), None)
            columns = [] if number is None else [(c.name, c.unit or "", c.format) for c in file[number].columns if c.name.lower() not in TIMES]
            total = 0 if number is None else int(file[number].header["NAXIS2"])
    except OSError as error:
        raise ValueError(f"'{path}' is not readable FITS ({error})") from None
    if not columns:
        raise ValueError(f"'{path}' has no binary table with a column of numbers a detector")
    for name, unit, kind in columns:
        if kind.lstrip("1") not in ("E", "D"):
            raise ValueError(f"'{path}', column '{name}' is in the FITS format {kind}: a detector's column has a number a row, E or D; leave others out")
        _refuse_unit(unit, f"'{path}', column '{name}'")

    def read(first: int, stop: int) -> Array:
        with fits.open(path) as file:
            rows = file[number].data[first:stop]
            return np.array([stated(np.asarray(rows[name], float), unit, "W", f"'{path}', column '{name}'") for name, unit, _ in columns])

    return len(columns), total, read


def head_of(path: Path, fits: bool, detectors: int) -> tuple[tuple[str, ...], float | None, float | None]:
    """Names, sampling rate, and time of the first sample since 2000-01-01, of a user's file: None where it does not tell."""
    names = tuple(f"bolometer_{row:0{len(str(detectors - 1))}d}" for row in range(detectors))
    if fits:
        from astropy.io import fits as files

        with files.open(path) as file:
            table = next(hdu for hdu in file if isinstance(hdu, files.BinTableHDU))
            rate, mjd = table.header.get("SAMPRATE"), table.header.get("MJDREF")
            names = tuple(column.name for column in table.columns if column.name.lower() not in ("time", "mjd"))
    else:
        import h5py

        with h5py.File(path, "r") as file:
            told = dict(file[NAME].attrs)
        rate, mjd = told.get("sampling_rate_hz"), told.get("start_time") if told.get("mjd_time") else None
        try:
            listed = [str(each["name"]) for each in json.loads(told.get("detectors", "[]"))]
        except (ValueError, TypeError, KeyError):
            listed = []
        names = tuple(listed) if len(listed) == detectors else names
    try:
        rate_hz = None if rate is None else float(rate)
        return names, rate_hz if rate_hz is not None and 0 < rate_hz < float("inf") else None, None if mjd is None else (float(mjd) - ORIGIN_MJD) * DAY_S
    except (TypeError, ValueError) as error:
        raise ValueError(f"'{path}': its sampling rate or its start is no number ({error})") from None


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
