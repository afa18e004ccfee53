"""What a run says of some events, made once: everything else that is told of them is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cloudchamber.run.modes import words_of
from cloudchamber.run.spread import spread_of_draws
from cloudchamber.schema import Column, Table, concatenate


@dataclass(frozen=True)
class Answer:
    """Answers to ``events``, the columns that were given.

    ``numbers`` (events,) are their places in the file; ``draws`` (events, draws, ...) are of the target's columns; ``stated`` is what a model states without
    draws, ``<column>_probability`` (events, ..., categories) of the one category column of its target; ``known`` is what the run knows beside,
    ``familiarity``, the share of held-out events that are at least as strange; ``marks`` are ``in_domain``, where events outside the domain are answered too;
    ``spread`` are quantiles and peaks that the model knows without draws.
    """

    target: Mapping[str, Column]
    events: Table
    numbers: np.ndarray
    draws: Table
    stated: Table
    known: Table
    marks: Table
    spread: Table = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """What checks and studies take: ``<column>_draws``, and what is stated and known."""
        return {f"{name}_draws": values for name, values in self.draws.items()} | self.stated | self.known

    def summary(self) -> Table:
        """``<column>_probability`` of categories, stated or counted; of numbers ``_mean``, ``_std``, quantiles and peaks; what is known, marked."""
        told = dict(self.stated)
        for name, column in self.target.items():
            if f"{name}_probability" in told:
                continue
            mean, std = _moments(self.draws[name], column)
            told |= {f"{name}_probability": mean} if column.categories else {f"{name}_mean": mean, f"{name}_std": std}
            exact = {f"{name}_{word}": self.spread[f"{name}_{word}"] for word in words_of(column) if f"{name}_{word}" in self.spread}
            told |= exact or spread_of_draws(name, column, self.draws[name])
        return told | self.known | self.marks

    def first_draws(self, draws: int) -> Answer:
        """With so many of the draws."""
        return replace(self, draws={name: values[:, :draws] for name, values in self.draws.items()})

    @staticmethod
    def joined(parts: Sequence[Answer]) -> Answer:
        """One answer to the events of all."""
        if len(parts) == 1:
            return parts[0]
        tables = [[getattr(part, name) for part in parts] for name in ("events", "draws", "stated", "known", "marks", "spread")]
        events, *others = ({} if not each[0] else concatenate(each) for each in tables)
        return Answer(parts[0].target, events, np.concatenate([part.numbers for part in parts]), *others)


def _moments(draws: np.ndarray, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the draws, of categories the share of each."""
    mean = squares = np.zeros(())
    for number in range(draws.shape[1]):
        drawn = draws[:, number]
        values = np.eye(len(column.categories))[drawn] if column.categories else drawn.astype(np.float64)
        # Welford (1962), Technometrics 4, 419: stable for means far larger than their deviations
        step = values - mean
        mean = mean + step / (number + 1)
        squares = squares + step * (values - mean)
    return mean, np.sqrt(squares / (draws.shape[1] - 1))
