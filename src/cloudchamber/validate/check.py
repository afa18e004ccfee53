"""A check: one physics statement about two tables, with a limit, and beside it the floor that truth against truth reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Table, concatenate, events_in
from cloudchamber.statistics.measured import Measured
from cloudchamber.validate.verdict import Verdict, events_needed, verdict_of

MIN_EVENTS = 10
"""A group needs so many events before a value means anything."""

SWAPS_PER_BOOTSTRAP, FEWEST_SWAPS = 0.25, 7
"""The floor is a mean over so many truth-against-truth draws for each bootstrap resample, and over so many at least: their spread is its error."""

Groups = Callable[[Table], "dict[str, np.ndarray]"]
Floors = dict[tuple[str, str], Measured]
"""By check and group."""


@dataclass(frozen=True)
class Check:
    """One statement about two tables (truth, answer): ``value`` is a distance, smaller is better, and passes at or below ``limit``.

    ``limit`` is in ``unit``, or in multiples of the floor with ``limit_in_floors``; without one the check only informs.
    ``groups`` gives named boolean masks of a table: the check is then made in each group. Names of two parts, ``"proton, 17.25"``,
    are drawn as a map in the report. ``bootstrap`` overrides the number of resamples; 0 spares an expensive value.
    ``best`` gives the floor where truth against truth says nothing, as of probabilities: what a perfect answer would reach on these events. With ``promised``
    it is only what the answer says of itself, such as the log loss that its probabilities promise: shown, but no excuse for missing the limit.
    ``needs`` names an optional module: where it is not installed, ``validate`` leaves the check out and says so. ``columns`` are those of one view of a study
    that has several: the check is made of runs whose schema has them.
    """

    name: str
    why: str
    value: Callable[[Table, Table], float | Measured]
    limit: float | None
    unit: str = ""
    limit_in_floors: bool = False
    groups: Groups | None = None
    bootstrap: int | None = None
    best: Callable[[Table, Table], float] | None = None
    promised: bool = False
    needs: str = ""
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.limit_in_floors and self.limit is None:
            raise ValueError(f"check '{self.name}': limit_in_floors needs a limit")


@dataclass(frozen=True)
class CheckResult:
    """What a check found: ``limit`` in ``unit`` (``floors`` times the floor where the check says so), ``error`` one standard deviation.

    ``passed``: whether the value keeps the limit; None where there is nothing to keep: no limit, no floor to take it from, or fewer than ten true events
    (then ``value`` is NaN). ``floor_error`` is the standard deviation of one draw of truth against truth, ``groups`` over how many the check looks,
    ``events`` the true events of this one. ``promised`` floors are the answer's own.
    """

    name: str
    group: str
    value: float
    error: float
    floor: float
    limit: float | None
    passed: bool | None
    unit: str
    why: str
    floors: float | None = None
    floor_error: float = np.nan
    groups: int = 1
    events: int = 0
    promised: bool = False

    @property
    def verdict(self) -> Verdict | None:
        """*passed*, *failed* where significantly beyond limit and floor, else *open*; None where nothing is judged (``validate.verdict``)."""
        if self.passed is None or self.limit is None:
            return None
        return "failed" if np.isnan(self.value) else verdict_of(*self._judged(self.limit))

    @property
    def events_needed(self) -> float | None:
        """About how many events of this group decide what is open, infinite: too many; None where nothing is open or its events are not known."""
        if self.verdict != "open" or self.limit is None or not self.events:
            return None
        return events_needed(self.events, *self._judged(self.limit))

    def _judged(self, limit: float) -> tuple[float, float, float, float, float, float, int]:
        floor, spread = (np.nan, np.nan) if self.promised else (self.floor, self.floor_error)
        limit_error = self.floors * self.floor_error if self.floors is not None and np.isfinite(self.floor_error) else 0.0
        return self.value, self.error, limit, limit_error, floor, spread, self.groups

    def to_json(self) -> dict[str, Any]:
        """Every field, with the verdict and, of open ones, the events that decide."""
        return {**asdict(self), "verdict": self.verdict, "events_needed": self.events_needed}


def run_checks(
    checks: Sequence[Check], truth: Table, answer: Table, second_truth: Table | None, seed: int, bootstrap: int = 100, floors: Floors | None = None
) -> list[CheckResult]:
    """Make every check of ``answer`` against ``truth``; the floor compares ``second_truth``, as many events as the answer, with the truth.

    The floor is the mean over exchanges of events between the two truths, so one lucky draw doesn't set a limit. Where truth and answer
    fall in the same groups event by event (they share theta), pairs of events are resampled, which keeps what they share.
    Without a second truth floors are NaN. ``floors`` keeps them for the next answer to the same truths with the same seed and checks.
    """
    floors = {} if floors is None else floors
    names = [check.name for check in checks]
    if len(set(names)) != len(names):
        raise ValueError(f"two checks share the name '{next(name for name in names if names.count(name) > 1)}'")
    if second_truth is not None and events_in(second_truth) != events_in(answer):
        raise ValueError(f"the floor needs the answer's sample size: second_truth has {events_in(second_truth)} events, the answer {events_in(answer)}")
    split: dict[Groups | None, list[_Group]] = {}
    results = []
    for check in checks:
        if check.groups not in split:
            split[check.groups] = _split(check.groups, truth, answer, second_truth)
        resamples = bootstrap if check.bootstrap is None else check.bootstrap
        judged = sum(group.truth.events >= MIN_EVENTS for group in split[check.groups])
        results += [_run(check, group, seed, resamples, judged, floors) for group in split[check.groups]]
    return results


class _View(Mapping[str, Any]):
    """A table whose columns are made when a check first reads them: most checks read one of many."""

    def __init__(self, names: Sequence[str], make: Callable[[str], Any]) -> None:
        self._names, self._make, self._made = tuple(names), make, dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _taken(table: Mapping[str, Any], index: np.ndarray) -> _View:
    return _View(tuple(table), lambda name: table[name][index])


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> _View:
    return _View(tuple(first), lambda name: concatenate([{name: first[name]}, {name: second[name]}])[name])


class _Part(NamedTuple):
    table: Mapping[str, Any]
    mask: np.ndarray

    @property
    def events(self) -> int:
        return int(self.mask.sum())


class _Group(NamedTuple):
    name: str
    truth: _Part
    answer: _Part
    second: _Part | None


def _split(groups: Groups | None, truth: Table, answer: Table, second: Table | None) -> list[_Group]:
    parts = [_parts(groups, truth), _parts(groups, answer, truth)]
    spare = None if second is None else _parts(groups, second)
    for other in parts[1:] + ([] if spare is None else [spare]):
        if list(other) != list(parts[0]):
            raise ValueError(f"groups must have the same names for every table, got {list(parts[0])} and {list(other)}")
    found = [_Group(name, part, parts[1][name], None if spare is None else spare[name]) for name, part in parts[0].items()]
    # a bin that neither fills says nothing
    return [group for group in found if group.truth.events or group.answer.events] or found[:1]


def _parts(groups: Groups | None, table: Table, truth: Table | None = None) -> dict[str, _Part]:
    """The groups of ``table``; of an answer that lacks their columns, those of its ``truth``, event by event."""
    events = events_in(table)
    if groups is None:
        return {"": _Part(table, np.ones(events, bool))}
    try:
        masks = groups(table)
    except KeyError:
        if truth is None or events_in(truth) != events:
            raise
        masks = groups(truth)
    parts = {}
    for name, mask in masks.items():
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.shape != (events,):
            raise ValueError(f"group '{name}' needs a boolean mask of shape ({events},), got {mask.dtype} {mask.shape}")
        parts[name] = _Part(_taken(table, mask), mask)
    return parts


def _run(check: Check, group: _Group, seed: int, resamples: int, groups: int, known: Floors) -> CheckResult:
    value, error, floor = np.nan, np.nan, Measured(np.nan, np.nan)
    enough = group.truth.events >= MIN_EVENTS
    if enough and group.answer.events >= MIN_EVENTS:
        found = _measure(check, group.name, group.truth.table, group.answer.table)
        value = found.value
        error = found.error if np.isfinite(found.error) or resamples < 2 else _error(check, group, rng(seed, "bootstrap", group.name), resamples)
    if check.best is not None and np.isfinite(value):
        floor = Measured(float(check.best(cast(Table, group.truth.table), cast(Table, group.answer.table))), np.nan)
    elif enough and group.second is not None and group.second.events >= MIN_EVENTS:
        if (place := (check.name, group.name)) not in known:
            swaps = max(int(SWAPS_PER_BOOTSTRAP * resamples), FEWEST_SWAPS) if resamples else 0
            known[place] = _floor(check, group.name, group.truth, group.second, rng(seed, "floor", group.name), swaps)
        floor = known[place]
    limit = check.limit
    if limit is not None and check.limit_in_floors:
        limit = limit * floor.value
    passed = bool(value <= limit) if enough and limit is not None and not np.isnan(limit) else None
    floors = check.limit if check.limit_in_floors else None
    return CheckResult(
        check.name, group.name, value, error, floor.value, limit, passed, check.unit, check.why, floors, floor.error, groups, group.truth.events, check.promised
    )


def _measure(check: Check, group: str, truth: Mapping[str, Any], answer: Mapping[str, Any]) -> Measured:
    try:
        found = check.value(cast(Table, truth), cast(Table, answer))
    except ValueError as problem:
        raise ValueError(f"check '{check.name}'{f', group {group!r}' if group else ''}: {problem}") from problem
    return found if isinstance(found, Measured) else Measured(float(found), np.nan)


def _paired(first: _Part, second: _Part) -> bool:
    return np.array_equal(first.mask, second.mask)


def _error(check: Check, group: _Group, random: np.random.Generator, resamples: int) -> float:
    truth, answer = group.truth, group.answer
    paired = _paired(truth, answer)
    values = []
    for _ in range(resamples):
        first = random.integers(truth.events, size=truth.events)
        second = first if paired else random.integers(answer.events, size=answer.events)
        values.append(_measure(check, group.name, _taken(truth.table, first), _taken(answer.table, second)).value)
    return float(np.std(values, ddof=1))


def _floor(check: Check, group: str, truth: _Part, second: _Part, random: np.random.Generator, swaps: int) -> Measured:
    """Mean and spread of truth against truth."""
    first = _measure(check, group, truth.table, second.table)
    values = [first.value]
    pool, events, own = _joined(truth.table, second.table), truth.events, np.arange(truth.events)
    # a value with its own error is expensive (a trained classifier): one floor is enough
    for _ in range(swaps if np.isnan(first.error) else 0):
        if _paired(truth, second):
            flip = events * random.integers(2, size=events)
            order = np.concatenate([own + flip, own + events - flip])
        else:
            order = random.permutation(events + second.events)
        values.append(_measure(check, group, _taken(pool, order[:events]), _taken(pool, order[events:])).value)
    return Measured(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else first.error)
