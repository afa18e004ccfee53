"""A trained model: physical units in, physical units out, within the domain it was trained on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
import torch
from torch import Tensor

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.run.answer import Answer
from cloudchamber.run.domain import Domain, inside, refuse_outside
from cloudchamber.schema import Column, Schema, Table, check_table, events_in

DRAWS_AT_ONCE = 256
"""So many draws are made together where a batch has fewer events; more leave a processor's cache and are slower."""
NOISE_BLOCK = 1024
"""Noise is drawn for so many events at once, so that an event's noise does not depend on the batch size."""
Outside = Literal["refuse", "flag", "answer"]
"""What to do with events outside the trained domain; ``answer`` does not look, for events that were looked at before."""


class Said(Protocol):
    """What a model says of the target of some events, in physical units."""

    def sample(self, noise: Tensor, **options: Any) -> dict[str, Tensor]:
        """The target's columns, one draw for each event, made from standard normal ``noise`` (events, noise_size)."""
        ...

    def repeated(self, times: int) -> Said:
        """The same of the events so many times over, one after all others."""
        ...

    def log_prob(self, target: dict[str, Tensor]) -> Tensor:
        """ln p(target) per physical unit of every number, (events,); ValueError where the model has no density."""
        ...

    def probabilities(self) -> Tensor | None:
        """Of the classes of the target's one category column, (events, classes), where the model states them."""
        ...

    def spread(self) -> Table:
        """Quantiles and peaks of the number columns as ``run.spread`` names them, (events, ...) each, where the model knows them without draws."""
        ...

    def familiarity(self) -> Tensor | None:
        """The share of events like the training's that are at least as strange, (events,), where the run knows it."""
        ...


class TrainedModel(ABC):
    """What a run folder holds: it answers with columns of the schema for given ones. ``seed`` is that of its training; ``folder`` None before it is saved."""

    study: str
    schema: Schema
    domain: Domain
    seed: int
    folder: Path | None

    def __repr__(self) -> str:
        """In a line: a notebook shows it."""
        return f"<{self.study}/{self.name}: {', '.join(self.given)} to {', '.join(self.target)}; {self.parameters:,} parameters>"

    @property
    @abstractmethod
    def name(self) -> str:
        """What messages call it: its recipe."""

    @property
    @abstractmethod
    def doc(self) -> str:
        """What it is, in a sentence."""

    @property
    @abstractmethod
    def given(self) -> tuple[str, ...]:
        """The names of the columns a user gives."""

    @property
    @abstractmethod
    def target(self) -> tuple[str, ...]:
        """The names of the columns the model answers with."""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers were learned."""

    @property
    @abstractmethod
    def noise_size(self) -> int:
        """How many standard normal numbers make a draw of an event."""

    @property
    @abstractmethod
    def batch_events(self) -> int:
        """So many events are answered at once."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """Of the weights, by which two models differ."""

    @abstractmethod
    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The sampling options in force where a user asks for these; ValueError for one that the model lacks."""

    @abstractmethod
    def said(self, given: dict[str, Tensor]) -> Said:
        """What the model says of events with these columns."""

    @abstractmethod
    def generated(self, noise: Tensor, given: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Tensor]:
        """One draw for each event, as ``said(given).sample(noise, **options)``, the fastest way."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the networks are."""

    @cached_property
    def given_columns(self) -> dict[str, Column]:
        """The columns a user gives."""
        return self.schema.select(self.given)

    @cached_property
    def target_columns(self) -> dict[str, Column]:
        """The columns the model answers with."""
        return self.schema.select(self.target)

    def sample(self, given: Table, seed: int, batch_size: int | None = None, outside: Outside = "refuse", **options: Any) -> Table:
        """One event of the target's columns for each event of ``given``, in physical units.

        The same ``seed`` gives the same events, whatever the ``batch_size`` (up to the rounding of single precision); by default
        ``batch_events``. ``options`` go to the model, such as ``steps`` or ``tolerance`` of
        flow matching. Given values outside the trained domain are refused with a ValueError, or answered and marked in the boolean column ``in_domain``
        with ``outside="flag"``.
        """
        given, marks = self.checked(given, outside)
        options = self.options(options)
        parts: list[Table] = []
        with torch.no_grad():
            for batch in self._batches(events_in(given), batch_size):
                condition = self._tensors(given, self.given_columns, batch)
                noise = self.noise(seed, "sample", np.arange(batch.start, batch.stop))
                parts.append(self.columns_of(self.generated(noise, condition, options)))
        return _joined(parts) | marks

    def log_prob(self, given: Table, target: Table, batch_size: int | None = None) -> np.ndarray:
        """ln p(target | given) per physical unit of every target number, (events,); ValueError where the model has no density."""
        given, _ = self.checked(given, "refuse")
        target = check_table(target, self.target_columns, extra=True)
        if events_in(given) != events_in(target):
            raise ValueError(f"given has {events_in(given)} events, target {events_in(target)}")
        answers = []
        with torch.no_grad():
            for batch in self._batches(events_in(given), batch_size):
                columns = self._tensors(target, self.target_columns, batch)
                answers.append(self.said(self._tensors(given, self.given_columns, batch)).log_prob(columns).double().cpu().numpy())
        return np.concatenate(answers)

    def log_prob_of_draws(self, given: Table, draws: Table) -> np.ndarray:
        """ln p of ``draws``, (events, draws, ...) of every target column, per physical unit: (events, draws). Each event is encoded once."""
        given, _ = self.checked(given, "refuse")
        parts = []
        with torch.no_grad():
            for batch in self._batches(events_in(given), None):
                drawn = {name: np.swapaxes(draws[name][batch], 0, 1) for name in self.target_columns}
                count, events = next(iter(drawn.values())).shape[:2]
                flat = {name: values.reshape(count * events, *values.shape[2:]) for name, values in drawn.items()}
                said = self.said(self._tensors(given, self.given_columns, batch)).repeated(count)
                found = said.log_prob(self._tensors(flat, self.target_columns, slice(None)))
                parts.append(found.double().cpu().numpy().reshape(count, events).T)
        return np.concatenate(parts)

    def predict(self, given: Table, draws: int = 100, seed: int = 0, batch_size: int | None = None, outside: Outside = "refuse", **options: Any) -> Table:
        """Mean and standard deviation of every target column over ``draws`` samples an event: ``<column>_mean``, ``<column>_std``.

        Beside them stand quantiles, ``<column>_q16``, ``_q50`` and ``_q84``, and how many peaks the answer has, ``<column>_modes``: of a mixture of Gaussians
        exactly, else as the draws tell (``run.modes`` says which peaks they do). Columns of more than 64 numbers have neither.
        A column of categories answers with ``<column>_probability``, (events, ..., categories): exact where the model states it, else the share of the draws.
        Where features of held-out events are known, ``familiarity`` is the share of these that are at least as strange as the event: strange events are
        answered all the same, and with ``outside="flag"`` those stranger than all count as outside the domain.
        """
        if draws < 2:
            raise ValueError(f"draws must be at least 2, got {draws}")
        return _joined([answer.summary() for answer in self._answers(given, draws, seed, batch_size, outside, options, all_draws=False)])

    def posterior(self, given: Table, draws: int = 100, seed: int = 0, batch_size: int | None = None, outside: Outside = "refuse", **options: Any) -> Table:
        """``draws`` samples an event of every target column, (events, draws, ...), those that ``predict`` averages; its other columns beside them."""
        answer = self.answer(given, draws, seed, batch_size, outside, **options)
        return answer.draws | answer.stated | answer.known | answer.marks

    def answer(
        self,
        given: Table,
        draws: int = 100,
        seed: int = 0,
        batch_size: int | None = None,
        outside: Outside = "refuse",
        numbers: np.ndarray | None = None,
        **options: Any,
    ) -> Answer:
        """All that the model says of these events, each encoded once. ``numbers`` are their places in a longer file, whose answers these are a part of."""
        parts = list(self._answers(given, draws, seed, batch_size, outside, options, numbers=numbers))
        return replace(Answer.joined(parts), events=given)

    def _answers(
        self,
        given: Table,
        draws: int,
        seed: int,
        batch_size: int | None,
        outside: Outside,
        options: Mapping[str, Any],
        all_draws: bool = True,
        numbers: np.ndarray | None = None,
    ) -> Iterator[Answer]:
        """The answers to one batch after the other; without ``all_draws`` only where something is not stated."""
        if draws < 1:
            raise ValueError(f"draws must be at least 1, got {draws}")
        checked, marks = self.checked(given, outside)
        options = self.options(options)
        numbers = np.arange(events_in(checked)) if numbers is None else numbers
        with torch.no_grad():
            for batch in self._batches(events_in(checked), batch_size):
                said = self.said(self._tensors(checked, self.given_columns, batch))
                stated, known = self._stated(said), self._known(said)
                drawn: Table = {}
                if all_draws or not stated or len(self.target_columns) > 1:
                    drawn = self._drawn(said, numbers[batch], draws, seed, options)
                inside = {name: values[batch] for name, values in marks.items()}
                if inside and known:
                    # what is stranger than all held-out events is not in the domain
                    inside = {"in_domain": inside["in_domain"] & (known["familiarity"] > 0)}
                spread = said.spread() if drawn else {}
                yield Answer(self.target_columns, {}, numbers[batch], drawn, stated, known, inside, spread)

    def _drawn(self, said: Said, numbers: np.ndarray, draws: int, seed: int, options: Mapping[str, Any]) -> Table:
        """(events, draws, ...) of each target column; of few events many draws at once."""
        events = len(numbers)
        at_once = max(1, min(draws, DRAWS_AT_ONCE // events))
        together, parts = said.repeated(at_once) if at_once > 1 else said, []
        for first in range(0, draws, at_once):
            count = min(at_once, draws - first)
            noise = torch.cat([self.noise(seed, f"predict {draw}", numbers) for draw in range(first, first + count)])
            several = together if count == at_once else said.repeated(count)
            table = self.columns_of(several.sample(noise, **options))
            parts.append({name: np.swapaxes(values.reshape(count, events, *values.shape[1:]), 0, 1) for name, values in table.items()})
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in self.target_columns}

    def checked(self, given: Table, outside: str) -> tuple[Table, Table]:
        """The given columns in their dtypes, and with ``outside="flag"`` the marks; ValueError for what cannot be answered."""
        if outside not in get_args(Outside):
            raise ValueError(f"outside must be one of {', '.join(get_args(Outside))}, got '{outside}'")
        given = check_table(given, self.given_columns, extra=True)
        if events_in(given) == 0:
            raise ValueError("no events given")
        if outside == "flag":
            return given, {"in_domain": inside(given, self.given_columns, self.domain)}
        if outside == "refuse":
            refuse_outside(given, self.given_columns, self.domain)
        return given, {}

    def _stated(self, said: Said) -> Table:
        """The class probabilities that a model states: of the one category column of its target."""
        stated = said.probabilities()
        if stated is None:
            return {}
        [(name, column)] = [(name, column) for name, column in self.target_columns.items() if column.categories]
        return {f"{name}_probability": stated.double().cpu().numpy().reshape(-1, *column.shape, len(column.categories))}

    @staticmethod
    def _known(said: Said) -> Table:
        familiarity = said.familiarity()
        return {} if familiarity is None else {"familiarity": familiarity.double().cpu().numpy()}

    def noise(self, seed: int, word: str, numbers: np.ndarray) -> Tensor:
        """Standard normal numbers (events, noise_size) of the events with these rising numbers; ``word`` says what for."""
        first, stop = int(numbers[0]), int(numbers[-1]) + 1
        rows = noise_rows(seed, word, first, stop, self.noise_size)
        return torch.from_numpy(rows if len(numbers) == stop - first else rows[numbers - first]).to(self.device)

    def columns_of(self, drawn: Mapping[str, Tensor]) -> Table:
        """The target's columns as a table."""
        table = {}
        for name, column in self.target_columns.items():
            values = drawn[name].cpu().numpy()
            whole = np.issubdtype(np.dtype(column.dtype), np.integer) and values.dtype.kind == "f"
            table[name] = (np.rint(values) if whole else values).astype(column.dtype, copy=False)
        return table

    def _batches(self, events: int, batch_size: int | None) -> Iterator[slice]:
        if batch_size is None:
            batch_size = self.batch_events
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        return (slice(start, min(start + batch_size, events)) for start in range(0, events, batch_size))

    def _tensors(self, table: Table, columns: Mapping[str, Column], events: slice) -> dict[str, Tensor]:
        return {name: values.to(self.device) for name, values in to_tensors(table, columns, events).items()}


def _joined(parts: list[Table]) -> Table:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def noise_rows(seed: int, word: str, start: int, stop: int, size: int) -> np.ndarray:
    """Standard normal noise of the events ``start`` to ``stop``, (stop - start, size), drawn by blocks of events."""
    parts = []
    for block in range(start // NOISE_BLOCK, (stop - 1) // NOISE_BLOCK + 1):
        last = min(stop - block * NOISE_BLOCK, NOISE_BLOCK)
        drawn = rng(seed, word, block).standard_normal((last, size), dtype=np.float32)
        parts.append(drawn[max(start - block * NOISE_BLOCK, 0) :])
    return np.concatenate(parts)
