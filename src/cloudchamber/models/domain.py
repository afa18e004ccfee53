"""The trained domain: the range of every given column in the training data, and the refusal of what lies outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from cloudchamber.schema import Column, Ragged, Table

Domain: TypeAlias = dict[str, tuple[float, float] | tuple[str, ...]]
"""Smallest and largest value of a column of numbers, the categories seen of a column of categories."""


def domain_of(table: Mapping[str, Any], columns: Mapping[str, Column]) -> Domain:
    """The smallest and largest values, or the categories seen, of these ``columns`` of a training table."""
    domain: Domain = {}
    for name, column in columns.items():
        values = _flat(table[name])
        if len(values) == 0:
            raise ValueError(f"column '{name}' is empty: no domain to learn on")
        if column.categories:
            domain[name] = tuple(column.categories[code] for code in np.unique(values))
        else:
            domain[name] = (float(values.min()), float(values.max()))
    return domain


def domain_from_json(data: Any, columns: Mapping[str, Column]) -> Domain:
    """Read the domain of these ``columns``; ValueError for anything else."""
    if not isinstance(data, Mapping) or set(data) != set(columns):
        raise ValueError(f"needs the trained range of exactly these columns: {', '.join(columns)}")
    for name, column in columns.items():
        entry = data[name]
        numbers = isinstance(entry, list) and len(entry) == 2 and all(isinstance(v, (int, float)) for v in entry)
        labels = isinstance(entry, list) and len(entry) > 0 and all(v in column.categories for v in entry)
        if not (labels if column.categories else numbers):
            raise ValueError(f"'{name}' needs {'a list of ' + ', '.join(column.categories) if column.categories else '[smallest, largest]'}, got {entry!r}")
    return {name: tuple(data[name]) for name in columns}


def inside(table: Table, columns: Mapping[str, Column], domain: Domain) -> np.ndarray:
    """Which events of a checked table lie in the domain in all columns, (events,)."""
    good = [_inside(table[name], column, domain[name]) for name, column in columns.items()]
    return np.asarray(np.logical_and.reduce(good))


def refuse_outside(table: Table, columns: Mapping[str, Column], domain: Domain) -> None:
    """ValueError with column, value, event and trained range for the first value outside the domain."""
    for name, column in columns.items():
        bad = ~_inside(table[name], column, domain[name])
        if not bad.any():
            continue
        event = int(np.argmax(bad))
        values = _flat(next(iter(table[name][event : event + 1])))
        if column.categories:
            code = next(int(v) for v in values if column.categories[int(v)] not in domain[name])
            value, trained = f"'{column.categories[code]}'", ", ".join(map(str, domain[name]))
        else:
            low, high = map(float, domain[name])
            value, trained = f"{max(values, key=lambda v: max(low - v, v - high)):g}", f"[{low:g}, {high:g}] {column.unit}".rstrip()
        raise ValueError(
            f"column '{name}': {value} in event {event} ({int(bad.sum())} such event(s)) is outside the trained range {trained}; "
            "train on a wider range, or sample with outside='flag' to extrapolate at your own risk"
        )


def _inside(values: Any, column: Column, allowed: tuple[float, float] | tuple[str, ...]) -> np.ndarray:
    flat = _flat(values)
    if column.categories:
        good = np.isin(flat, [column.categories.index(str(name)) for name in allowed])
    else:
        low, high = map(float, allowed)
        # single precision may round an edge of the range outwards
        room = 1e-6 * max(abs(low), abs(high))
        good = (flat >= low - room) & (flat <= high + room)
    lengths = np.diff(values.offsets) if isinstance(values, Ragged) else np.full(len(values), flat.size // max(len(values), 1))
    per_event = flat.size // max(int(lengths.sum()), 1)
    owner = np.repeat(np.arange(len(lengths)), lengths * per_event)
    return np.asarray(np.bincount(owner[~good], minlength=len(lengths)) == 0)


def _flat(values: Any) -> np.ndarray:
    return np.ravel(values.values if isinstance(values, Ragged) else values)
