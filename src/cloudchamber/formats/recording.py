"""Files of a stream: HDF5 as litebird_sim reads it, and FITS binary tables.

A file has its full size, and all that describes it, before the first sample. Samples then go to their own places, and after them, once they are on the disk,
a mark of their block: whatever interrupts the writing, the file is whole, and tells which blocks are.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.atomic import replacing
from cloudchamber.jsonable import from_json
from cloudchamber.stream import mjd_of

FORMAT_VERSION = 1
HDF5, FITS = (".h5", ".hdf5"), (".fits", ".fit")
FITS_BLOCK, MOST_FITS_CHANNELS = 2880, 999
NAME, BLOCKS, ORIGIN = "tod", "blocks", "origin"


@dataclass(frozen=True)
class Contents:
    """What a file holds: so many samples from ``first`` on of the named channels, in blocks of ``block_samples``.

    ``rows`` are the channels' places in the stream, ``identity`` is all that decides their bits.
    """

    names: tuple[str, ...]
    rows: tuple[int, ...]
    unit: str
    doc: str
    rate_hz: float
    first: int
    samples: int
    block_samples: int
    identity: Mapping[str, Any]
    package_version: str

    @property
    def blocks(self) -> int:
        """Of work."""
        return -(-self.samples // self.block_samples)

    def samples_of(self, block: int) -> tuple[int, int]:
        """The samples of a block, by their number in the stream."""
        start = self.first + block * self.block_samples
        return start, min(start + self.block_samples, self.first + self.samples)

    @property
    def start_mjd(self) -> str:
        """When the first sample is, UTC."""
        return mjd_of(self.first, self.rate_hz)

    def to_json(self) -> str:
        """All of it, in a line."""
        return json.dumps({"format_version": FORMAT_VERSION, **vars(self)})

    @classmethod
    def from_json(cls, text: str, path: Path) -> Contents:
        """What ``to_json`` wrote; ValueError where it cannot be."""
        try:
            found = json.loads(text)
            version = found.pop("format_version")
            contents: Contents = from_json(cls, found)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"'{path}' does not tell what stream it holds ({error}): give another file") from None
        if version != FORMAT_VERSION:
            raise ValueError(f"'{path}' is of format {version}, and this version reads and writes format {FORMAT_VERSION}: give another file")
        return contents


@dataclass(frozen=True)
class Recording:
    """A file of a stream, open to nobody: each piece is read and written by itself, in any process that sees it."""

    path: Path
    contents: Contents
    data_offset: int
    marks_offset: int

    @property
    def first(self) -> int:
        """Number of its first sample in the stream."""
        return self.contents.first

    @property
    def samples(self) -> int:
        """How many it is meant to hold."""
        return self.contents.samples

    @property
    def rows(self) -> tuple[int, ...]:
        """Places of its channels in the stream."""
        return self.contents.rows

    @cached_property
    def _by_sample(self) -> bool:
        """Whether the channels of a sample stand together, as in the rows of a table."""
        return self.path.suffix in FITS

    def done(self) -> NDArray[np.bool_]:
        """Which blocks are complete."""
        with self.path.open("rb") as file:
            return np.frombuffer(os.pread(file.fileno(), self.contents.blocks, self.marks_offset), np.uint8) == 1

    def write(self, block: int, values: NDArray[np.float32]) -> None:
        """Write a block's samples, (channels, samples), then its mark; OSError names the file, and says what to do."""
        self.put(block, values, range(len(self.rows)))
        self.mark(block)

    def put(self, block: int, values: NDArray[np.float32], places: Sequence[int]) -> None:
        """Write a block's samples of the channels at some places in the file, (channels, samples), and no mark."""
        start, stop = self.contents.samples_of(block)
        if values.shape != (len(places), stop - start):
            raise ValueError(f"block {block} of '{self.path}' has {len(places)} x {stop - start} numbers, got {' x '.join(map(str, values.shape))}")
        with self._opened() as handle:
            if not self._by_sample:
                for place, line in zip(places, np.ascontiguousarray(values, "<f4"), strict=True):
                    _write(handle, line, self._offset(start, place))
                return
            if len(places) == len(self.rows):
                rows = np.ascontiguousarray(values.T, ">f4")
            else:
                rows = np.empty((stop - start, len(self.rows)), ">f4")
                rows.view(np.uint8).reshape(-1)[:] = np.frombuffer(os.pread(handle, rows.nbytes, self._offset(start)), np.uint8)
                rows[:, list(places)] = values.T
            _write(handle, rows, self._offset(start))

    def mark(self, block: int) -> None:
        """All samples of the block are there."""
        with self._opened() as handle:
            os.pwrite(handle, b"\1", self.marks_offset + block)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """To write to; what was written is on the disk at the end."""
        try:
            with self.path.open("r+b") as file:
                yield file.fileno()
                os.fsync(file.fileno())
        except OSError as error:
            message = f"could not write it ({error.strerror or error}); blocks that are there stay: make room, then run the same command again"
            raise OSError(error.errno or errno.EIO, message, str(self.path)) from error

    def read(self, first: int, stop: int) -> NDArray[np.float32]:
        """Samples by their number in the stream, (channels, samples); ValueError for samples that are not there (yet)."""
        if not self.first <= first < stop <= self.first + self.samples:
            raise ValueError(f"'{self.path}' holds the samples {self.first} to {self.first + self.samples}, not {first} to {stop}")
        blocks = (first - self.first) // self.contents.block_samples, (stop - 1 - self.first) // self.contents.block_samples
        if not self.done()[blocks[0] : blocks[1] + 1].all():
            raise ValueError(f"'{self.path}' is not complete: the same command that began it makes the rest")
        n, rows = stop - first, len(self.rows)
        with self.path.open("rb") as file:
            if self._by_sample:
                data = np.frombuffer(os.pread(file.fileno(), 4 * n * rows, self._offset(first)), ">f4").reshape(n, rows).T
            else:
                data = np.stack([np.frombuffer(os.pread(file.fileno(), 4 * n, self._offset(first, row)), "<f4") for row in range(rows)])
        return np.ascontiguousarray(data, np.float32)

    def _offset(self, sample: int, row: int = 0) -> int:
        place = (sample - self.first) * len(self.rows) if self._by_sample else row * self.samples + sample - self.first
        return self.data_offset + 4 * place


def _write(handle: int, values: NDArray[Any], offset: int) -> None:
    left = memoryview(values.view(np.uint8).reshape(-1).data)
    while left:
        written = os.pwrite(handle, left, offset)
        left, offset = left[written:], offset + written


def check_suffix(path: Path) -> None:
    """ValueError for a file of another kind."""
    if path.suffix not in (*HDF5, *FITS):
        raise ValueError(f"'{path}': a stream is written into {', '.join((*HDF5, *FITS))}, not '{path.suffix}'")


def needed_bytes(contents: Contents) -> int:
    """The size of a file of these contents, to some kilobytes."""
    return 4 * len(contents.names) * contents.samples + contents.blocks + len(contents.to_json()) + 4 * FITS_BLOCK + 400 * len(contents.names)


def existing(path: Path) -> Path:
    """The nearest folder above that is there."""
    place = path.absolute().parent
    while not place.exists():
        place = place.parent
    return place


def refuse_full(path: Path, needed: int) -> None:
    """OSError where the disk has no room for so many bytes."""
    free = shutil.disk_usage(existing(path)).free
    if needed > free:
        message = f"needs {needed:,} bytes ({needed / 1e9:.3g} GB), and {free:,} ({free / 1e9:.3g} GB) are free: give a shorter duration, or another disk"
        raise OSError(errno.ENOSPC, message, str(path))


def create(path: Path, contents: Contents) -> Recording:
    """Make the file with its full size and no sample; it appears whole or not at all."""
    check_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        # HDF5 does not survive it where a file may not be so large
        with temporary.open("xb") as file:
            file.truncate(needed_bytes(contents))
        temporary.unlink()
        (_create_fits if path.suffix in FITS else _create_hdf5)(temporary, contents)
    return open_recording(path)


def open_recording(path: Path) -> Recording:
    """The stream's file at ``path``; ValueError for a file that is none."""
    check_suffix(path)
    if not path.is_file():
        raise ValueError(f"there is no file '{path}'")
    return (_open_fits if path.suffix in FITS else _open_hdf5)(path)


def _create_hdf5(path: Path, contents: Contents) -> None:
    import h5py

    attributes = {
        "units": contents.unit,
        "sampling_rate_hz": contents.rate_hz,
        "start_time": contents.start_mjd,
        "mjd_time": True,
        "description": contents.doc,
        "detectors": json.dumps([{"name": name, "sampling_rate_hz": contents.rate_hz} for name in contents.names]),
    }
    with h5py.File(path, "x") as file:
        # what is written past HDF5 must have its place before
        for name, shape, kind in ((NAME, (len(contents.names), contents.samples), "<f4"), (BLOCKS, (contents.blocks,), "u1")):
            settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            settings.set_layout(h5py.h5d.CONTIGUOUS)
            settings.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            settings.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            # equal streams are equal files
            settings.set_obj_track_times(False)
            h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(kind)), h5py.h5s.create_simple(shape), settings)
        file[NAME].attrs.update(attributes)
        file[BLOCKS].attrs.update({"samples": contents.block_samples, "description": "1 where a block of so many samples is complete"})
        file.attrs["seed"] = contents.identity.get("seed", -1)
        file.attrs["package_version"] = contents.package_version
        # an attribute holds 64 kB at most, and thousands of channels have more to tell
        text = np.frombuffer(contents.to_json().encode(), np.uint8)
        file.create_dataset(ORIGIN, data=text).attrs["description"] = "JSON: what the file holds, and all that decides its bits"
        marks = file[BLOCKS].id.get_offset()
    with path.open("r+b") as raw:
        # no fill value: a file system may leave old bytes there
        os.pwrite(raw.fileno(), bytes(contents.blocks), marks)


def _open_hdf5(path: Path) -> Recording:
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            text = bytes(np.asarray(file[ORIGIN])).decode()
            offsets = [file[name].id.get_offset() for name in (NAME, BLOCKS)]
            shape, kind, unit = file[NAME].shape, file[NAME].dtype, file[NAME].attrs.get("units")
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"'{path}' is no file of a stream ({' '.join(str(error).split())}): give another name") from None
    contents = Contents.from_json(text, path)
    if None in offsets or shape != (len(contents.names), contents.samples) or kind != np.dtype("<f4") or unit != contents.unit:
        raise ValueError(f"'{path}' was changed since `cloudchamber stream` wrote it: {NAME} has the shape {shape}, {kind}, in {unit}; give another name")
    return _whole(Recording(path, contents, *offsets))


def _create_fits(path: Path, contents: Contents) -> None:
    from astropy.io.fits import Header

    origin = contents.to_json().encode()
    primary = Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)])
    seed = contents.identity.get("seed", -1)
    primary.update({"SEED": seed, "CREATOR": f"cloudchamber {contents.package_version}"})
    table = _table("TOD", [(name, "1E", contents.unit) for name in contents.names], 4 * len(contents.names), contents.samples)
    for key, value, word in (
        ("SAMPRATE", contents.rate_hz, "Hz, sampling rate"),
        ("MJDREF", float(contents.start_mjd), "UTC, of the first row"),
        ("STARTMJD", contents.start_mjd, "the same, with all digits"),
        ("TIMESYS", "UTC", ""),
    ):
        table[key] = (value, word)
    index = _table("BLOCKS", [("complete", "1B", "")], 1, contents.blocks)
    index["SAMPLES"] = (contents.block_samples, "of a block, whose row is 1 once it is complete")
    told = _table("ORIGIN", [("json", f"{len(origin)}A", "")], len(origin), 1)
    with path.open("xb") as file:
        file.write(_header(primary))
        # the index and the origin first: their places do not depend on the length of the data
        for header, data in ((told, origin), (index, bytes(contents.blocks))):
            file.write(_header(header))
            file.write(data + bytes(-len(data) % FITS_BLOCK))
        file.write(_header(table))
        file.truncate(file.tell() + _padded(4 * len(contents.names) * contents.samples))


def _table(name: str, columns: list[tuple[str, str, str]], row_bytes: int, rows: int) -> Any:
    from astropy.io.fits import Header

    header = Header([("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", row_bytes), ("NAXIS2", rows), ("PCOUNT", 0), ("GCOUNT", 1)])
    header["TFIELDS"] = len(columns)
    header["EXTNAME"] = name
    for number, (column, kind, unit) in enumerate(columns, 1):
        header[f"TTYPE{number}"], header[f"TFORM{number}"] = column, kind
        if unit:
            header[f"TUNIT{number}"] = unit
    return header


def _header(header: Any) -> bytes:
    return header.tostring().encode("ascii")


def _padded(size: int) -> int:
    return math.ceil(size / FITS_BLOCK) * FITS_BLOCK


def _open_fits(path: Path) -> Recording:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    try:
        with warnings.catch_warnings():
            # of a file that is cut off, which is refused below
            warnings.simplefilter("ignore", AstropyUserWarning)
            with fits.open(path, memmap=True, lazy_load_hdus=True) as file:
                origin, index = file["ORIGIN"], file["BLOCKS"]
                text = str(origin.data["json"][0])
                places = [file["TOD"].fileinfo()["datLoc"], index.fileinfo()["datLoc"]]
                head = file["TOD"].header
                shape = (head["TFIELDS"], head["NAXIS2"])
                columns = [(head.get(f"TTYPE{n + 1}"), head.get(f"TFORM{n + 1}"), head.get(f"TUNIT{n + 1}", "")) for n in range(shape[0])]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"'{path}' is no file of a stream ({' '.join(str(error).split())}): give another name") from None
    contents = Contents.from_json(text, path)
    if shape != (len(contents.names), contents.samples) or columns != [(name, "1E", contents.unit) for name in contents.names]:
        told = f"{shape[1]} rows of {shape[0]} columns, the first {' '.join(map(str, columns[0])) if columns else 'absent'}"
        raise ValueError(f"'{path}' was changed since `cloudchamber stream` wrote it: the table has {told}; give another name")
    return _whole(Recording(path, contents, *places))


def _whole(recording: Recording) -> Recording:
    size = recording.path.stat().st_size
    end = max(recording.data_offset + 4 * len(recording.rows) * recording.samples, recording.marks_offset + recording.contents.blocks)
    if size < end:
        raise ValueError(f"'{recording.path}' is cut off: it has {size} bytes, and {end} belong to it; remove it, and run the command again")
    return recording
