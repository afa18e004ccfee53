"""Events as rows of numbers: what multi-dimensional distances, classifiers and neighbour searches work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cloudchamber.schema import Ragged

Transform = Callable[[np.ndarray], np.ndarray]


def features(table: Mapping[str, Any], columns: Sequence[str] | Mapping[str, Transform]) -> np.ndarray:
    """The named columns, flattened and side by side, (events, numbers); a mapping gives each its transform, such as ``np.log1p``."""
    transforms = columns if isinstance(columns, Mapping) else dict.fromkeys(columns, np.asarray)
    parts = []
    for name, transform in transforms.items():
        if name not in table:
            raise ValueError(f"no column '{name}' in the table; it has: {', '.join(table)}")
        if isinstance(table[name], Ragged):
            raise TypeError(f"column '{name}' is ragged: reduce it to fixed numbers an event first")
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.asarray(transform(np.asarray(table[name], dtype=np.float64)))
        parts.append(rows(f"column '{name}' after its transform", values.reshape(len(values), -1)))
    return np.concatenate(parts, axis=1)


def rows(name: str, values: np.ndarray) -> np.ndarray:
    """``values`` as finite float64 of shape (events, numbers), a one-dimensional array as one number an event; ValueError otherwise."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or len(values) < 2 or values.shape[1] < 1:
        raise ValueError(f"{name} must have shape (events, numbers) with at least two events, got {values.shape}")
    bad = ~np.isfinite(values)
    if bad.any():
        raise ValueError(f"{name} holds {int(bad.sum())} NaN or infinite value(s), the first in event {int(np.argwhere(bad)[0, 0])}")
    return values


def same_rows(truth: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth and answer as rows of equally many numbers; ValueError otherwise."""
    truth, answer = rows("truth", truth), rows("answer", answer)
    if truth.shape[1] != answer.shape[1]:
        raise ValueError(f"truth has {truth.shape[1]} numbers an event, the answer {answer.shape[1]}")
    return truth, answer


def scaled(truth: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Truth and others with each number divided by the truth's standard deviation (constant numbers stay), so that units don't weigh."""
    truth = rows("truth", truth)
    width = truth.std(axis=0)
    width[width == 0] = 1.0
    return tuple(same_rows(truth, other)[1] / width for other in (truth, *others))


def thinned(values: np.ndarray, max_events: int, random: np.random.Generator) -> np.ndarray:
    """At most ``max_events`` of the rows, drawn without replacement."""
    if len(values) <= max_events:
        return values
    return values[random.choice(len(values), max_events, replace=False)]
