"""Write a store block by block: atomic, resumable, safe against kill -9 and a full disk."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from cloudchamber.atomic import write_atomically
from cloudchamber.schema import Schema, check_table, events_in
from cloudchamber.store import dataset, shard
from cloudchamber.store.dataset import Dataset


class StoreWriter:
    """Writes blocks of events into a folder; opening an existing one resumes it.

    One writer opens a folder at a time; a pickled copy in a worker process may call ``write_block`` beside it.
    ValueError where the folder holds another schema, simulator, settings or seed: it says which.
    """

    def __init__(self, folder: Path | str, schema: Schema, simulator: str, settings: Mapping[str, Any], seed: int) -> None:
        self.folder = Path(folder)
        self.dataset = Dataset(schema, simulator, settings, operator.index(seed), dataset.package_version())
        if not schema.columns:
            raise ValueError("a store needs a schema with at least one column")
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / dataset.FILE).exists():
            differences = Dataset.read(self.folder).differences(self.dataset)
            if differences:
                raise ValueError(f"{self.folder} holds another dataset ({'; '.join(differences)}): use the same, or write into another folder")
        else:
            write_atomically(self.folder / dataset.FILE, self.dataset.to_bytes())
        self._remove_leftovers()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._remove_leftovers()

    def missing(self, blocks: int) -> list[int]:
        """The blocks of 0 .. ``blocks`` - 1 that have no complete shard; ValueError names a truncated or foreign shard."""
        done = {found.header.block for found in shard.find_shards(self.folder, self.dataset.identity)}
        return [block for block in range(blocks) if block not in done]

    def write_block(self, block: int, table: Mapping[str, Any]) -> None:
        """Check ``table`` against the schema and write it as the shard of ``block``; the file appears complete or not at all.

        ValueError/TypeError names a bad column; OSError (disk full, quota, permission) names the file, and earlier shards stay as they are.
        """
        if operator.index(block) < 0:
            raise ValueError(f"a block number must not be negative, got {block}")
        schema = self.dataset.schema
        checked = check_table(table, schema.columns)
        events = events_in(checked)
        attributes = {"block": block, "events": events, "package_version": self.dataset.package_version}
        image = shard.encode(checked, schema, attributes)
        header, leaves = shard.seal(image, self.dataset.identity, operator.index(block), events)
        write_atomically(shard.shard_path(self.folder, block), header.to_bytes(), image, leaves)

    def _remove_leftovers(self) -> None:
        for path in (*self.folder.glob("shard-*.h5.*.tmp"), *self.folder.glob(f"{dataset.FILE}.*.tmp")):
            path.unlink(missing_ok=True)
