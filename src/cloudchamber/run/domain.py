"""The trained domain: the range of every given column in the training data, and the refusal of what lies outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from cloudchamber.schema import Column, Ragged, Table
from cloudchamber.units import logarithm_meant

Allowed: TypeAlias = tuple[float, float] | tuple[str, ...]
"""Smallest and largest value of a column of numbers, the categories seen of a column of categories."""
ELEMENTS_ROOM = 2
"""A set may have so many times more or fewer elements than the sets of the training data."""


@dataclass(frozen=True)
class SetDomain:
    """What the sets of a ragged column held: the domain of their values, and the smallest and largest number of elements."""

    values: Allowed
    elements: tuple[int, int]


Domain: TypeAlias = dict[str, Allowed | SetDomain]


def domain_of(table: Mapping[str, Any], columns: Mapping[str, Column]) -> Domain:
    """The smallest and largest values, or the categories seen, of these ``columns`` of a training table."""
    domain: Domain = {}
    for name, column in columns.items():
        values = _flat(table[name])
        if len(values) == 0:
            raise ValueError(f"column '{name}' is empty: no domain to learn on")
        allowed: Allowed = (float(values.min()), float(values.max()))
        if column.categories:
            allowed = tuple(column.categories[int(code)] for code in np.unique(values))
        if column.ragged:
            elements = np.diff(table[name].offsets)
            domain[name] = SetDomain(allowed, (int(elements.min()), int(elements.max())))
        else:
            domain[name] = allowed
    return domain


def domain_to_json(domain: Domain) -> dict[str, Any]:
    """A JSON-ready dictionary that ``domain_from_json`` reads back."""
    return {
        name: {"values": list(entry.values), "elements": list(entry.elements)} if isinstance(entry, SetDomain) else list(entry)
        for name, entry in domain.items()
    }


def domain_from_json(data: Any, columns: Mapping[str, Column]) -> Domain:
    """Read the domain of these ``columns``; ValueError for anything else."""
    if not isinstance(data, Mapping) or set(data) != set(columns):
        raise ValueError(f"needs the trained range of exactly these columns: {', '.join(columns)}")
    domain: Domain = {}
    for name, column in columns.items():
        entry = data[name]
        if not column.ragged:
            domain[name] = _allowed_from_json(name, entry, column)
            continue
        if not isinstance(entry, Mapping) or set(entry) != {"values", "elements"} or not _is_range(entry["elements"], int):
            raise ValueError(f"'{name}' needs 'values' and 'elements': [fewest, most], got {entry!r}")
        domain[name] = SetDomain(_allowed_from_json(name, entry["values"], column), (entry["elements"][0], entry["elements"][1]))
    return domain


def inside(table: Table, columns: Mapping[str, Column], domain: Domain) -> np.ndarray:
    """Which events of a checked table lie in the domain in all columns, (events,)."""
    good = [_inside(table[name], column, values_of(domain[name])) & _fits(table[name], domain[name]) for name, column in columns.items()]
    return np.asarray(np.logical_and.reduce(good))


@dataclass(frozen=True)
class Stray:
    """The first value, or number of elements, outside the domain: its column, what it is, its event, how many events have such, and the trained range."""

    column: str
    value: str
    event: int
    events: int
    trained: str

    def __str__(self) -> str:
        return f"column '{self.column}': {self.value} is outside the trained range {self.trained}"


def first_outside(table: Table, columns: Mapping[str, Column], domain: Domain) -> Stray | None:
    """What lies outside the domain, column by column; None where nothing does."""
    for name, column in columns.items():
        entry = domain[name]
        allowed = values_of(entry)
        bad = ~_inside(table[name], column, allowed)
        if bad.any():
            event = int(np.argmax(bad))
            values = _flat(next(iter(table[name][event : event + 1])))
            if column.categories:
                code = next(int(v) for v in values if column.categories[int(v)] not in allowed)
                return Stray(name, f"'{column.categories[code]}'", event, int(bad.sum()), ", ".join(map(str, allowed)))
            low, high = map(float, allowed)
            worst = max(values, key=lambda v: max(low - v, v - high))
            return Stray(name, f"{worst:g}", event, int(bad.sum()), f"[{low:g}, {high:g}] {column.unit}".rstrip())
        bad = ~_fits(table[name], entry)
        if bad.any():
            assert isinstance(entry, SetDomain)
            event = int(np.argmax(bad))
            room = f"of {entry.elements[0]} to {entry.elements[1]} elements, and up to {ELEMENTS_ROOM} times fewer or more"
            return Stray(name, f"a set of {np.diff(table[name].offsets)[event]} elements", event, int(bad.sum()), room)
    return None


def refuse_outside(table: Table, columns: Mapping[str, Column], domain: Domain) -> None:
    """ValueError with column, value, event and trained range for the first value, or number of elements, outside the domain."""
    found = first_outside(table, columns, domain)
    if found is not None:
        column, likely = columns[found.column], ""
        if not column.categories:
            low, high = map(float, values_of(domain[found.column]))
            likely = logarithm_meant(_flat(table[found.column]), low, high, column.unit)
        raise ValueError(
            f"column '{found.column}': {found.value} in event {found.event} ({found.events} such event(s)) is outside the trained range {found.trained}"
            f"{likely}; "
            "train on a wider range, or with outside='flag' (--outside flag) extrapolate at your own risk"
        )


def values_of(entry: Allowed | SetDomain) -> Allowed:
    """The domain of a column's values, those of a set's elements where the column is ragged."""
    return entry.values if isinstance(entry, SetDomain) else entry


def widened(low: float, high: float) -> tuple[float, float]:
    """A range that single precision may have rounded outwards at its edges."""
    room = 1e-6 * max(abs(low), abs(high))
    return low - room, high + room


def _inside(values: Any, column: Column, allowed: Allowed) -> np.ndarray:
    """Which events hold no value outside."""
    flat = _flat(values)
    if column.categories:
        good = np.isin(flat, [column.categories.index(str(name)) for name in allowed])
    else:
        low, high = widened(*map(float, allowed))
        good = (flat >= low) & (flat <= high)
    inside = np.ones(len(values), bool)
    # only what lies outside needs to know its event: records have millions of samples
    outside = np.flatnonzero(~good)
    if len(outside):
        if isinstance(values, Ragged):
            owners = np.searchsorted(values.offsets, outside // (flat.size // len(values.values)), side="right") - 1
        else:
            owners = outside // (flat.size // len(values))
        inside[owners] = False
    return inside


def _fits(values: Any, entry: Allowed | SetDomain) -> np.ndarray:
    """Which events have about as many elements as the sets of the training data."""
    if not isinstance(entry, SetDomain):
        return np.ones(len(values), bool)
    count = np.diff(values.offsets)
    return np.asarray((ELEMENTS_ROOM * count >= entry.elements[0]) & (count <= ELEMENTS_ROOM * entry.elements[1]))


def _allowed_from_json(name: str, data: Any, column: Column) -> Allowed:
    if column.categories:
        if not (isinstance(data, list) and data and all(v in column.categories for v in data)):
            raise ValueError(f"'{name}' needs a list of {', '.join(column.categories)}, got {data!r}")
        return tuple(data)
    if not (_is_range(data, (int, float)) and -np.inf < data[0] <= data[1] < np.inf):
        raise ValueError(f"'{name}' needs [smallest, largest], got {data!r}")
    return data[0], data[1]


def _is_range(data: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(data, list) and len(data) == 2 and all(isinstance(v, kind) for v in data)


def _flat(values: Any) -> np.ndarray:
    return np.ravel(values.values if isinstance(values, Ragged) else values)
