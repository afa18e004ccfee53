"""Named, typed columns: what an event is made of, and the checks that keep bad numbers out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from cloudchamber.geometry import Healpix, Wcs
from cloudchamber.jsonable import from_json, to_json
from cloudchamber.meant import meant
from cloudchamber.units import converted, logarithm_meant, unit_of


class Ragged:
    """A column whose events differ in length: flat ``values`` (total, ...) and ``offsets`` (events + 1,)."""

    def __init__(self, values: np.ndarray, offsets: np.ndarray) -> None:
        values, given = np.asarray(values), np.asarray(offsets)
        offsets = given.astype(np.int64)
        if offsets.ndim != 1 or len(offsets) == 0 or np.any(offsets != given) or offsets[0] != 0 or offsets[-1] != len(values) or np.any(np.diff(offsets) < 0):
            raise ValueError(f"ragged offsets must rise from 0 to the number of values, {len(values)}")
        self.values, self.offsets = values, offsets

    @classmethod
    def from_list(cls, events: Sequence[np.ndarray]) -> Ragged:
        """Join one array per event."""
        lengths = [len(event) for event in events]
        return cls(np.concatenate(list(events)) if events else np.empty(0), np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.values[a:b] for a, b in zip(self.offsets[:-1], self.offsets[1:], strict=True))

    def __getitem__(self, index: Any) -> Ragged:
        """Select events by slice, integer array or boolean mask."""
        chosen = np.arange(len(self))[index]
        if np.ndim(chosen) == 0:
            raise TypeError("select events of a ragged column with a slice, an index array or a mask; iterate for single events")
        starts, lengths = self.offsets[chosen], self.offsets[chosen + 1] - self.offsets[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        flat = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Ragged(self.values[flat], offsets)


Table: TypeAlias = dict[str, Any]
"""Named columns (``np.ndarray`` or ``Ragged``), events along the first axis."""


@dataclass(frozen=True)
class Column:
    """One column: the shape of one event's entry, unit, meaning, and the values it may take.

    ``low`` and ``high`` bound every entry (both included): what may exist, not what somebody simulates. ``geometry`` says where on
    the sky the pixels of the last axes lie. A column with ``categories`` holds integer codes, their positions in that tuple.
    """

    shape: tuple[int, ...] = ()
    unit: str = ""
    doc: str = ""
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    ragged: bool = False
    geometry: Healpix | Wcs | None = None

    def __post_init__(self) -> None:
        if self.categories and self.dtype == "float32":
            object.__setattr__(self, "dtype", "int64")
        if not all(isinstance(length, int) and length >= 0 for length in self.shape):
            raise ValueError(f"a column's shape holds whole numbers of at least 0, got {self.shape}")
        try:
            np.dtype(self.dtype)
        except TypeError:
            raise ValueError(f"a column's dtype is that of numpy's numbers, such as float32 or int64, got '{self.dtype}'") from None
        if self.geometry is not None and self.shape[-len(self.geometry.shape) :] != self.geometry.shape:
            raise ValueError(f"a column whose pixels are {self.geometry.shape} needs a shape that ends so, got {self.shape}")

    def alike(self, other: Column) -> bool:
        """Whether entries of both are the same kind of thing: words and bounds aside."""
        return replace(self, doc="", low=None, high=None) == replace(other, doc="", low=None, high=None)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary; without a geometry it looks as it did before columns had one."""
        data = asdict(self)
        if self.geometry is None:
            del data["geometry"]
        else:
            data["geometry"] = to_json(self.geometry)
        return data

    def check(self, name: str, values: Any, events: int | None = None) -> Any:
        """Return ``values`` as a valid column of this kind, or raise ValueError/TypeError that says what is wrong."""
        if self.ragged:
            if not isinstance(values, Ragged):
                raise TypeError(f"column '{name}' is ragged: give cloudchamber.Ragged(values, offsets), not {type(values).__name__}")
            flat = values.values
        else:
            if isinstance(values, Ragged):
                raise TypeError(f"column '{name}' has the fixed shape {self.shape}, not ragged values")
            values = self._plain(name, values)
            try:
                values = np.asarray(values)
            except ValueError as error:
                raise ValueError(f"column '{name}' must have shape (events, ...), its events differ in length ({error})") from error
            if self.categories and values.dtype.kind in "UOST":
                values = self.codes(name, values)
            if values.ndim == 0:
                raise ValueError(f"column '{name}' needs one entry per event along its first axis, got a single value {values}")
            flat = values
        if flat.dtype.kind not in "buif":
            raise TypeError(f"column '{name}' must hold numbers, got dtype {flat.dtype}")
        if flat.shape[1:] != tuple(self.shape):
            raise ValueError(f"column '{name}' must have shape (events, {', '.join(map(str, self.shape))}), got {flat.shape}".replace(", )", ")"))
        if events is not None and len(values) != events:
            raise ValueError(f"column '{name}' has {len(values)} events, the other columns have {events}")
        offsets = values.offsets if self.ragged else None
        self.check_values(name, flat, offsets)
        self._check_fits(name, flat, offsets)
        if self.ragged:
            return Ragged(flat.astype(self.dtype, copy=False), values.offsets)
        return flat.astype(self.dtype, copy=False)

    def _plain(self, name: str, values: Any) -> Any:
        """Values without mask and unit; ValueError for a masked entry, and for a unit that is not the column's kind."""
        if np.ma.is_masked(values):
            hidden = np.ma.getmaskarray(values)
            raise ValueError(f"column '{name}': no value in {_where(hidden, None)} ({int(hidden.sum())} masked or missing in all)")
        if unit_of(values) is None:
            return values
        return converted(name, values, self.unit)

    def codes(self, name: str, labels: np.ndarray) -> np.ndarray:
        """Integer codes of category ``labels``, text or bytes of text."""
        labels = np.array([label.decode("utf-8", "replace") if isinstance(label, bytes) else label for label in labels.ravel()], object).reshape(labels.shape)
        known = {label: code for code, label in enumerate(self.categories)}
        unknown = sorted({str(label) for label in labels.ravel()} - set(known))
        if unknown:
            hint = meant(unknown[0], self.categories)
            raise ValueError(f"column '{name}': unknown '{unknown[0]}'{hint}; allowed: {', '.join(self.categories)}")
        return np.array([known[str(label)] for label in labels.ravel()], dtype=np.int64).reshape(labels.shape)

    def check_values(self, name: str, flat: np.ndarray, offsets: np.ndarray | None) -> None:
        """ValueError for NaN, infinity, and what lies outside the bounds, of numbers that have the column's shape."""
        bad = ~np.isfinite(flat) if flat.dtype.kind == "f" else np.zeros(flat.shape, bool)
        if bad.any():
            raise ValueError(f"column '{name}' holds {int(bad.sum())} NaN or infinite value(s), the first in {_where(bad, offsets)}")
        low, high = (0, len(self.categories) - 1) if self.categories else (self.low, self.high)
        outside = np.zeros(flat.shape, bool)
        if low is not None:
            # float32 storage may round an allowed edge outwards by a relative 1e-6
            outside |= flat < low - 1e-6 * abs(low)
        if high is not None:
            outside |= flat > high + 1e-6 * abs(high)
        if outside.any():
            edges = f"[{-np.inf if low is None else low:.9g}, {np.inf if high is None else high:.9g}] {self.unit}".strip()
            allowed = ", ".join(f"{i}={c}" for i, c in enumerate(self.categories)) or edges
            likely = "" if self.categories else logarithm_meant(np.ravel(flat), self.low, self.high, self.unit)
            raise ValueError(f"column '{name}': {_number(flat[outside].flat[0])} in {_where(outside, offsets)} is outside the allowed {allowed}{likely}")

    def _check_fits(self, name: str, flat: np.ndarray, offsets: np.ndarray | None) -> None:
        """Refuse what the column's dtype would change: a fraction in an integer column, a number too large."""
        stored = np.dtype(self.dtype)
        if np.can_cast(flat.dtype, stored):
            return
        if stored.kind == "f":
            bad = np.abs(flat) > np.float64(np.finfo(stored).max)
        else:
            wide = flat.astype(np.float64, copy=False) if flat.dtype.kind == "f" else flat
            low, high = (0, 1) if stored.kind == "b" else (np.iinfo(stored).min, np.iinfo(stored).max)
            # high itself may have no exact float64, high + 1 has
            bad = (wide < low) | (wide >= high + 1) | (wide % 1 != 0)
        if bad.any():
            raise ValueError(f"column '{name}': {flat[bad].flat[0]:.9g} in {_where(bad, offsets)} does not fit its dtype {stored}")


def _number(value: np.generic) -> str:
    """As short as its type tells it apart: 14.9 in single precision is no 14.8999996."""
    return f"{float(str(value)):.9g}"


def _where(mask: np.ndarray, offsets: np.ndarray | None) -> str:
    first = np.argwhere(mask)[0]
    if offsets is not None:
        event = np.searchsorted(offsets, first[0], side="right") - 1
        return f"event {event}, entry {(int(first[0] - offsets[event]), *(int(i) for i in first[1:]))}"
    return f"event {first[0]}" + (f", entry {tuple(int(i) for i in first[1:])}" if len(first) > 1 else "")


@dataclass(frozen=True)
class Schema:
    """The columns of theta (what was) and of x (what the detector saw)."""

    theta: dict[str, Column] = field(default_factory=dict)
    x: dict[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shared = set(self.theta) & set(self.x)
        if shared:
            raise ValueError(f"columns stand in theta and in x: {sorted(shared)}")

    @property
    def columns(self) -> dict[str, Column]:
        """All columns, theta first."""
        return {**self.theta, **self.x}

    def select(self, names: Sequence[str]) -> dict[str, Column]:
        """The named columns, in that order."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise ValueError(f"no column '{missing[0]}' in the schema; it has: {', '.join(self.columns)}")
        return {name: self.columns[name] for name in names}

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary that ``from_json`` reads back."""
        return {side: {name: column.to_json() for name, column in getattr(self, side).items()} for side in ("theta", "x")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schema:
        """Read what ``to_json`` wrote; unknown keys are refused."""
        return from_json(cls, data)


def wider(schema: Schema, other: Schema) -> Schema:
    """The columns of ``schema``, each bounded as loosely as there or in ``other``, where that has the same kind of column."""

    def loosened(name: str, column: Column) -> Column:
        there = other.columns.get(name)
        if there is None or (there.shape, there.unit, bool(there.categories)) != (column.shape, column.unit, bool(column.categories)):
            return column
        low = None if column.low is None or there.low is None else min(column.low, there.low)
        high = None if column.high is None or there.high is None else max(column.high, there.high)
        return replace(column, low=low, high=high)

    return Schema(*({name: loosened(name, column) for name, column in side.items()} for side in (schema.theta, schema.x)))


def recoded(table: Mapping[str, Any], there: Mapping[str, Column], here: Mapping[str, Column]) -> Table:
    """The same events with the codes of categories that columns have ``here``; ValueError for a category that has none."""
    turned = dict(table)
    for name in table:
        old, new = (columns[name].categories if name in columns else () for columns in (there, here))
        values = table[name]
        flat = values.values if isinstance(values, Ragged) else np.asarray(values)
        if not old or not new or old == new or flat.dtype.kind not in "iu" or not np.all((flat >= 0) & (flat < len(old))):
            continue
        codes = np.array([new.index(category) if category in new else -1 for category in old])[flat]
        if np.any(codes < 0):
            raise ValueError(f"column '{name}': unknown '{old[int(flat[codes < 0].flat[0])]}'; allowed: {', '.join(new)}")
        turned[name] = Ragged(codes, values.offsets) if isinstance(values, Ragged) else codes
    return turned


def check_table(table: Mapping[str, Any], columns: Mapping[str, Column], extra: bool = False) -> Table:
    """Return the ``columns`` of ``table`` in their dtypes; ValueError/TypeError names column, value and allowed range.

    Columns not asked for are refused unless ``extra`` is true (then dropped).
    """
    missing = [name for name in columns if name not in table]
    if missing:
        hint = meant(missing[0], table)
        raise ValueError(f"missing column '{missing[0]}'{hint}; needed: {', '.join(columns)}")
    unknown = [name for name in table if name not in columns]
    if unknown and not extra:
        raise ValueError(f"unknown column '{unknown[0]}'; allowed: {', '.join(columns)}")
    checked: Table = {}
    events: int | None = None
    for name, column in columns.items():
        checked[name] = column.check(name, table[name], events)
        events = len(checked[name])
    return checked


def events_in(table: Mapping[str, Any]) -> int:
    """The number of events of a table."""
    lengths = {name: len(values) for name, values in table.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"a table needs at least one column, all of the same length; got {lengths}")
    return next(iter(lengths.values()))


def take(table: Mapping[str, Any], index: Any) -> Table:
    """The events of ``table`` that a slice, an index array or a mask selects."""
    return {name: values[index] for name, values in table.items()}


def concatenate(tables: Sequence[Mapping[str, Any]]) -> Table:
    """Join tables of the same columns, event after event."""
    if not tables:
        raise ValueError("no tables to join")
    joined: Table = {}
    for name, first in tables[0].items():
        parts = [table[name] for table in tables]
        if isinstance(first, Ragged):
            lengths = np.concatenate([np.diff(part.offsets) for part in parts])
            joined[name] = Ragged(np.concatenate([part.values for part in parts]), np.concatenate([[0], np.cumsum(lengths)]))
        else:
            joined[name] = np.concatenate(parts)
    return joined


def chunked(tables: Table | Iterable[Table]) -> Iterator[Table]:
    """The chunks of what comes as one table or as several."""
    return iter([tables]) if isinstance(tables, dict) else iter(tables)


def whole(tables: Table | Iterable[Table]) -> Table:
    """One table of all chunks; ValueError where there is none."""
    parts = list(chunked(tables))
    if not parts:
        raise ValueError("there are no events")
    return parts[0] if len(parts) == 1 else concatenate(parts)


def rechunked(tables: Iterable[Table], events: int) -> Iterator[Table]:
    """The same events in chunks of exactly so many, but for the last; one without events is passed on where it is the first."""
    waiting: list[Table] = []
    there, empty = 0, True
    for table in tables:
        size = events_in(table)
        if size == 0:
            waiting = waiting or [table]
            continue
        waiting, there = [*(waiting if there else []), table], there + size
        while there >= events:
            together = whole(waiting)
            yield take(together, slice(0, events))
            waiting, there, empty = [take(together, slice(events, there))], there - events, False
    if there or (waiting and empty):
        yield whole(waiting)


def digest(table: Mapping[str, Any]) -> str:
    """A short fingerprint of a table's numbers."""
    mark = hashlib.blake2s(digest_size=8)
    for name in sorted(table):
        arrays = (table[name].values, table[name].offsets) if isinstance(table[name], Ragged) else (table[name],)
        mark.update(b"".join([name.encode(), *(np.ascontiguousarray(array).tobytes() for array in arrays)]))
    return mark.hexdigest()
