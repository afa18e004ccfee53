"""Convert files of a study's field into an event store or into each other."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.atomic import held, refuse_place
from cloudchamber.formats.digest import TableDigest
from cloudchamber.formats.options import stated_options
from cloudchamber.formats.tables import joined, presence, read_chunks, write_table
from cloudchamber.hub import find_run, load
from cloudchamber.rng import rng
from cloudchamber.run.repeated import Repeats
from cloudchamber.schema import Ragged, Schema, Table, events_in, take, whole
from cloudchamber.store.read import Store
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import Study, find_study

BLOCK_EVENTS = 1000
IN_MEMORY_BYTES = 2**28
"""Events that fill more wait on disk until their order is drawn."""
INCOMING = ".incoming"


@dataclass(frozen=True)
class Converted:
    """What ``convert`` wrote: events, and which of the schema's columns the source held; how many it marked as outside a domain where that was left out."""

    path: Path
    events: int
    columns: tuple[str, ...]
    absent: tuple[str, ...]
    outside: int | None = None


def convert(
    study: Study | str,
    source: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    format: str | None = None,
    out_format: str | None = None,
    partial: bool = False,
    like: Path | str | None = None,
    read: Mapping[str, Any] | None = None,
) -> Converted:
    """Read files (or event stores) and write their events to one file, or without a suffix to a folder: an event store.

    The formats follow the suffixes unless they are named. A store gets the events in a fixed random order, so that any part of it is a fair sample.
    ``partial`` takes what there is of stores that lack blocks. A model's mark ``in_domain`` goes from file to file;
    a store has none, and ``Converted.outside`` tells how many were marked. A store takes no events that repeat each other: learned or held out, they would
    count twice. Events are read and written chunk by chunk. Columns, such as categories and shapes, are those of the first source where that
    is a store, of the run or store ``like``, or the study's; ``read`` are options of the sources' format.
    """
    study = find_study(study) if isinstance(study, str) else study
    sources = [source] if isinstance(source, (str, Path)) else list(source)
    if not sources:
        raise ValueError("give at least one file to convert")
    out, seen = Path(out), _Seen(study, _schema_of(study, like, Path(sources[0])))
    to_file = bool(out.suffix) or out_format is not None
    refuse_place(out, file=to_file)
    chunks = seen.all_of([Path(each) for each in sources], format, partial, read, to_file)
    if to_file:
        write_table(out, chunks, study, out_format, seen.known)
    else:
        options = {"read": stated_options(read)} if read else {}
        _write_store(out, chunks, seen, {"files": [Path(each).name for each in sources], **options})
    absent = tuple(name for name in seen.whole_schema.columns if name not in seen.schema.columns)
    return Converted(out, seen.digest.events, tuple(seen.schema.columns), absent, seen.outside)


@dataclass
class _Seen:
    """What the chunks that passed by were: their columns, number and digest."""

    study: Study
    known: Schema | None
    digest: TableDigest = field(default_factory=TableDigest)
    schema: Schema = field(default_factory=Schema)
    whole_schema: Schema = field(default_factory=Schema)
    names: tuple[str, ...] = ()
    repeats: Repeats = field(default_factory=Repeats)
    outside: int | None = None

    def all_of(self, sources: Sequence[Path], format: str | None, partial: bool, read: Mapping[str, Any] | None, to_file: bool) -> Iterator[Table]:
        """The chunks of all sources; ValueError where one has other columns than the first, and for a store where events repeat."""
        for path in sources:
            for table in read_chunks(path, self.study, format, partial=partial, events=BLOCK_EVENTS, marks=True, schema=self.known, read=read):
                if not to_file and "in_domain" in table:
                    self.outside = (self.outside or 0) + int(np.sum(~table.pop("in_domain")))
                schema = joined(self.known, self.study.schema_for(table))
                if not self.schema.columns:
                    self.whole_schema, self.schema, self.names = schema, presence(table, schema), tuple(table)
                if set(table) != set(self.names):
                    have, first = ", ".join(table), ", ".join(self.names)
                    raise ValueError(f"'{path}' holds the columns {have}, '{sources[0]}' holds {first}: convert them one by one")
                if schema != self.whole_schema:
                    raise ValueError(f"'{path}' and '{sources[0]}' hold columns of different shapes, so of different detectors: convert them one by one")
                self.digest.update(table)
                # theta alone may repeat, as on a grid
                if not to_file and self.schema.x:
                    self.repeats.see(table, self.schema.columns)
                yield table
        named = ", ".join(map(repr, map(str, sources)))
        if self.digest.events == 0:
            raise ValueError(f"{named}: there are no events to convert")
        self.repeats.refuse(named)


def _schema_of(study: Study, like: Path | str | None, first: Path) -> Schema | None:
    """What is said of the columns: by a run or store that is named, or by a first source that is a store."""
    if like is None:
        return Store(first).schema if (first / "dataset.json").is_file() else None
    if (Path(like) / "dataset.json").is_file():
        return Store(like).schema
    _, of = find_run(like)
    if of.name != study.name:
        raise ValueError(f"'{like}' is of the study '{of.name}', not of '{study.name}'")
    return load(like).schema


def _write_store(out: Path, chunks: Iterator[Table], seen: _Seen, origin: Mapping[str, Any]) -> None:
    """Write all events in random order; where they don't fit into memory they first wait in a store of their own."""
    with contextlib.ExitStack() as stack:
        waiting: list[Table] = []
        incoming: StoreWriter | None = None
        place, blocks, size = out / INCOMING, 0, 0
        for table in chunks:
            waiting.append(table)
            size += _bytes(table)
            if size > IN_MEMORY_BYTES:
                incoming = incoming or _fresh(stack, place, seen)
                for each in waiting:
                    incoming.write_block(blocks, each)
                    blocks += 1
                waiting.clear()
                size = 0
        if incoming is None:
            together = whole(waiting)
            parts = _parts_of_table(together)
        else:
            for each in waiting:
                incoming.write_block(blocks, each)
                blocks += 1
            parts = _parts_of_store(Store(place))
        settings = {**origin, "events": seen.digest.events, "digest": seen.digest.hexdigest(), "block_events": BLOCK_EVENTS}
        count = -(-seen.digest.events // BLOCK_EVENTS)
        with StoreWriter(out, seen.schema, "files", settings, 0, events=seen.digest.events, blocks=count, order="random") as writer:
            missing = set(writer.missing(count))
            for block, table in parts:
                if block in missing:
                    writer.write_block(block, table)
    shutil.rmtree(place, ignore_errors=True)


def _fresh(stack: contextlib.ExitStack, place: Path, seen: _Seen) -> StoreWriter:
    """An empty store; what an interrupted conversion left there goes."""
    with held(place, "convert"):
        for left in place.iterdir():
            if not left.name.startswith("."):
                left.unlink()
    return stack.enter_context(StoreWriter(place, seen.schema, "files", {}, 0))


def _order(events: int) -> np.ndarray:
    return rng(0, "convert").permutation(events)


def _parts_of_table(table: Table) -> Iterator[tuple[int, Table]]:
    order = _order(events_in(table))
    for block, first in enumerate(range(0, len(order), BLOCK_EVENTS)):
        yield block, take(table, order[first : first + BLOCK_EVENTS])


def _parts_of_store(store: Store) -> Iterator[tuple[int, Table]]:
    """The blocks, in groups that fit into memory: for each of these the whole store is read once."""
    order = _order(store.n_events)
    group = BLOCK_EVENTS * max(1, int(IN_MEMORY_BYTES / (store.event_bytes() * BLOCK_EVENTS)))
    for low, high in pairwise([*range(0, len(order), group), len(order)]):
        wanted = order[low:high]
        rising = np.sort(wanted)
        table = store.read_events(None, rising)
        table = take(table, np.searchsorted(rising, wanted))
        for first in range(0, high - low, BLOCK_EVENTS):
            yield (low + first) // BLOCK_EVENTS, take(table, slice(first, first + BLOCK_EVENTS))


def _bytes(table: Table) -> int:
    return sum((values.values if isinstance(values, Ragged) else values).nbytes for values in table.values())
