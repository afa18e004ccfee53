"""Read a store: whole, by slices, several ranges at once or single events; every shard's checksum is compared before its first use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from cloudchamber.schema import Column, Ragged, Table, concatenate, take
from cloudchamber.store import shard
from cloudchamber.store.dataset import Dataset, readable
from cloudchamber.store.leaves import Leaves
from cloudchamber.store.shard import Shard

Group: TypeAlias = tuple[Shard, Sequence[tuple[int, int]]]
"""A shard and ranges of its events."""
PORTION_BYTES = 16 * 1024**2
"""``read_events`` reads neighbourhoods in portions of about this size."""
RECORD_NEIGHBOURS = 4


class Store:
    """The complete shards of a folder as one table of events, in the order of the blocks.

    ValueError where the folder is no store or a shard is truncated, damaged or of another dataset. ``verify_on_read`` compares the checksum of each shard when
    it is first read, of records (large entries of ragged columns) the part that is read (about 1 GB/s).
    """

    def __init__(self, folder: Path | str, verify_on_read: bool = True) -> None:
        self.folder = Path(folder)
        self.dataset = Dataset.read(self.folder)
        self.schema = self.dataset.schema
        self.shards: tuple[Shard, ...] = shard.find_shards(self.folder, self.dataset.identity)
        self.offsets = np.cumsum([0, *(each.header.events for each in self.shards)])
        self.verify_on_read = verify_on_read
        # by shard: the digests that reading compares with, None where nothing is left to compare
        self._leaves: dict[Path, Leaves | None] = {}

    @property
    def simulator(self) -> str:
        """The name of the simulator that made the events."""
        return self.dataset.simulator

    @property
    def settings(self) -> dict[str, Any]:
        """The simulator's settings, as plain JSON values."""
        return dict(self.dataset.settings)

    @property
    def seed(self) -> int:
        """The seed of the simulation."""
        return self.dataset.seed

    @property
    def blocks(self) -> list[int]:
        """The numbers of the complete blocks."""
        return [each.header.block for each in self.shards]

    @property
    def n_events(self) -> int:
        """The number of events in all complete shards."""
        return int(self.offsets[-1])

    @property
    def n_intended(self) -> int | None:
        """The number of events that the store is meant to hold in the end, None where nobody said."""
        return self.dataset.events

    @property
    def missing_blocks(self) -> list[int]:
        """The blocks that have no shard: of those intended, or where that is unknown of those below the highest one there."""
        there = set(self.blocks)
        intended = max(there, default=-1) + 1 if self.dataset.blocks is None else self.dataset.blocks
        return [block for block in range(intended) if block not in there]

    def refuse_gaps(self, partial: bool = False) -> None:
        """ValueError where blocks are missing, unless ``partial`` takes what is there; a store without events is always refused."""
        missing = self.missing_blocks
        if self.n_events == 0:
            raise ValueError(f"'{self.folder}' holds no events: run the same command that made it again")
        if missing and not partial:
            shown = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5} others" if len(missing) > 5 else "")
            named = f"block {shown} is" if len(missing) == 1 else f"blocks {shown} are"
            raise ValueError(
                f"'{self.folder}' holds {len(self.shards)} of {len(self.shards) + len(missing)} blocks ({named} missing): "
                "run the same command that made it again, or use what is there with --partial (partial=True)"
            )

    def __len__(self) -> int:
        return self.n_events

    def verify(self) -> None:
        """Compare the checksum of every shard; ValueError lists all broken ones."""
        errors = []
        for each in self.shards:
            try:
                each.verify()
                self._leaves[each.path] = None
            except ValueError as error:
                errors.append(str(error))
        if errors:
            raise ValueError("; ".join(errors))

    def read(self, columns: Sequence[str] | None = None, events: slice | None = None) -> Table:
        """The named columns (default: all) of a slice of events (default: all; step 1)."""
        first, stop, step = (events or slice(None)).indices(self.n_events)
        if step != 1:
            raise ValueError(f"events must be a slice of step 1, got {events}")
        return self.read_ranges(columns, [(first, max(first, stop))])

    def read_ranges(self, columns: Sequence[str] | None, ranges: Sequence[tuple[int, int]]) -> Table:
        """Several ranges of events (first, stop), one after another, in one table."""
        chosen = self.schema.columns if columns is None else self.schema.select(columns)
        pieces = [piece for first, stop in ranges for piece in self._pieces(first, stop)]
        groups = [(self.shards[index], [piece[1:] for piece in group]) for index, group in groupby(pieces, key=lambda piece: piece[0])]
        # room is made once, and filled in place: joining parts would take the memory twice
        starts = self._starts([name for name, column in chosen.items() if column.ragged], groups)
        total = sum(stop - first for _, first, stop in pieces)
        table: Table = {}
        for name, column in chosen.items():
            if column.ragged:
                lengths = np.concatenate([np.zeros(1, np.int64), *(np.diff(each) for each in starts[name])])
                offsets = np.cumsum(lengths)
                table[name] = Ragged(np.empty((offsets[-1], *column.shape), column.dtype), offsets)
            else:
                table[name] = np.empty((total, *column.shape), column.dtype)
        self._fill(table, groups, starts)
        return table

    def read_events(self, columns: Sequence[str] | None, index: np.ndarray) -> Table:
        """The events of a rising ``index`` (events,), read with their neighbours where that is cheaper, in portions; never the whole store at once."""
        names = list(self.schema.columns if columns is None else self.schema.select(columns))
        index = self.check_index(index)
        # neighbourhoods are what one chunk of HDF5 holds; records lie in one piece, and only those nearby are read on the way
        alike: dict[int, list[str]] = {}
        for name in names:
            alike.setdefault(_neighbours(self.schema.columns[name]), []).append(name)
        most = max(alike, default=1)
        blocks = self.block_starts(index, most)
        per_portion = max(1, int(PORTION_BYTES / max(self.event_bytes(names) * most, 1.0)))
        # a portion ends with a neighbourhood, so that none is read twice
        edges = [0, *(np.flatnonzero(np.diff(blocks)) + 1)[per_portion - 1 :: per_portion], len(index)]
        parts = []
        for low, high in pairwise(edges):
            part: Table = {}
            for neighbours, group in alike.items():
                part |= self._read_near(group, index[low:high], neighbours)
            parts.append(part)
        # column by column, and the parts let go, so that the memory is not taken twice
        return {name: concatenate([{name: part.pop(name)} for part in parts])[name] for name in names}

    def check_index(self, index: np.ndarray) -> np.ndarray:
        """``index`` as int64; ValueError unless it rises within the store."""
        index = np.asarray(index)
        if index.ndim != 1 or (len(index) and index.dtype.kind not in "iu"):
            raise ValueError(f"event numbers must be one row of integers, got {index.dtype} of shape {index.shape}")
        outside = index[(index < 0) | (index >= self.n_events)]
        if len(outside):
            raise ValueError(f"event {outside[0]} is outside the store's 0 to {self.n_events - 1}")
        fallen = np.flatnonzero(index[1:] <= index[:-1])
        if len(fallen):
            raise ValueError(f"event numbers must rise, each once: {index[fallen[0] + 1]} follows {index[fallen[0]]}; sort them (numpy.unique)")
        return index.astype(np.int64)

    def block_starts(self, index: np.ndarray, block_events: int) -> np.ndarray:
        """For each event the first one of its block, with shards cut at multiples of ``block_events`` from their starts."""
        starts = self.offsets[np.searchsorted(self.offsets, index, side="right") - 1]
        return index - (index - starts) % block_events

    def _read_near(self, names: Sequence[str], index: np.ndarray, neighbours: int) -> Table:
        """Events read in whole blocks of so many neighbours, neighbouring blocks joined."""
        lows = np.unique(self.block_starts(index, neighbours))
        highs = np.minimum(lows + neighbours, self.offsets[np.searchsorted(self.offsets, lows, side="right")])
        first, last = np.append(True, lows[1:] != highs[:-1])[: len(lows)], np.append(lows[1:] != highs[:-1], True)[: len(lows)]
        ranges = list(zip(lows[first].tolist(), highs[last].tolist(), strict=True))
        table = self.read_ranges(names, ranges)
        # how many events of the ranges' table stand before the first of each range
        before = np.cumsum([0, *(stop - start for start, stop in ranges)])
        if before[-1] == len(index):
            return table
        within = np.searchsorted(highs[last], index, side="right")
        return take(table, before[within] + index - lows[first][within])

    def event_bytes(self, columns: Sequence[str] | None = None) -> float:
        """Bytes of an event's entries in these columns (default: all); of ragged ones the mean of the first, middle and last shard that have events."""
        chosen = self.schema.columns if columns is None else self.schema.select(columns)
        size: dict[str, float] = {name: int(np.prod(column.shape)) * np.dtype(column.dtype).itemsize for name, column in chosen.items()}
        ragged = [name for name, column in chosen.items() if column.ragged]
        filled = [each for each in self.shards if each.header.events]
        if filled and ragged:
            spread = [filled[i] for i in sorted({0, len(filled) // 2, len(filled) - 1})]
            starts = self._starts(ragged, [(each, [(0, each.header.events)]) for each in spread])
            events = sum(each.header.events for each in spread)
            size |= {name: size[name] * float(sum(each[-1] for each in starts[name])) / events for name in ragged}
        return float(sum(size.values()))

    def _pieces(self, first: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """(shard, first, stop) within each shard that the range touches."""
        if not 0 <= first <= stop <= self.n_events:
            raise ValueError(f"events {first} to {stop} are outside the store's 0 to {self.n_events}")
        for index in range(int(np.searchsorted(self.offsets, first, side="right")) - 1, len(self.shards)):
            start, end = int(self.offsets[index]), int(self.offsets[index + 1])
            if start >= stop:
                break
            if max(first, start) < min(stop, end):
                yield index, max(first, start) - start, min(stop, end) - start

    def _starts(self, names: Sequence[str], groups: Sequence[Group]) -> dict[str, list[np.ndarray]]:
        """For each ragged column and range of events, where its events start among the shard's values."""
        starts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for source, ranges in groups if names else ():
            with self._open(source) as file:
                for name in names:
                    starts[name] += [shard.read_offsets(self._place(file, name), first, stop) for first, stop in ranges]
        return starts

    def _fill(self, table: Table, groups: Sequence[Group], starts: Mapping[str, list[np.ndarray]]) -> None:
        """Read the ranges of all shards into ``table``, one after another."""
        done = number = 0
        for source, ranges in groups:
            edges = np.cumsum([done, *(stop - first for first, stop in ranges)])
            with self._open(source) as file:
                for name, values in table.items():
                    # one open column for all ranges keeps HDF5's chunk cache
                    place = self._place(file, name)
                    for i, (first, stop) in enumerate(ranges):
                        if isinstance(values, Ragged):
                            low, high = values.offsets[edges[i]], values.offsets[edges[i + 1]]
                            self._read_values(source, place["values"], int(starts[name][number + i][0]), values.values[low:high])
                        else:
                            shard.read_events(place, first, stop, values[edges[i] : edges[i + 1]])
                    self._check(source, name, values, edges)
            done, number = int(edges[-1]), number + len(ranges)

    def _check(self, source: Shard, name: str, values: Any, edges: np.ndarray) -> None:
        """A checksum says that nothing was changed, not that numbers can be."""
        if np.dtype(self.schema.columns[name].dtype).kind != "f":
            return
        part = values[edges[0] : edges[-1]] if not isinstance(values, Ragged) else values.values[values.offsets[edges[0]] : values.offsets[edges[-1]]]
        offsets = values.offsets[edges[0] : edges[-1] + 1] - values.offsets[edges[0]] if isinstance(values, Ragged) else None
        try:
            self.schema.columns[name].check_values(name, part, offsets)
        except ValueError as error:
            raise shard.broken(source.path, f"holds what cannot be ({error}, as read)") from None

    @contextmanager
    def _open(self, source: Shard) -> Iterator[h5py.File]:
        """The shard's file, its checksum compared before the first use."""
        if self.verify_on_read and source.path not in self._leaves:
            self._first_use(source)
        try:
            # shards never change, so no file locks, which some cluster file systems lack
            with readable(source.path), h5py.File(source.path, "r", locking=False) as file:
                yield file
        except (FileNotFoundError, PermissionError):
            raise
        except (OSError, KeyError, RuntimeError) as error:
            raise shard.broken(source.path, f"cannot be read ({error})") from error

    def _first_use(self, source: Shard) -> None:
        """Compare all that is not compared on reading."""
        if source.header.leaves:
            leaves = source.open_leaves()
            source.compare_all_but_records(leaves)
            self._leaves[source.path] = leaves
        else:
            source.verify()
            self._leaves[source.path] = None

    def _read_values(self, source: Shard, place: h5py.Dataset, first: int, out: np.ndarray) -> None:
        """Values of a ragged column from position ``first`` on, compared with their digests where they lie in one piece."""
        leaves = self._leaves.get(source.path)
        if leaves is not None and place.chunks is None and out.nbytes:
            start = place.id.get_offset() - shard.HEADER_BYTES + first * out[0].nbytes
            source.compare(leaves, start, start + out.nbytes)
        shard.read_values(place, first, out)

    def _place(self, file: h5py.File, name: str) -> Any:
        return file["theta" if name in self.schema.theta else "x"][name]


def _neighbours(column: Column) -> int:
    """How many events are read together at the least."""
    size = int(np.prod(column.shape)) * np.dtype(column.dtype).itemsize
    if column.ragged:
        return RECORD_NEIGHBOURS if size >= shard.RECORD_BYTES else shard.CHUNK_EVENTS
    return max(1, min(shard.CHUNK_EVENTS, 1 << int(np.log2(max(1.0, shard.CHUNK_BYTES / max(size, 1))))))
