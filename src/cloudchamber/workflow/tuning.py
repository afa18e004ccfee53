"""Search a recipe's settings: each trial is a training in a run folder of its own."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import math
import operator
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cloudchamber.atomic import FolderInUseError, refuse_place, write_atomically
from cloudchamber.jsonable import merge
from cloudchamber.meant import meant
from cloudchamber.parallel.executors import Where, WorkerLostError, opened, run
from cloudchamber.progress import Progress, quiet
from cloudchamber.store.read import Store
from cloudchamber.study import Study, find_study
from cloudchamber.workflow.tasks import not_negative
from cloudchamber.workflow.training import train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.train.fit import Hardware
    from cloudchamber.train.space import Space
    from cloudchamber.train.tune import Report, Trial

BEST = "best.json"
MOST_IN_FLIGHT = 200
"""Each trial that waits for a worker of a cluster holds a file open."""
TUNABLE = ("fit", "model", "given_codec", "target_codec", "sampling")


@dataclass(frozen=True)
class Tuned:
    """What a search has found so far: the best trial's loss and its settings as overrides for ``train``, and all trials by number."""

    folder: Path
    study: str
    recipe: str
    loss: float
    best: Mapping[str, Any]
    trials: tuple[Trial, ...]
    best_file: Path
    report: Path


def tune(
    study: Study | str,
    data: Path | str,
    out: Path | str,
    recipe: str | Recipe | None = None,
    *,
    trials: int = 20,
    sampler: Literal["random", "tpe"] = "random",
    storage: str = "journal",
    space: Mapping[str, Any] | Path | str | None = None,
    epochs: int | None = None,
    seed: int = 1,
    prune: bool = True,
    hardware: Hardware | None = None,
    n: int | None = None,
    memory_gb: float = 4.0,
    progress: Progress = quiet,
    partial: bool = False,
    workers: int = 1,
    executor: Where = None,
) -> Tuned:
    """Train ``recipe`` with ``trials`` different settings, each in ``out/trial-0000``, for the lowest validation loss.

    ``space`` (a mapping, or a JSON or TOML file of it) names settings as ``train``'s flags do and gives the values to try, such as
    ``{"model.hidden": {"choices": [32, 64]}, "fit.optimisers.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}``; without it the study's own serves.
    ``epochs`` shortens the trials. With ``prune`` a trial worse than the median of the earlier ones at the same epoch stops.

    ``workers`` processes, or an ``executor`` whose workers see ``data`` and ``out``, make the trials: the same ones, with the same losses, whatever their
    number. The same call goes on after an interruption, and may run in many processes and machines at once, which share ``out`` or at least ``storage``:
    "journal" (a file in ``out``), "sqlite" (likewise), the path of a journal file, or a database's URL. ``trials`` counts those of all of them; what "tpe"
    draws and ``prune`` stops then depends on which call was first.
    A store that lacks blocks is refused, unless ``partial`` takes what is there.
    ``out`` gets ``best.json``, overrides for ``train``, and a page with all trials.
    """
    from cloudchamber.train.fit import fabric_on
    from cloudchamber.train.space import read_space
    from cloudchamber.train.tune import TrialJob, fail_trial, here, listed, open_search, run_trials

    study = find_study(study) if isinstance(study, str) else study
    chosen = study.recipe(recipe) if recipe is None or isinstance(recipe, str) else recipe
    seed = operator.index(seed)
    if trials < 1 or workers < 1:
        raise ValueError(f"trials and workers must be at least 1, got {trials} and {workers}")
    not_negative(seed)
    if not memory_gb >= 0:
        raise ValueError(f"memory_gb must not be negative, got {memory_gb}")
    if epochs is not None and epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if not chosen.fit.validation_fraction > 0:
        raise ValueError(f"'{chosen.name}' holds no events out (fit.validation_fraction = 0), so that no validation loss can choose its settings")
    if epochs is not None:
        warmup = chosen.fit.warmup_epochs * epochs / chosen.fit.epochs
        chosen = chosen.with_json(merge(chosen.to_json(), {"fit": {"epochs": epochs, "warmup_epochs": warmup}}))
    plain = read_file(Path(space)) if isinstance(space, (str, Path)) else space if space is not None else _own_space(study, chosen)
    values, store, folder = read_space(plain), Store(data), Path(out)
    refuse_place(folder)
    store.refuse_gaps(partial)
    check_space(values, chosen)
    if hardware is not None and executor in (None, "processes"):
        # a cluster's workers may have what is not here
        fabric_on(hardware, chosen.fit)
    if "://" not in storage:
        folder.mkdir(parents=True, exist_ok=True)
    settings = chosen.to_json()
    setup = {
        "data": store.dataset.identity,
        "events": store.n_events if n is None else min(n, store.n_events),
        "epochs": chosen.fit.epochs,
        "seed": seed,
        "space": plain,
        "other settings": hashlib.blake2s(json.dumps(settings, sort_keys=True).encode(), digest_size=4).hexdigest(),
    }
    search = open_search(_storage(storage, folder), f"{study.name}/{chosen.name}", setup, max(chosen.fit.epochs // 5, 1) if prune else None)
    folder.mkdir(parents=True, exist_ok=True)

    ended = sum(trial.state != "running" for trial in listed(search))

    def show(text: str) -> None:
        progress(ended, trials, text)

    def told(now: int, trial: Trial) -> None:
        nonlocal ended
        ended = now
        show(f"trial-{trial.number:04d}: {trial.state}, validation loss {trial.loss:.4g}")

    show("")
    alone = workers == 1 and executor in (None, "processes")
    # absolute paths, because a cluster's workers start in folders of their own; they find the study by its name
    training = Training(
        study if alone else study.name,
        Path(data).resolve(),
        chosen,
        seed,
        hardware,
        n,
        memory_gb,
        partial,
        show if alone else None,
    )
    in_storage = storage in ("journal", "sqlite")
    try:
        with nullcontext(None) if alone else opened(executor, min(workers, trials)) as pool:
            do = here if pool is None else functools.partial(run, executor=pool, most=MOST_IN_FLIGHT if executor != "processes" else workers)
            run_trials(search, values, training, folder.resolve(), trials, sampler, seed, in_storage, told, do)
    except WorkerLostError as error:
        if isinstance(error.job, TrialJob):
            fail_trial(search, error.job.number, str(error))
        raise
    while True:
        found = _summary(folder, study, chosen, listed(search), values, data)
        # processes that end together write the same files: the last one to write tells of all
        if [trial.state for trial in listed(search)] == [trial.state for trial in found.trials]:
            return found


@dataclass(frozen=True)
class Training:
    """The objective of a search: a training with other settings."""

    study: Study | str
    data: Path
    recipe: Recipe
    seed: int
    hardware: Hardware | None
    n: int | None
    memory_gb: float
    partial: bool
    show: Callable[[str], None] | None

    def __call__(self, place: Path, drawn: Mapping[str, Any], report: Report) -> float:
        """The validation loss that the settings ``drawn`` reach."""

        def watch(epoch: int, epochs: int, text: str) -> None:
            if self.show is not None:
                self.show(f"{place.name}: {f'epoch {epoch} of {epochs}' if epochs else text}")
            # a training that was interrupted tells of its last epoch only
            for each, loss in _logged_losses(place) if epoch else ():
                report(each, loss)

        while True:
            try:
                return train(
                    self.study,
                    self.data,
                    place,
                    self.recipe,
                    seed=self.seed,
                    overrides=overrides_of(drawn, self.recipe.to_json()),
                    hardware=self.hardware,
                    n=self.n,
                    memory_gb=self.memory_gb,
                    progress=watch,
                    partial=self.partial,
                ).validation_loss
            except FolderInUseError:
                # by a worker whose search was killed: it makes this very trial, or ends soon
                time.sleep(1.0)


def read_file(path: Path) -> dict[str, Any]:
    """A JSON or TOML file that holds a mapping."""
    if not path.is_file():
        raise ValueError(f"no file '{path}'")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' cannot be read: {error}") from error
    try:
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{path}' is not valid {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}") from None
    if not isinstance(data, dict):
        raise ValueError(f"'{path}' must hold a mapping of names to values, not {type(data).__name__}")
    return data


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError for a key that stands there twice, of which one would be lost."""
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"it gives '{twice[0]}' twice: which one counts?")
    return dict(pairs)


def overrides_of(drawn: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name as nested overrides of a recipe's ``settings``; the optimiser of all parts, whose name is empty, needs no name."""
    nested: dict[str, Any] = {}
    for name, value in drawn.items():
        change: Any = value
        for key in reversed(_path(name, settings)):
            change = {key: change}
        nested = merge(nested, change)
    return nested


def setting_names(settings: Mapping[str, Any]) -> list[str]:
    """The dotted names of a recipe's settings that can be tuned."""

    def leaves(node: Any, where: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, Mapping) and node:
            for key, value in node.items():
                if key != "kind":
                    yield from leaves(value, (*where, key) if key else where)
        else:
            yield ".".join(where)

    return [name for part in TUNABLE for name in leaves(settings[part], (part,)) if name != part]


def check_space(space: Space, recipe: Recipe) -> None:
    """ValueError for a setting that the recipe lacks, or a value that it does not take."""
    settings = recipe.to_json()
    for name, values in space.items():
        for value in values.examples():
            change = overrides_of({name: value}, settings)
            try:
                recipe.with_json(merge(settings, change))
            except ValueError as error:
                raise ValueError(f"the search space of '{recipe.name}': {error}") from None


def _path(name: str, settings: Mapping[str, Any]) -> list[str]:
    node: Any = settings
    path: list[str] = []
    for key in name.split("."):
        if isinstance(node, Mapping) and key not in node and "" in node:
            path.append("")
            node = node[""]
        if not isinstance(node, Mapping) or key not in node or (not path and key not in TUNABLE):
            names = setting_names(settings)
            hint = meant(name, names)
            raise ValueError(f"the recipe has no setting '{name}'{hint}; it has: {', '.join(names)}")
        path.append(key)
        node = node[key]
    return path


def _own_space(study: Study, recipe: Recipe) -> Mapping[str, Any]:
    if not recipe.search:
        example = '{"fit.optimisers.learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}}'
        names = ", ".join(setting_names(recipe.to_json()))
        raise ValueError(f"'{study.name}/{recipe.name}' has no search space of its own: give one, such as {example}; settings: {names}")
    return recipe.search


def _storage(storage: str, folder: Path) -> str:
    from cloudchamber.train.tune import JOURNAL

    if storage == "journal":
        return str(folder / JOURNAL)
    return f"sqlite:///{(folder / 'trials.sqlite').resolve()}" if storage == "sqlite" else storage


def _logged_losses(folder: Path) -> list[tuple[int, float]]:
    """The epochs of a run's log, with their validation losses."""
    with (folder / "log.csv").open(newline="") as file:
        return [(int(row["epoch"]), float(row["validation_loss"])) for row in csv.DictReader(file)]


def _summary(folder: Path, study: Study, recipe: Recipe, trials: Sequence[Trial], space: Space, data: Path | str) -> Tuned:
    complete = [trial for trial in trials if trial.state == "complete"]
    if not complete:
        failed = [trial.error for trial in trials if trial.error]
        why = f"the last error: {failed[-1]}" if failed else "they still run, in other processes"
        raise RuntimeError(f"none of {len(trials)} trials is complete; {why}")
    best = min(complete, key=lambda trial: trial.loss)
    overrides = overrides_of(best.settings, recipe.to_json())
    write_atomically(folder / BEST, json.dumps(overrides, indent=1).encode() + b"\n")
    report = _write_page(folder, study, recipe, trials, best, space, data)
    return Tuned(folder, study.name, recipe.name, best.loss, overrides, tuple(trials), folder / BEST, report)


def _write_page(folder: Path, study: Study, recipe: Recipe, trials: Sequence[Trial], best: Trial, space: Space, data: Path | str) -> Path:
    from cloudchamber.report.page import write_rows

    counts = {state: sum(trial.state == state for trial in trials) for state in ("complete", "pruned", "failed", "running")}
    facts: dict[str, str | int | float] = {"study": study.name, "recipe": f"{recipe.name}: {recipe.doc}", "epochs": recipe.fit.epochs, "data": str(data)}
    facts["trials"] = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    facts["best settings, for cloudchamber train"] = f"--recipe {recipe.name} --overrides {folder / BEST}"
    verdict = f"Lowest validation loss {best.loss:.4g}, in trial {best.number}: {', '.join(f'{name} = {word(v)}' for name, v in best.settings.items())}."
    figures = {"Trials": draw_trials(trials, space)}
    heads, rows = trial_rows(trials, list(space))
    closing = f"Overrides for cloudchamber train are in {BEST} beside this page; each trial is a run folder of its own."
    return write_rows(folder / "index.html", f"{study.title}: settings of {recipe.name}", verdict, facts, figures, "Trials", heads, rows, closing=closing)


def trial_rows(trials: Sequence[Trial], names: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a table of trials, complete ones first, the best one foremost."""
    order = ("complete", "pruned", "running", "failed")
    ranked = sorted(trials, key=lambda trial: (order.index(trial.state), trial.loss if math.isfinite(trial.loss) else math.inf, trial.number))
    rows = [
        [str(t.number), t.state, f"{t.loss:.5g}" if math.isfinite(t.loss) else "", *(word(t.settings[name]) if name in t.settings else "" for name in names)]
        for t in ranked
    ]
    return ["trial", "state", "validation loss", *names], rows


def word(value: Any) -> str:
    """A setting's value in a table."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def draw_trials(trials: Sequence[Trial], space: Space) -> Figure:
    """Loss against the trial's number with the best so far, and against each setting."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, NullFormatter

    from cloudchamber.train.space import Range

    shown = [trial for trial in trials if math.isfinite(trial.loss)]
    columns = min(len(space) + 1, 3)
    lines = math.ceil((len(space) + 1) / columns)
    figure = Figure(figsize=(3.6 * columns, 2.9 * lines), layout="constrained", label="Filled: complete trials; open: those stopped early, at their last loss.")
    panels = list(figure.subplots(lines, columns, squeeze=False, sharey=True).flat)
    for axes, name in zip(panels, ["trial", *space], strict=False):
        words = None if name == "trial" or isinstance(space[name], Range) else list(dict.fromkeys(word(value) for value in space[name].examples()))
        for state, face in (("complete", "C0"), ("pruned", "none")):
            mine = [trial for trial in shown if trial.state == state]
            values = [trial.number if name == "trial" else trial.settings[name] for trial in mine]
            places = [words.index(word(value)) for value in values] if words else values
            axes.scatter(places, [trial.loss for trial in mine], s=18, facecolors=face, edgecolors="C0")
        if words:
            axes.set_xticks(range(len(words)), words)
            axes.set_xlim(-0.5, len(words) - 0.5)
        elif name == "trial":
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        elif getattr(space[name], "log", False):
            axes.set_xscale("log")
            axes.set_xlim(0.8 * space[name].examples()[0], 1.25 * space[name].examples()[1])
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(name)
    complete = [trial for trial in shown if trial.state == "complete"]
    panels[0].step([t.number for t in complete], [min(u.loss for u in complete[: i + 1]) for i, t in enumerate(complete)], where="post", color="C1")
    panels[0].set_ylabel("validation loss")
    for axes in panels[len(space) + 1 :]:
        axes.set_visible(False)
    return figure
