"""The commands that learn, and what is done to runs: ``train``, ``tune``, ``ensemble`` and ``upgrade``."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from cloudchamber import screen
from cloudchamber.cli.arguments import Data, MaybeInt, MaybePath, MaybeText, Out, StudyName
from cloudchamber.progress import quiet
from cloudchamber.study import find_study

if TYPE_CHECKING:
    from cloudchamber.models.recipe import Recipe

RECIPE_PARTS = ("fit", "model", "target_codec", "given_codec", "watch")


@dataclass(frozen=True)
class Train:
    """Fit a recipe to an event store, into a run folder; after an interruption the same command goes on from the last epoch.

    For example:
    $ cloudchamber train airshower data/train runs/mine --recipe flow --fit.epochs 50
    $ cloudchamber train airshower --recipe flow --help  # with the flags of the recipe's own settings
    $ cloudchamber train airshower data/more runs/finer --start runs/mine --fit.epochs 10
    $ cloudchamber train airshower data/train runs/tuned --recipe flow --overrides tuned/best.json
    """

    study: StudyName
    """A study's name, see `cloudchamber list`."""
    data: Data
    """Folder of the event store."""
    out: Out
    """Run folder: weights, recipe, log, metrics."""
    recipe: MaybeText = None
    """Name of the recipe; the study's default one by default."""
    seed: int = 1
    """Seed of first weights, order of events and noise."""
    overrides: MaybePath = None
    """A JSON or TOML file of settings that win over the flags, such as best.json of `cloudchamber tune`."""
    n: MaybeInt = None
    """Events to use, drawn by the seed; all by default."""
    memory_gb: float = 4.0
    """Events that fill more are streamed from the store."""
    start: MaybeText = None
    """Continue from the weights and codecs of this run (study, study/recipe, or a run folder), on these events: fine-tuning."""
    teacher: MaybeText = None
    """A trained model (named likewise) for a recipe that learns from one."""
    partial: bool = False
    """Take an event store that lacks blocks as it is."""
    accelerator: str = "auto"
    """cpu, cuda, mps or auto."""
    devices: int = 1
    """Devices on each node."""
    strategy: str = "auto"
    """lightning-fabric's strategy, such as ddp."""
    nodes: int = 1
    """Nodes."""

    def run(self) -> None:
        from cloudchamber.train.fit import Hardware
        from cloudchamber.train.processes import rank
        from cloudchamber.workflow import train
        from cloudchamber.workflow.tuning import read_file

        overrides = read_file(self.overrides) if self.overrides else None
        recipe = recipe_of(self.study, self.recipe, self.start)
        recipe = dataclasses.replace(recipe, **{part: getattr(self, part) for part in RECIPE_PARTS if hasattr(self, part)})
        hardware = Hardware(self.accelerator, self.devices, self.strategy, self.nodes)
        # of several processes of one training the first one speaks
        speaks = rank() == 0
        with screen.progress("training", "epochs") if speaks else nullcontext(quiet) as told:
            done = train(
                self.study,
                self.data,
                self.out,
                recipe,
                seed=self.seed,
                overrides=overrides,
                hardware=hardware,
                n=self.n,
                memory_gb=self.memory_gb,
                progress=told,
                start=self.start,
                teacher=self.teacher,
                partial=self.partial,
            )
        if speaks:
            rate = done.epochs / done.seconds if done.seconds > 0 else 0.0
            screen.say(f"{done.epochs} epochs in {done.seconds:.1f} s ({rate:.3g} epochs/s): {done.folder}")
            screen.say(f"validation loss {done.validation_loss:.4g} in epoch {done.best_epoch}")
            if done.advice:
                screen.say(done.advice)
            screen.say(f"next: cloudchamber validate {done.folder}")


def recipe_of(study: str, name: str | None, start: str | None) -> Recipe:
    """The recipe that is named, else that of the run to start from, else the study's default one."""
    if name is None and start is not None:
        from cloudchamber.hub import load_network

        return load_network(start).recipe
    return find_study(study).recipe(name)


@dataclass(frozen=True)
class Tune:
    """Search a recipe's settings for the lowest validation loss; each trial is a training in OUT/trial-0000, OUT/trial-0001, ...

    After an interruption the same command goes on where it stopped. Started several times, also on machines that share OUT, it shares the work: --trials counts
    those of all. The search space is a JSON or TOML file of settings, named as train's flags are (without the dashes), each with values to try:
    {"model.hidden": {"choices": [64, 128]}, "fit.optimisers.learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}}

    For example:
    $ cloudchamber tune airshower data/train tuned --recipe flow --space space.json --trials 20 --fit.epochs 10
    $ cloudchamber tune airshower data/train tuned --recipe flow --space space.json --trials 200 --executor slurm.yaml
    $ cloudchamber train airshower data/train runs/tuned --recipe flow --overrides tuned/best.json  # the best settings, in full
    """

    study: StudyName
    """A study's name, see `cloudchamber list`."""
    data: Data
    """Folder of the event store."""
    out: Out
    """Folder of the trials, the storage, best.json and index.html."""
    recipe: MaybeText = None
    """Name of the recipe; the study's default one by default."""
    trials: int = 20
    """Trials in all, those of earlier and other processes included."""
    sampler: Literal["random", "tpe"] = "random"
    """random: each trial on its own; tpe: near the best ones so far."""
    storage: str = "journal"
    """What the processes share: journal or sqlite (a file in OUT), a path of a journal file, or a database's URL."""
    space: MaybePath = None
    """File of the settings to search; by default the study's own for the recipe, if it has one."""
    epochs: Annotated[int | None, tyro.conf.arg(name="fit.epochs", metavar="INT", help_behavior_hint="")] = None
    """Epochs of a trial; the recipe's by default."""
    seed: int = 1
    """Seed of the settings drawn, and of every trial's training."""
    prune: bool = True
    """Stop a trial that is worse than the median of earlier ones at the same epoch."""
    workers: int = 1
    """Processes; the trials do not depend on their number."""
    executor: str = "processes"
    """Where: processes, dask (a local cluster), dask://HOST:PORT, or a YAML file for dask-jobqueue (see docs/scale.md)."""
    n: MaybeInt = None
    """Events to use, drawn by the seed; all by default."""
    memory_gb: float = 4.0
    """Events that fill more are streamed from the store."""
    partial: bool = False
    """Take an event store that lacks blocks as it is."""
    accelerator: str = "auto"
    """cpu, cuda, mps or auto."""

    def run(self) -> None:
        with screen.progress("tuning", "trials") as told:
            from cloudchamber.train.fit import Hardware
            from cloudchamber.workflow import tune

            done = tune(
                self.study,
                self.data,
                self.out,
                self.recipe,
                trials=self.trials,
                sampler=self.sampler,
                storage=self.storage,
                space=self.space,
                epochs=self.epochs,
                seed=self.seed,
                prune=self.prune,
                hardware=Hardware(self.accelerator),
                n=self.n,
                memory_gb=self.memory_gb,
                progress=told,
                partial=self.partial,
                workers=self.workers,
                executor=self.executor,
            )
        screen.show_trials(done)
        screen.say(f"next: cloudchamber train {self.study} {self.data} RUN --recipe {done.recipe} --overrides {done.best_file}")


@dataclass(frozen=True)
class Ensemble:
    """Make one run of several: it answers with the mixture of what they say, where all of them may. The runs are copied into OUT.

    For example:
    $ cloudchamber ensemble runs/seed1 runs/seed2 runs/seed3 --out runs/three
    $ cloudchamber validate runs/three --data data/test --compare runs/seed1
    """

    runs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...", help_behavior_hint="(required)")]
    """Trained models with the same columns: study, study/recipe, or run folders."""
    out: Path
    """Run folder of the ensemble."""

    def run(self) -> None:
        with screen.working("reading the runs"):
            from cloudchamber.workflow import ensemble

            made = ensemble(self.runs, self.out)
        screen.say(f"{made.doc} ({made.parameters} parameters): {self.out}")
        screen.say(f"next: cloudchamber validate {self.out}")


@dataclass(frozen=True)
class Upgrade:
    """Bring run folders of earlier formats to today's: each gets a run.json, which knows every file of the run by its checksum.

    For example:
    $ cloudchamber upgrade runs/*
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")]
    """Run folders."""

    def run(self) -> None:
        from cloudchamber.workflow import upgrade

        for folder in self.runs:
            screen.say(f"{'upgraded' if upgrade(folder) else 'up to date'}: {folder}")
