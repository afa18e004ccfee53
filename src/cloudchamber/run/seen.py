"""Marks of events, by which a run knows some that it learned from, whatever file they come back in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np

from cloudchamber.atomic import write_atomically
from cloudchamber.run.files import RunFiles
from cloudchamber.schema import Column, Ragged, Table, events_in

MARKED_EVENTS = 4096
"""A run keeps the marks of so many of its training events."""
FEWEST_SEEN = 3
"""Fewer may be chance, as where a detector saw nothing."""


def marks_of(table: Table, columns: Mapping[str, Column]) -> np.ndarray:
    """A number of 64 bits for each event's values in these ``columns``, (events,); numbers count in single precision, which files of any kind keep."""
    every = [_bits(table[name], column) for name, column in sorted(columns.items())]
    found = np.empty(events_in({name: table[name] for name in columns}), np.uint64)
    for event in range(len(found)):
        mark = hashlib.blake2b(digest_size=8)
        for values, offsets in every:
            mark.update(values[offsets[event] : offsets[event + 1]].data)
        found[event] = int.from_bytes(mark.digest(), "little")
    return found


def write_marks(files: RunFiles, marks: np.ndarray) -> None:
    """Keep them with the run; those of events that look alike tell nothing and are left out."""
    values, counts = np.unique(marks, return_counts=True)
    content = BytesIO()
    np.save(content, values[counts == 1], allow_pickle=False)
    write_atomically(files.training_events, content.getvalue())


def read_marks(files: RunFiles) -> np.ndarray:
    """Those that a run keeps, of an ensemble those of all members; none for runs of before, and for packaged ones."""
    kept = [read_marks(member) for member in files.members]
    if files.training_events.exists():
        kept.append(np.load(BytesIO(files.read(files.training_events)), allow_pickle=False))
    return np.unique(np.concatenate([np.empty(0, np.uint64), *kept]))


def seen_events(files: RunFiles, marks: np.ndarray) -> int:
    """How many of the events with these ``marks`` the run learned from, as far as it knows: 0 where that may be chance."""
    seen = int(np.isin(np.unique(marks), read_marks(files)).sum())
    return seen if seen >= FEWEST_SEEN else 0


def _bits(values: np.ndarray | Ragged, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of one type in rows, and where each event's rows begin."""
    flat = values.values if isinstance(values, Ragged) else np.asarray(values)
    offsets = values.offsets if isinstance(values, Ragged) else np.arange(len(flat) + 1)
    whole = column.categories or np.issubdtype(np.dtype(column.dtype), np.integer)
    return np.ascontiguousarray(flat, np.int64 if whole else np.float32), offsets
