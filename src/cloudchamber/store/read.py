"""Read a store: whole, by slices, or several ranges at once; every shard's checksum is compared before its first use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cloudchamber.schema import Column, Ragged, Table, concatenate
from cloudchamber.store import shard
from cloudchamber.store.dataset import Dataset
from cloudchamber.store.shard import Shard


class Store:
    """The complete shards of a folder as one table of events, in the order of the blocks.

    ValueError where the folder is no store or a shard is truncated, damaged or of another dataset. ``verify_on_read`` compares the checksum of each shard when
    it is first read (about 1 GB/s).
    """

    def __init__(self, folder: Path | str, verify_on_read: bool = True) -> None:
        self.folder = Path(folder)
        self.dataset = Dataset.read(self.folder)
        self.schema = self.dataset.schema
        self.shards: tuple[Shard, ...] = shard.find_shards(self.folder, self.dataset.identity)
        self.offsets = np.cumsum([0, *(each.header.events for each in self.shards)])
        self.verify_on_read = verify_on_read
        self._verified: set[Path] = set()

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

    def __len__(self) -> int:
        return self.n_events

    def verify(self) -> None:
        """Compare the checksum of every shard; ValueError lists all broken ones."""
        errors = []
        for each in self.shards:
            try:
                each.verify()
                self._verified.add(each.path)
            except ValueError as error:
                errors.append(str(error))
        if errors:
            raise ValueError("\n".join(errors))

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
        total = sum(stop - first for _, first, stop in pieces)
        table: Table = {name: np.empty((total, *column.shape), column.dtype) for name, column in chosen.items() if not column.ragged}
        parts: dict[str, list[Ragged]] = {name: [_no_events(column)] for name, column in chosen.items() if column.ragged}
        done = 0
        for index, group in groupby(pieces, key=lambda piece: piece[0]):
            done = self._read_shard(self.shards[index], [(first, stop) for _, first, stop in group], table, parts, done)
        joined = {name: concatenate([{name: part} for part in ragged])[name] for name, ragged in parts.items()}
        return {name: joined[name] if column.ragged else table[name] for name, column in chosen.items()}

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

    def _read_shard(self, source: Shard, ranges: list[tuple[int, int]], table: Table, parts: dict[str, list[Ragged]], done: int) -> int:
        """Append the ranges of one shard to ``table`` and ``parts`` from event ``done`` on; gives the new end."""
        if self.verify_on_read and source.path not in self._verified:
            source.verify()
            self._verified.add(source.path)
        edges = np.cumsum([done, *(stop - first for first, stop in ranges)])
        try:
            # shards never change, so no file locks, which some cluster file systems lack
            with h5py.File(source.path, "r", locking=False) as file:
                for name in (*table, *parts):
                    # one open column for all ranges keeps HDF5's chunk cache
                    place = file["theta" if name in self.schema.theta else "x"][name]
                    for (first, stop), (low, high) in zip(ranges, pairwise(edges), strict=True):
                        if name in table:
                            shard.read_events(place, first, stop, table[name][low:high])
                        else:
                            parts[name].append(shard.read_ragged(place, first, stop))
        except FileNotFoundError:
            raise
        except (OSError, KeyError, RuntimeError) as error:
            raise shard.broken(source.path, f"cannot be read ({error})") from error
        return int(edges[-1])


def _no_events(column: Column) -> Ragged:
    return Ragged(np.empty((0, *column.shape), column.dtype), np.zeros(1, dtype=np.int64))
