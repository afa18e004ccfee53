"""Convert files of a study's field into an event store or into each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudchamber.formats.tables import presence, read_table, write_table
from cloudchamber.rng import rng
from cloudchamber.schema import Table, concatenate, events_in, take
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import Study, find_study
from cloudchamber.workflow.simulation import digest

BLOCK_EVENTS = 1000


@dataclass(frozen=True)
class Converted:
    """What ``convert`` wrote: events, and which of the schema's columns the source held."""

    path: Path
    events: int
    columns: tuple[str, ...]
    absent: tuple[str, ...]


def convert(
    study: Study | str,
    source: Path | str | Sequence[Path | str],
    out: Path | str,
    format_from: str | None = None,
    format_to: str | None = None,
    partial: bool = False,
) -> Converted:
    """Read files (or event stores) and write their events to one file, or without a suffix to a folder: an event store.

    The formats follow the suffixes unless they are named. A store gets the events in a fixed random order, so that any part of it is a fair sample.
    ``partial`` takes what there is of stores that lack blocks.
    """
    study = find_study(study) if isinstance(study, str) else study
    sources = [source] if isinstance(source, (str, Path)) else list(source)
    if not sources:
        raise ValueError("give at least one file to convert")
    tables = [read_table(Path(each), study, format_from, partial=partial) for each in sources]
    for path, other in zip(sources, tables, strict=True):
        if set(other) != set(tables[0]):
            raise ValueError(f"'{path}' holds the columns {', '.join(other)}, '{sources[0]}' holds {', '.join(tables[0])}: convert them one by one")
        if study.schema_for(other) != study.schema_for(tables[0]):
            raise ValueError(f"'{path}' and '{sources[0]}' hold columns of different shapes, so of different detectors: convert them one by one")
    table, out = concatenate(tables), Path(out)
    if out.suffix or format_to is not None:
        write_table(out, table, study, format_to)
    else:
        _write_store(out, table, study, [Path(each).name for each in sources])
    return Converted(out, events_in(table), tuple(table), tuple(name for name in study.schema_for(table).columns if name not in table))


def _write_store(out: Path, table: Table, study: Study, names: list[str]) -> None:
    events = events_in(table)
    settings = {"files": names, "events": events, "digest": digest(table), "block_events": BLOCK_EVENTS}
    table = take(table, rng(0, "convert").permutation(events))
    blocks = -(-events // BLOCK_EVENTS)
    with StoreWriter(out, presence(table, study.schema_for(table)), "files", settings, 0, events=events, blocks=blocks, order="random") as writer:
        for block in writer.missing(blocks):
            writer.write_block(block, take(table, slice(block * BLOCK_EVENTS, (block + 1) * BLOCK_EVENTS)))
