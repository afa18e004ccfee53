"""Write a store block by block: atomic, resumable, safe against kill -9 and a full disk."""

from __future__ import annotations

import contextlib
import operator
import os
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from cloudchamber.atomic import held, remove_leftovers, write_atomically
from cloudchamber.schema import Schema, check_table, events_in
from cloudchamber.store import dataset, shard
from cloudchamber.store.dataset import Dataset, Order


class StoreWriter:
    """Writes blocks of events into a folder; opening an existing one resumes it.

    It holds the folder's lock until ``close``; a pickled copy in a worker process holds nothing and may call ``write_block`` beside it.
    ``events`` and ``blocks`` are the numbers that the store is meant to hold in the end; larger ones than those there let it grow. ``order`` tells readers
    whether neighbours are independent.
    ValueError where the folder holds another schema, simulator, settings or seed: it says which. FolderInUseError where another writer is at work.
    """

    def __init__(
        self,
        folder: Path | str,
        schema: Schema,
        simulator: str,
        settings: Mapping[str, Any],
        seed: int,
        *,
        events: int | None = None,
        blocks: int | None = None,
        order: Order = "unknown",
    ) -> None:
        self.folder = Path(folder)
        self.dataset = Dataset(schema, simulator, settings, operator.index(seed), dataset.package_version(), events=events, blocks=blocks, order=order)
        if not schema.columns:
            raise ValueError("a store needs a schema with at least one column")
        self.folder.mkdir(parents=True, exist_ok=True)
        # another dataset is named even while somebody else writes
        self._there()
        lock = contextlib.ExitStack()
        lock.enter_context(held(self.folder, f"StoreWriter of {simulator}"))
        self._lock: weakref.finalize | None = weakref.finalize(self, _release, lock, os.getpid())
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None}

    def close(self) -> None:
        """Remove what workers that died have left, and let others write into the folder."""
        if self._lock is not None and self._lock.alive:
            remove_leftovers(self.folder)
            self._lock()

    def missing(self, blocks: int) -> list[int]:
        """The blocks of 0 .. ``blocks`` - 1 that have no complete shard; ValueError names a truncated or foreign shard."""
        done = {found.header.block for found in shard.find_shards(self.folder, self.dataset.identity)}
        return [block for block in range(blocks) if block not in done]

    def write_block(self, block: int, table: Mapping[str, Any]) -> None:
        """Check ``table`` against the schema and write it as the shard of ``block``; the file appears complete or not at all.

        ValueError/TypeError names a bad column; OSError (disk full, quota, permission) names the file, and earlier shards stay as they are.
        """
        if self._lock is not None and not self._lock.alive:
            raise ValueError(f"the writer of '{self.folder}' is closed: open another StoreWriter to write block {block}")
        if operator.index(block) < 0:
            raise ValueError(f"a block number must not be negative, got {block}")
        schema = self.dataset.schema
        checked = check_table(table, schema.columns)
        events = events_in(checked)
        attributes = {"block": block, "events": events, "package_version": self.dataset.package_version}
        image = shard.encode(checked, schema, attributes)
        header, leaves = shard.seal(image, self.dataset.identity, operator.index(block), events)
        # opening and closing a writer sweeps: doing so for each block would read a folder of a million files a million times
        write_atomically(shard.shard_path(self.folder, block), header.to_bytes(), image, leaves, sweep=False)

    def _there(self) -> Dataset | None:
        """The folder's dataset, None where there is none; ValueError where it cannot be continued."""
        with dataset.readable(self.folder):
            if not (self.folder / dataset.FILE).exists():
                return None
        there = Dataset.read(self.folder)
        differences = there.differences(self.dataset)
        if differences:
            raise ValueError(f"{self.folder} holds another dataset ({'; '.join(differences)}): use the same, or write into another folder")
        if there.format_version != dataset.FORMAT_VERSION:
            raise ValueError(
                f"'{self.folder}' was made by an earlier version, whose random numbers were others: it can be read, but not continued; "
                "simulate into another folder"
            )
        return there

    def _open(self) -> None:
        """Make ``dataset.json``, or bring the intended numbers in it up to date."""
        there = self._there()
        path = self.folder / dataset.FILE
        if there is None:
            write_atomically(path, self.dataset.to_bytes())
            return
        events, blocks = self._intended(there)
        order = there.order if self.dataset.order == "unknown" else self.dataset.order
        self.dataset = replace(self.dataset, events=events, blocks=blocks, order=order)
        if (events, blocks, order) != (there.events, there.blocks, there.order):
            write_atomically(path, replace(there, events=events, blocks=blocks, order=order).to_bytes())

    def _intended(self, there: Dataset) -> tuple[int | None, int | None]:
        """This writer's numbers of events and blocks; those there where this writer has none, or where shards beyond its own exist."""
        events = there.events if self.dataset.events is None else self.dataset.events
        blocks = there.blocks if self.dataset.blocks is None else self.dataset.blocks
        if (events, blocks) == (there.events, there.blocks):
            return events, blocks
        headers = [found.header for found in shard.find_shards(self.folder, self.dataset.identity)]
        block_events = self.dataset.settings.get("block_events")
        if events is not None and isinstance(block_events, int):
            rooms = [(header, min(block_events, events - header.block * block_events)) for header in headers]
            for header, room in rooms:
                if header.events < room:
                    # it is not what a longer simulation makes
                    raise ValueError(
                        f"block {header.block} of '{self.folder}' holds {header.events} events: "
                        f"only a store of a multiple of {block_events} can grow; use another folder"
                    )
            beyond = any(header.events > room for header, room in rooms)
        else:
            beyond = events is not None and sum(header.events for header in headers) > events
        if beyond or (blocks is not None and any(header.block >= blocks for header in headers)):
            return there.events, there.blocks
        return events, blocks


def _release(lock: contextlib.ExitStack, pid: int) -> None:
    # a forked child holds nothing
    if os.getpid() == pid:
        lock.close()
