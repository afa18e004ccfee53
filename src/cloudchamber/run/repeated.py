"""Events that stand in a file more than once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cloudchamber.run.seen import marks_of
from cloudchamber.schema import Column, Ragged, Table

LONG_DIGITS, FEWEST_LONG, FEWEST_DISTINCT = 5, 2, 8
"""An event is told from all others by two numbers of more than five digits, or by eight different ones: what repeats is no chance then."""
MOST_SHARE = 0.01


class Repeats:
    """Counts the events of a file, which pass by in chunks, that are an earlier one bit by bit in the same ``columns``.

    Events that hold too little to be told apart, such as an empty image or a few counts, do not count.
    """

    def __init__(self) -> None:
        self.events = self.repeated = 0
        self.named = ""
        self.first: dict[int, int] = {}

    def see(self, table: Table, columns: Mapping[str, Column]) -> None:
        """A chunk of checked events."""
        for event, mark in enumerate(marks_of(table, columns).tolist()):
            before = self.first.setdefault(mark, self.events)
            if before != self.events and _tells(table, columns, event):
                self.repeated += 1
                self.named = self.named or f"event {self.events} is event {before}"
            self.events += 1

    def __str__(self) -> str:
        return f"{self.repeated} of {self.events} events are an earlier one again ({self.named}): was the file joined with itself, or written twice?"

    def refuse(self, where: str) -> None:
        """ValueError where more than one in a hundred repeat: what is learned or tested on them counts them twice."""
        if self.repeated > MOST_SHARE * self.events:
            raise ValueError(f"{where}: {self}; give each event once")


def _tells(table: Table, columns: Mapping[str, Column], event: int) -> bool:
    numbers = [_of_event(table[name], event) for name, column in columns.items() if not column.categories]
    distinct = np.unique(np.concatenate([np.empty(0), *numbers]))
    distinct = distinct[distinct != 0]
    scale = 10.0 ** (LONG_DIGITS - 1 - np.floor(np.log10(np.abs(distinct))))
    long = np.abs(np.round(distinct * scale) - distinct * scale) > 1e-2
    return len(distinct) >= FEWEST_DISTINCT or int(long.sum()) >= FEWEST_LONG


def _of_event(values: Any, event: int) -> np.ndarray:
    one = values.values[values.offsets[event] : values.offsets[event + 1]] if isinstance(values, Ragged) else values[event]
    return np.ravel(np.asarray(one, np.float64))
