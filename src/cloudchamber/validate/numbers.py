"""The numbers of a table's columns side by side, as default checks and figures look at them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from cloudchamber.schema import Column


def number_columns(columns: Mapping[str, Column]) -> dict[str, Column]:
    """The columns of numbers, as many in every event: neither categories nor sets."""
    return {name: column for name, column in columns.items() if not column.categories and not column.ragged}


def entries(table: Mapping[str, np.ndarray], columns: Mapping[str, Column], suffix: str = "") -> np.ndarray:
    """The numbers of some columns side by side: (events, numbers), of draws (events, draws, numbers); categories and sets left out."""
    leading = 2 if suffix else 1
    parts = [np.asarray(table[f"{name}{suffix}"], float) for name in number_columns(columns)]
    return np.concatenate([part.reshape(*part.shape[:leading], -1) for part in parts], axis=-1)


def entry_names(columns: Mapping[str, Column]) -> list[str]:
    """Names of those numbers."""
    return [name if size == 1 else f"{name}[{entry}]" for name, size in _sizes(columns) for entry in range(size)]


def entry_words(columns: Mapping[str, Column]) -> list[str]:
    """What those numbers are, for an axis: the column's words, or else its name, with the unit."""
    words = []
    for name, size in _sizes(columns):
        column = columns[name]
        unit = f" ({column.unit})" if column.unit else ""
        words += [f"{column.doc or name}{'' if size == 1 else f' [{entry}]'}{unit}" for entry in range(size)]
    return words


def chosen(numbers: int, most: int) -> list[int]:
    """At most ``most`` of so many numbers, spread evenly over them."""
    return sorted({int(place) for place in np.linspace(0, numbers - 1, min(numbers, most)).round()})


def _sizes(columns: Mapping[str, Column]) -> list[tuple[str, int]]:
    return [(name, prod(column.shape)) for name, column in number_columns(columns).items()]
