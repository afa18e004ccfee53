"""What a worker is asked of a trained model: a block of samples, or the answers to a chunk of events."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.hub import find_run, load
from cloudchamber.run.files import RunFiles, read_file
from cloudchamber.schema import Table, events_in

if TYPE_CHECKING:
    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import Outside, TrainedModel

_LOADED: dict[Asked, TrainedModel] = {}
MOST_LOADED = 4


MOST_EVENTS = 2**32
"""What blocks of events can be numbered, and far more than can be kept."""


def at_least(least: int, **numbers: int) -> None:
    """ValueError for one of ``numbers`` that is below ``least``, or beyond any use."""
    for name, value in numbers.items():
        if not least <= value <= MOST_EVENTS:
            raise ValueError(f"{name} must be at least {least}, and at most {MOST_EVENTS}, got {value}")


def not_negative(seed: int) -> None:
    """ValueError for a seed below 0, before anything is made."""
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")


@dataclass(frozen=True)
class Asked:
    """A run by its name, and by the digest of its run.json: a worker must not answer with another one."""

    subject: str
    digest: str

    @classmethod
    def of(cls, subject: Path | str, model: TrainedModel) -> Asked:
        """The run that was loaded as ``model``."""
        asked = cls(str(subject), _digest(subject))
        _LOADED[asked] = model
        return asked

    def model(self) -> TrainedModel:
        """It, loaded once a process; ValueError where this machine has another run, or none, of that name."""
        if self not in _LOADED:
            if _digest(self.subject) != self.digest:
                raise ValueError(f"a worker finds another run at '{self.subject}': give a folder that all workers share")
            while len(_LOADED) >= MOST_LOADED:
                _LOADED.pop(next(iter(_LOADED)))
            _LOADED[self] = load(self.subject)
        return _LOADED[self]


@dataclass(frozen=True)
class SampleJob:
    """One block of events to draw at ``given``."""

    asked: Asked
    block: int
    given: Table
    seed: int
    outside: Outside
    options: Mapping[str, Any]

    def done(self) -> Table:
        """The given columns and what was drawn."""
        model = self.asked.model()
        return {**self.given, **model.sample({name: self.given[name] for name in model.given}, self.seed, outside=self.outside, **self.options)}

    def __str__(self) -> str:
        return f"block {self.block} of {events_in(self.given)} events, seed {self.seed}"


@dataclass(frozen=True)
class AnswerJob:
    """Events to answer, with their places in the file."""

    asked: Asked
    events: Table
    numbers: np.ndarray
    draws: int
    seed: int
    outside: Outside

    def done(self) -> Answer:
        """Their answers."""
        return self.asked.model().answer(self.events, self.draws, self.seed, outside=self.outside, numbers=self.numbers)

    def __str__(self) -> str:
        return f"events {self.numbers[0]} to {self.numbers[-1]}, seed {self.seed}"


def _digest(subject: Path | str) -> str:
    return hashlib.sha256(read_file(RunFiles(find_run(subject)[0]).manifest)).hexdigest()


def default_folder(subject: Path | str) -> Path:
    """Where a report goes that was not told: into the run's folder, or beside the work for packaged weights."""
    folder, study = find_run(subject)
    return Path("reports") / study.name / folder.name if folder.parent == study.pretrained else folder / "report"


def label_of(subject: Path | str) -> str:
    """How a report calls a run."""
    folder, study = find_run(subject)
    return f"{study.name}/{folder.name}" if folder.parent == study.pretrained else str(subject).rstrip("/")
