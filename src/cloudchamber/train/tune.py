"""Search settings with optuna, in as many processes and machines as share its storage; a search that was killed goes on where it stopped.

References: Bergstra & Bengio (2012), JMLR 13, 281 (random search); Bergstra et al. (2011), NeurIPS 24, 2546 (tree-structured Parzen estimator).
"""

from __future__ import annotations

import fcntl
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cloudchamber.rng import rng

if TYPE_CHECKING:
    import optuna

JOURNAL = "journal.log"
HELD = ".trial.lock"
"""Beside the lock of the trial's own training."""
PRUNING_TRIALS = 5
"""The median of so many complete trials is needed before a trial may be stopped early."""
MOST_FAILURES = 3
"""A search whose first trials all fail gives up."""


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


@dataclass(frozen=True)
class Trial:
    """One trial: ``loss`` is NaN where none was reached; ``error`` says why it failed."""

    number: int
    state: Literal["complete", "pruned", "failed", "running"]
    loss: float
    settings: Mapping[str, Any]
    seconds: float
    error: str = ""


Report: TypeAlias = Callable[[int, float], None]
"""Told (epoch, loss); it raises where the trial is to stop."""
Objective: TypeAlias = Callable[[Path, Mapping[str, Any], Report], float]
"""Takes a trial's folder, its settings and where to report losses; gives the loss."""


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


def open_search(storage: str, name: str, setup: Mapping[str, Any], prune_epochs: int | None) -> optuna.Study:
    """The search ``name`` of ``storage``, made if new: a database URL, or the path of a journal file that processes on any number of machines may share.

    ``setup`` is what all trials share. With ``prune_epochs`` a trial may be stopped once it has done so many epochs and is worse than the median.
    ValueError for a search of another set-up.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if "://" in storage:
        place: Any = storage
    else:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        # an absolute path: the backend's lock is a link to it
        place = JournalStorage(JournalFileBackend(str(Path(storage).resolve())))
    pruner = optuna.pruners.NopPruner() if prune_epochs is None else optuna.pruners.MedianPruner(PRUNING_TRIALS, prune_epochs)
    try:
        search = optuna.create_study(storage=place, study_name=name, direction="minimize", load_if_exists=True, pruner=pruner)
    except (ImportError, ValueError, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise ValueError(f"cannot use the storage '{storage}': {error}") from error
    there = search.user_attrs.get("setup")
    now = json.loads(json.dumps(setup))
    if there is None:
        search.set_user_attr("setup", now)
    elif there != now:
        changed = [f"{key} was {there.get(key)}, is now {now.get(key)}" for key in {**there, **now} if there.get(key) != now.get(key)]
        raise ValueError(f"'{storage}' holds another search of '{name}' ({'; '.join(changed)}): give the same, or another folder")
    return search


def run_trials(
    search: optuna.Study,
    space: Space,
    objective: Objective,
    folder: Path,
    trials: int,
    sampler: Literal["random", "tpe"],
    seed: int,
    storage_in_folder: bool,
    told: Callable[[int, Trial], None] | None = None,
    most: int | None = None,
) -> None:
    """Take part in the search until it has ``trials`` trials, those of other processes included; each works in ``folder/trial-0000``, ``most`` of them here.

    A trial whose process died is resumed first: any one if all who share the storage share ``folder`` too, as where ``storage_in_folder``, else one whose
    folder is here. What is drawn depends on ``seed`` and the trial's number, for "tpe" on the
    trials before too. ``told`` hears of each trial that ends here, with the number of all that ended. A trial that raises ValueError, ArithmeticError or
    RuntimeError counts as failed; RuntimeError where the first ones all do.
    """
    if sampler not in ("random", "tpe"):
        raise ValueError(f"no sampler '{sampler}'; there are: random, tpe")
    for _ in range(most) if most is not None else count():
        with _next_trial(search, folder, trials, storage_in_folder) as trial:
            if trial is None:
                return
            # a sampler for each trial, so that processes of one seed draw different settings
            search.sampler = _sampler(sampler, int(rng(seed, "trial", trial.number).integers(2**31)))
            _run_trial(search, trial, space, objective, trial_folder(folder, trial.number))
        done = listed(search)
        if told is not None:
            told(sum(each.state != "running" for each in done), next(each for each in done if each.number == trial.number))
        _give_up_on_failures(done)


def listed(search: optuna.Study) -> list[Trial]:
    """All trials, by number."""
    return [
        Trial(
            each.number,
            _STATES.get(each.state.name, "running"),  # type: ignore[arg-type]
            # optuna gives a pruned trial the last loss it reported
            float(each.value) if each.value is not None else float("nan"),
            each.user_attrs.get("settings", each.params),
            float(each.user_attrs.get("seconds", "nan")),
            each.user_attrs.get("error", ""),
        )
        for each in search.get_trials(deepcopy=False)
    ]


_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def trial_folder(folder: Path, number: int) -> Path:
    """Where a trial works."""
    return folder / f"trial-{number:04d}"


def _run_trial(search: optuna.Study, trial: optuna.Trial, space: Space, objective: Objective, folder: Path) -> None:
    import optuna
    from optuna.trial import TrialState

    settings = {name: values.suggest(trial, name) for name, values in space.items()}
    trial.set_user_attr("settings", settings)
    reported = set(search.trials[trial.number].intermediate_values)
    start = time.perf_counter()

    def report(epoch: int, loss: float) -> None:
        if epoch not in reported:
            trial.report(loss, epoch)
            reported.add(epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    try:
        loss = objective(folder, settings, report)
    except optuna.TrialPruned:
        trial.set_user_attr("seconds", time.perf_counter() - start)
        search.tell(trial, state=TrialState.PRUNED)
    except (ValueError, ArithmeticError, RuntimeError) as error:
        trial.set_user_attr("error", str(error))
        search.tell(trial, state=TrialState.FAIL)
    else:
        trial.set_user_attr("seconds", time.perf_counter() - start)
        search.tell(trial, loss)


@contextmanager
def _next_trial(search: optuna.Study, folder: Path, trials: int, storage_in_folder: bool) -> Iterator[optuna.Trial | None]:
    """A trial to work on, held by a lock on its folder that ends with this process: one that nobody holds any more, else a new one; None when all are done."""
    import optuna
    from optuna.trial import TrialState

    for left in search.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if storage_in_folder or trial_folder(folder, left.number).is_dir():
            with _held(trial_folder(folder, left.number)) as held:
                if held and search.trials[left.number].state == TrialState.RUNNING:
                    yield optuna.Trial(search, left._trial_id)
                    return
    while len(search.get_trials(deepcopy=False)) < trials:
        trial = search.ask()
        if trial.number >= trials:
            search.tell(trial, state=TrialState.FAIL)  # another process asked for the last one at the same moment
            break
        with _held(trial_folder(folder, trial.number)) as held:
            if held:
                yield trial
                return
    yield None


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Whether this process could take the folder's lock; the system ends it with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / HELD).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # running trials count as bad ones, so that processes side by side try different settings
        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


def _give_up_on_failures(done: list[Trial]) -> None:
    ended = [trial for trial in done if trial.state != "running"]
    if len(ended) >= MOST_FAILURES and all(trial.state == "failed" for trial in ended):
        raise RuntimeError(f"the first {len(ended)} trials all failed, the last one with: {ended[-1].error}")
