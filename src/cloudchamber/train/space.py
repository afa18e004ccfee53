"""What a search may try: values of settings, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Choices:
    """One of these values; what is no plain value, such as a list, is named by its JSON text."""

    values: tuple[Any, ...]

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """The trial's value."""
        plain = all(value is None or isinstance(value, (bool, int, float, str)) for value in self.values)
        words = [value if plain else json.dumps(value) for value in self.values]
        return self.values[words.index(trial.suggest_categorical(name, words))]

    def examples(self) -> tuple[Any, ...]:
        """Values to try for size."""
        return self.values


@dataclass(frozen=True)
class Range:
    """Any number from ``low`` to ``high``, whole ones if both are; with ``log`` each factor is as likely."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """The trial's value."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def examples(self) -> tuple[Any, ...]:
        """Values to try for size."""
        return self.low, self.high


Space: TypeAlias = Mapping[str, Choices | Range]
"""What to search: by name of a setting, the values it may take."""


def read_space(data: Mapping[str, Any]) -> Space:
    """A search space from plain values: each setting's ``{"choices": [...]}`` or ``{"low": ..., "high": ..., "log": ...}``."""
    if not isinstance(data, Mapping) or not data:
        raise ValueError(f"a search space maps names of settings to their values, got {data!r}")
    return {name: _read_values(name, entry) for name, entry in data.items()}


def _read_values(name: str, entry: Any) -> Choices | Range:
    keys = set(entry) if isinstance(entry, Mapping) else set()
    if keys == {"choices"} and isinstance(entry["choices"], (list, tuple)) and entry["choices"]:
        return Choices(tuple(entry["choices"]))
    if {"low", "high"} <= keys <= {"low", "high", "log"}:
        low, high, log = entry["low"], entry["high"], entry.get("log", False)
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (low, high))
        if numbers and isinstance(log, bool) and low < high and (low > 0 or not log):
            return Range(low, high, log)
    raise ValueError(
        f'\'{name}\' needs {{"choices": [...]}} or {{"low": ..., "high": ..., "log": true or false}}, rising and above 0 with "log"; got {entry!r}'
    )
