"""Search settings with optuna: trials are jobs that may be done anywhere, and a search that was killed goes on where it stopped.

What a trial looks back on is settled by its number, so that a search does not depend on who is first: trials go in rounds, and look at earlier rounds alone.

References: Bergstra & Bengio (2012), JMLR 13, 281 (random search); Bergstra et al. (2011), NeurIPS 24, 2546 (tree-structured Parzen estimator).
"""

from __future__ import annotations

import fcntl
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cloudchamber.rng import rng
from cloudchamber.train.space import Space

if TYPE_CHECKING:
    import optuna

JOURNAL = "journal.log"
HELD = ".trial.lock"
"""Beside the lock of the trial's own training."""
PRUNING_TRIALS = 5
"""The median of so many complete trials is needed before a trial may be stopped early."""
ROUND = 5
"""Trials of the first round, and of each where the sampler learns from them; where they are only stopped early, a round doubles what is there."""
MOST_FAILURES = 3
"""A search whose first trials all fail gives up."""


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


@dataclass(frozen=True)
class Ended:
    """How a trial ended: its loss (NaN without), those of its epochs, and what went wrong."""

    state: Literal["complete", "pruned", "failed"]
    loss: float
    losses: Mapping[int, float]
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class TrialJob:
    """One trial: its settings, and the ``earlier`` ones that it is compared with while it runs."""

    number: int
    folder: Path
    settings: Mapping[str, Any]
    objective: Objective
    pruner: Any
    earlier: Sequence[Any] = ()

    def done(self) -> Ended:
        """ValueError, ArithmeticError and RuntimeError count as failed."""
        import optuna

        trial = _apart(optuna.samplers.RandomSampler(seed=0), self.earlier, self.pruner).ask()
        losses: dict[int, float] = {}
        start = time.perf_counter()

        def report(epoch: int, loss: float) -> None:
            if epoch not in losses:
                losses[epoch] = loss
                trial.report(loss, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

        try:
            loss = self.objective(self.folder, self.settings, report)
        except optuna.TrialPruned:
            return Ended("pruned", losses[max(losses)], losses, time.perf_counter() - start)
        except (ValueError, ArithmeticError, RuntimeError) as error:
            return Ended("failed", float("nan"), losses, time.perf_counter() - start, str(error))
        return Ended("complete", loss, losses, time.perf_counter() - start)

    def __str__(self) -> str:
        return f"trial {self.number} with {', '.join(f'{name} = {value}' for name, value in self.settings.items())}"


Do: TypeAlias = Callable[[Callable[[TrialJob], Ended], Iterable[TrialJob]], Iterator[tuple[TrialJob, Ended]]]
"""Does the jobs somewhere; each comes back with how it ended."""


def here(function: Callable[[TrialJob], Ended], jobs: Iterable[TrialJob]) -> Iterator[tuple[TrialJob, Ended]]:
    """One after the other, in this process."""
    return ((job, function(job)) for job in jobs)


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
    do: Do = here,
) -> None:
    """Take part in the search until it has ``trials`` trials, those of other processes included; each works in ``folder/trial-0000``.

    A trial whose process died is resumed first: any one if all who share the storage share ``folder`` too, as where ``storage_in_folder``, else one whose
    folder is here. What is drawn depends on ``seed`` and the trial's number, for "tpe" on the trials of earlier rounds too. ``told`` hears of each trial that
    ends here, with the number of all that ended. RuntimeError where the first trials all fail.
    """
    import optuna

    if sampler not in ("random", "tpe"):
        raise ValueError(f"no sampler '{sampler}'; there are: random, tpe")
    prunes = not isinstance(search.pruner, optuna.pruners.NopPruner)
    claimed: dict[int, tuple[optuna.Trial, ExitStack]] = {}

    def job_of(trial: optuna.Trial, lock: ExitStack) -> TrialJob:
        claimed[trial.number] = trial, lock
        earlier = _earlier(search, round_of(trial.number, sampler, prunes).start)
        # a sampler for each trial, so that processes of one seed draw different settings
        settings = _draw(search, trial, space, sampler, int(rng(seed, "trial", trial.number).integers(2**31)), earlier)
        return TrialJob(trial.number, trial_folder(folder, trial.number), settings, objective, search.pruner, earlier if prunes else ())

    try:
        while True:
            left, count = list(_left(search, folder, trials, storage_in_folder)), len(search.get_trials(deepcopy=False))
            if not left and count >= trials:
                return
            # those that are left must end before a new round looks back on them
            stop = min(trials, round_of(max(count - 1, 0) if left else count, sampler, prunes).stop)
            for job, ended in do(TrialJob.done, (job_of(*each) for each in chain(left, _new(search, folder, stop, trials)))):
                trial, lock = claimed[job.number]
                _tell(search, trial, ended)
                lock.close()
                del claimed[job.number]
                done = listed(search)
                if told is not None:
                    told(sum(each.state != "running" for each in done), done[job.number])
                _give_up_on_failures(done)
    finally:
        for _, lock in claimed.values():
            lock.close()


def round_of(number: int, sampler: Literal["random", "tpe"], prunes: bool) -> range:
    """The trials that look back on the same ones as trial ``number``: on those before them."""
    if sampler == "tpe":
        return range(number - number % ROUND, number - number % ROUND + ROUND)
    if not prunes:
        return range(sys.maxsize)
    start, stop = 0, ROUND
    while stop <= number:
        start, stop = stop, 2 * stop
    return range(start, stop)


def fail_trial(search: optuna.Study, number: int, error: str) -> None:
    """Count a trial that ends its workers as failed, so that the search can go on without it."""
    import optuna

    _tell(search, optuna.Trial(search, search.trials[number]._trial_id), Ended("failed", float("nan"), {}, float("nan"), error))


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


def _tell(search: optuna.Study, trial: optuna.Trial, ended: Ended) -> None:
    from optuna.trial import TrialState

    there = search.trials[trial.number].intermediate_values
    for epoch, loss in ended.losses.items():
        if epoch not in there:
            trial.report(loss, epoch)
    trial.set_user_attr("error" if ended.state == "failed" else "seconds", ended.error or ended.seconds)
    if ended.state == "complete":
        search.tell(trial, ended.loss)
    else:
        search.tell(trial, state=TrialState.PRUNED if ended.state == "pruned" else TrialState.FAIL)


def _draw(search: optuna.Study, trial: optuna.Trial, space: Space, sampler: str, seed: int, earlier: Sequence[Any]) -> dict[str, Any]:
    """The trial's settings, which it keeps."""
    import optuna

    random = optuna.samplers.RandomSampler(seed=seed)
    search.sampler = random
    if sampler == "tpe":
        drawn = _apart(optuna.samplers.TPESampler(seed=seed), earlier).ask()
        for name, values in space.items():
            values.suggest(drawn, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            search.sampler = optuna.samplers.PartialFixedSampler(drawn.params, random)
    settings = {name: values.suggest(trial, name) for name, values in space.items()}
    trial.set_user_attr("settings", settings)
    return settings


def _earlier(search: optuna.Study, start: int) -> list[Any]:
    """The trials before ``start`` with a loss."""
    from optuna.trial import TrialState

    return [trial for trial in search.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)) if trial.number < start]


def _apart(sampler: Any, earlier: Sequence[Any], pruner: Any = None) -> optuna.Study:
    """A search in memory that knows the ``earlier`` trials alone."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = optuna.create_study(direction="minimize", sampler=sampler, pruner=pruner)
    search.add_trials(earlier)
    return search


def _left(search: optuna.Study, folder: Path, trials: int, storage_in_folder: bool) -> Iterator[tuple[optuna.Trial, ExitStack]]:
    """The trials that nobody holds any more, now held by a lock on their folders that ends with this process."""
    import optuna
    from optuna.trial import TrialState

    for left in search.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        place = trial_folder(folder, left.number)
        # one beyond the last is about to be given back by the process that asked for it
        if left.number < trials and (storage_in_folder or place.is_dir()) and (lock := _taken(place)) is not None:
            if search.trials[left.number].state == TrialState.RUNNING:
                yield optuna.Trial(search, left._trial_id), lock
            else:
                lock.close()


def _new(search: optuna.Study, folder: Path, stop: int, trials: int) -> Iterator[tuple[optuna.Trial, ExitStack]]:
    """New trials, held likewise, until there are ``stop``."""
    from optuna.trial import TrialState

    while len(search.get_trials(deepcopy=False)) < stop:
        trial = search.ask()
        if trial.number >= trials:
            search.tell(trial, state=TrialState.FAIL)  # another process asked for the last one at the same moment
            return
        if (lock := _taken(trial_folder(folder, trial.number))) is not None:
            yield trial, lock


def _taken(folder: Path) -> ExitStack | None:
    """The folder's lock, unless another process holds it."""
    with ExitStack() as stack:
        return stack.pop_all() if stack.enter_context(_held(folder)) else None


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


def _give_up_on_failures(done: list[Trial]) -> None:
    ended = [trial for trial in done if trial.state != "running"]
    if len(ended) >= MOST_FAILURES and all(trial.state == "failed" for trial in ended):
        raise RuntimeError(f"the first {len(ended)} trials all failed, the last one with: {ended[-1].error}")
