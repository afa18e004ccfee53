"""The file of one block of events: a header with a checksum, then an HDF5 image with one dataset for each column.

The header fills the HDF5 user block (512 bytes), so any HDF5 tool opens the file. After the image stand the digests of its leaves (leaves.py), which the
header's checksum covers, so that every byte is covered. All but records, the large entries of ragged columns that
fill most of such a shard, is compared before HDF5 sees the file; records are compared when they are read.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from cloudchamber.jsonable import from_json
from cloudchamber.schema import Column, Ragged, Schema
from cloudchamber.store.dataset import readable
from cloudchamber.store.leaves import DIGEST_BYTES, LEAF_BYTES, Leaves, digests

HEADER_BYTES: Final = 512
NAME = re.compile(r"shard-(\d{6,})\.h5")
CHUNK_BYTES: Final = 256 * 1024
CHUNK_EVENTS: Final = 512
_SMALL_EVENT_BYTES: Final = 128
RECORD_BYTES: Final = 128
_SMALL_SHARE: Final = 1 / 16
_READ_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Header:
    """What a shard says of itself: its dataset's identity, block number, number of events, size of the HDF5 image, and the checksum of all this."""

    dataset: str
    block: int
    events: int
    image_bytes: int
    blake2b: str = ""
    leaves: int = 0
    """Digests after the image; 0 in shards of version 0.1, whose checksum is that of the image."""
    records: tuple[tuple[int, int], ...] = ()
    """Bytes of the image (first, stop) that are compared when they are read."""

    @property
    def file_bytes(self) -> int:
        """The size of the whole file."""
        return HEADER_BYTES + self.image_bytes + self.leaves * DIGEST_BYTES

    def to_bytes(self) -> bytes:
        """One line of JSON, filled up to 512 bytes."""
        return json.dumps(self._fields()).encode().ljust(HEADER_BYTES - 1) + b"\n"

    def hasher(self) -> hashlib.blake2b:
        """A hash that has seen the fields; feed it the digests, or the image where there are none."""
        return hashlib.blake2b(json.dumps({**self._fields(), "blake2b": ""}).encode(), digest_size=32)

    def _fields(self) -> dict[str, Any]:
        return asdict(self) if self.leaves else {name: value for name, value in asdict(self).items() if name not in ("leaves", "records")}


@dataclass(frozen=True)
class Shard:
    """A complete shard: where it is and what its header says."""

    path: Path
    header: Header

    def verify(self) -> None:
        """Read every byte and compare the checksums; ValueError names the file and says what to do. About 1 GB/s."""
        if self.header.leaves:
            self.compare(self.open_leaves(), 0, self.header.image_bytes)
            return
        buffer = memoryview(bytearray(_READ_BYTES))
        hasher = self.header.hasher()
        with readable(self.path), self.path.open("rb") as file:
            file.seek(HEADER_BYTES)
            while count := file.readinto(buffer):
                hasher.update(buffer[:count])
        if hasher.hexdigest() != self.header.blake2b:
            raise broken(self.path, "does not match its checksum")

    def open_leaves(self) -> Leaves:
        """The digests of the image's leaves, none of them compared; ValueError where they are not those that were written."""
        with readable(self.path), self.path.open("rb") as file:
            file.seek(HEADER_BYTES + self.header.image_bytes)
            expected = file.read()
        hasher = self.header.hasher()
        hasher.update(expected)
        if hasher.hexdigest() != self.header.blake2b:
            raise broken(self.path, "does not match its checksum")
        return Leaves(expected, HEADER_BYTES, self.header.image_bytes)

    def compare(self, leaves: Leaves, first: int, stop: int) -> None:
        """Compare bytes ``first`` to ``stop`` of the image with their digests, if that was not done before; ValueError as ``verify``."""
        with readable(self.path), self.path.open("rb", buffering=0) as file:
            if not leaves.agree(file, first, stop):
                raise broken(self.path, "does not match its checksum")

    def compare_all_but_records(self, leaves: Leaves) -> None:
        """Compare what any reading needs; ValueError as ``verify``."""
        edges = [0, *(edge for part in self.header.records for edge in part), self.header.image_bytes]
        for first, stop in zip(edges[::2], edges[1::2], strict=True):
            self.compare(leaves, first, stop)


def broken(path: Path, why: str) -> ValueError:
    """The error for a shard that cannot be trusted."""
    return ValueError(f"shard {path} {why}: delete that file and run the same simulate command again, which makes only that block")


def shard_path(folder: Path, block: int) -> Path:
    """The file of a block."""
    return folder / f"shard-{block:06d}.h5"


def find_shards(folder: Path, identity: str) -> tuple[Shard, ...]:
    """The complete shards by block number; ValueError lists those that are truncated, damaged or of another dataset (only headers are read)."""
    shards, errors = [], []
    with readable(folder):
        paths = list(folder.iterdir())
    for path in paths:
        if NAME.fullmatch(path.name):
            try:
                shards.append(_open_shard(path, identity))
            except ValueError as error:
                errors.append(str(error))
    if errors:
        raise ValueError("; ".join(sorted(errors)))
    return tuple(sorted(shards, key=lambda shard: shard.header.block))


def _open_shard(path: Path, identity: str) -> Shard:
    with readable(path), path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    size = path.stat().st_size
    if size <= HEADER_BYTES:
        raise broken(path, f"is truncated ({size} bytes)")
    try:
        header: Header = from_json(Header, json.loads(start))
    except ValueError as error:
        raise broken(path, "has a damaged header") from error
    if header.to_bytes() != start:
        raise broken(path, "has a damaged header")
    if size != header.file_bytes:
        raise broken(path, f"is truncated ({size} of {header.file_bytes} bytes)")
    if header.dataset != identity:
        raise ValueError(f"shard {path} belongs to another dataset (other schema, simulator, settings or seed than dataset.json beside it): move it away")
    if path.name != shard_path(path.parent, header.block).name:
        raise ValueError(f"shard {path} holds block {header.block}: rename it to {shard_path(path.parent, header.block).name}")
    return Shard(path, header)


def encode(table: Mapping[str, Any], schema: Schema, attributes: Mapping[str, Any]) -> bytes:
    """The HDF5 image of a checked table: a dataset for each column in the groups ``theta`` and ``x`` (two, ``values`` and ``offsets``, for a ragged one).

    The same table gives the same bytes.
    """
    # HDF5 knows an open file by its name, even one that never reaches a disk: two threads need two names
    with h5py.File(secrets.token_hex(8), "w", driver="core", backing_store=False) as file:
        file.attrs.update(attributes)
        total = sum(values.values.nbytes if isinstance(values, Ragged) else values.nbytes for values in table.values())
        for side, columns in (("theta", schema.theta), ("x", schema.x)):
            group = file.create_group(side)
            for name, column in columns.items():
                _write_column(group, name, column, table[name], total)
        file.flush()
        return file.id.get_file_image()


def seal(image: bytes, dataset: str, block: int, events: int) -> tuple[Header, bytes]:
    """The header of an image, and the digests that follow it."""
    leaves = digests(image)
    header = Header(dataset, block, events, len(image), leaves=len(leaves) // DIGEST_BYTES, records=_records(image))
    hasher = header.hasher()
    hasher.update(leaves)
    return replace(header, blake2b=hasher.hexdigest()), leaves


def _records(image: bytes) -> tuple[tuple[int, int], ...]:
    """Where the values of large ragged columns lie that are stored in one piece."""
    found: list[tuple[int, int]] = []

    def look(name: str, place: h5py.HLObject) -> None:
        ragged = name.count("/") == 2 and name.endswith("/values")
        if ragged and place.chunks is None and place.nbytes > 2 * LEAF_BYTES:
            found.append((place.id.get_offset(), place.id.get_offset() + place.nbytes))

    with h5py.File(io.BytesIO(image), "r") as file:
        file.visititems(look)
    # the header has room for the largest few
    return tuple(sorted(sorted(found, key=lambda part: part[0] - part[1])[:4]))


def _write_column(group: h5py.Group, name: str, column: Column, values: Any, total_bytes: int) -> None:
    if isinstance(values, Ragged):
        place = group.create_group(name)
        if values.values[:1].nbytes >= RECORD_BYTES or values.values.nbytes < _SMALL_SHARE * total_bytes:
            # records such as waveforms make up nearly all of a store: lzf would save two thirds of the disk, but a core unpacks 300 MB/s and copies 5 GB/s;
            # small columns beside them save nothing
            place.create_dataset("values", data=values.values)
        else:
            # a chunk holds about as many values as the events of a block that stream reads
            length = max(1.0, len(values.values) / max(len(values), 1))
            _write_array(place, "values", values.values, most_rows=1 << int(np.ceil(np.log2(CHUNK_EVENTS * length))))
        place.create_dataset("offsets", data=values.offsets)
    elif values[:1].nbytes < _SMALL_EVENT_BYTES:
        place = group.create_dataset(name, data=values)
    else:
        place = _write_array(group, name, values, most_rows=CHUNK_EVENTS)
    place.attrs.update({"unit": column.unit, "doc": column.doc, **({"categories": list(column.categories)} if column.categories else {})})


def _write_array(group: h5py.Group, name: str, array: np.ndarray, most_rows: int) -> h5py.Dataset:
    """Compress in chunks: lzf with byte shuffle halves noisy profiles and reads at 550 MB/s a core; gzip saves 3 % more and reads at 370 MB/s."""
    if len(array) == 0:
        return group.create_dataset(name, data=array)
    # a power of two, so that stream's blocks fall on whole chunks
    rows = 1 << max(0, int(np.log2(CHUNK_BYTES / array[:1].nbytes)))
    return group.create_dataset(name, data=array, chunks=(min(rows, most_rows, len(array)), *array.shape[1:]), compression="lzf", shuffle=True)


def read_events(place: h5py.Dataset, first: int, stop: int, out: np.ndarray) -> None:
    """Read events ``first`` to ``stop`` of a column into ``out``."""
    place.read_direct(out, np.s_[first:stop])


def read_offsets(place: h5py.Group, first: int, stop: int) -> np.ndarray:
    """Where events ``first`` to ``stop`` of a ragged column start among its values, and where the last one ends."""
    return place["offsets"][first : stop + 1]


def read_values(place: h5py.Dataset, first: int, out: np.ndarray) -> None:
    """Read the values of a ragged column from position ``first`` on into ``out``."""
    if len(out):
        place.read_direct(out, np.s_[first : first + len(out)])
