"""The command line: it parses, calls the function of the same name in ``workflow``, and shows what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import tyro

from cloudchamber import screen
from cloudchamber.study import find_study, study_names

StudyName: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
Subject: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY|RUN")]
Data: TypeAlias = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
Out: TypeAlias = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]

INTRODUCTION = """Learned surrogates and inference for astroparticle physics.

An event is a pair (theta, x): what was, and what the detector saw. A study is one problem: simulators, recipes to learn from them, checks.

$ cloudchamber demo           # a trained model, its figures and its plots, in minutes
$ cloudchamber train --help   # each command explains itself
"""


@dataclass(frozen=True)
class List:
    """Show the studies: their columns, simulators, recipes, packaged weights and file formats.

    For example:
    $ cloudchamber list
    """

    json: bool = False
    """Print JSON."""

    def run(self) -> None:
        from cloudchamber.workflow import list_studies

        studies = list_studies()
        if self.json:
            print(json.dumps([dataclasses.asdict(study) for study in studies]))  # noqa: T201 (for programs, so not through rich)
        else:
            screen.show_studies(studies)


@dataclass(frozen=True)
class Simulate:
    """Simulate events into an event store; after an interruption the same command makes what is missing.

    For example:
    $ cloudchamber simulate airshower data/train --n 200000 --seed 1 --workers 8
    $ cloudchamber simulate airshower --help  # with the flags of the simulator's own settings
    """

    study: StudyName
    """A study's name, see `cloudchamber list`."""
    out: Out
    """Folder of the event store."""
    n: int | None = None
    """Number of events."""
    seed: int = 1
    """Same seed, same events, whatever the number of workers."""
    simulator: str | None = None
    """Name of the simulator; the study's first one by default."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes."""
    block_events: int = 1000
    """Events in one file of the store."""
    theta: Path | None = None
    """A file of theta (one event each) in place of the prior, such as .csv with a column for each name."""

    def run(self) -> None:
        from cloudchamber.workflow import simulate

        settings = dataclasses.asdict(self.settings) if hasattr(self, "settings") else None
        with screen.progress("simulating", "events") as told:
            done = simulate(
                self.study, self.out, self.n, self.seed, self.simulator, settings, self.workers, self.block_events, theta=self.theta, progress=told
            )
        had = f", {done.events - done.new_events} were there" if done.new_events < done.events else ""
        screen.say(f"{done.new_events} events in {done.seconds:.1f} s ({done.rate:.3g} per second){had}: {done.folder}")


@dataclass(frozen=True)
class Train:
    """Fit a recipe to an event store, into a run folder; after an interruption the same command goes on from the last epoch.

    For example:
    $ cloudchamber train airshower data/train runs/mine --recipe flow --fit.epochs 50
    $ cloudchamber train airshower --recipe flow --help  # with the flags of the recipe's own settings
    """

    study: StudyName
    """A study's name, see `cloudchamber list`."""
    data: Data
    """Folder of the event store."""
    out: Out
    """Run folder: weights, recipe, log, metrics."""
    recipe: str | None = None
    """Name of the recipe; the study's default one by default."""
    seed: int = 1
    """Seed of first weights, order of events and noise."""
    limit: int | None = None
    """Use the first so many events only."""
    memory_gb: float = 4.0
    """Events that fill more are streamed from the store."""
    accelerator: str = "auto"
    """cpu, cuda, mps or auto."""
    devices: int = 1
    """Devices on each node."""
    strategy: str = "auto"
    """lightning-fabric's strategy, such as ddp."""
    num_nodes: int = 1
    """Nodes."""

    def run(self) -> None:
        from cloudchamber.train.fit import Hardware
        from cloudchamber.workflow import train

        recipe = find_study(self.study).recipe(self.recipe)
        recipe = dataclasses.replace(recipe, **{part: getattr(self, part) for part in RECIPE_PARTS if hasattr(self, part)})
        hardware = Hardware(self.accelerator, self.devices, self.strategy, self.num_nodes)
        with screen.progress("training", "epochs") as told:
            done = train(
                self.study, self.data, self.out, recipe, self.seed, hardware=hardware, limit=self.limit, memory_gb=self.memory_gb, progress=told
            )
        screen.say(f"validation loss {done.validation_loss:.4g} in epoch {done.best_epoch} of {done.epochs}, {done.seconds:.0f} s: {done.folder}")
        screen.say(f"next: cloudchamber validate {done.folder}")


@dataclass(frozen=True)
class Validate:
    """Compare a trained model with held-out truth: every check with its limit and the floor that truth reaches against truth, as an HTML report.

    For example:
    $ cloudchamber validate airshower                              # the packaged default, against truth simulated now
    $ cloudchamber validate runs/mine --data data/test --compare airshower/wgan
    $ cloudchamber validate airshower --against my_conex.root      # against showers of your own
    """

    subject: Subject
    """A study, study/recipe, or a run folder."""
    data: Path | None = None
    """Event store of held-out truth; without it truth is simulated."""
    n: int = 2000
    """Events to compare; as many more give the floor."""
    against: Path | None = None
    """A file of your own to compare with."""
    format: str | None = None
    """That file's format, where its suffix doesn't tell."""
    compare: tuple[str, ...] = ()
    """Further runs for the same report."""
    out: Path | None = None
    """Folder of the report; the run's own folder by default."""
    seed: int = 1
    """Seed of truth, answers and bootstrap."""
    workers: int = 1
    """Processes that simulate truth."""
    floor: Path | None = None
    """A second event store at the theta of --data (simulate --theta), for a floor at the very same showers."""
    json: bool = False
    """Print one JSON object in place of the table."""

    def run(self) -> None:
        from cloudchamber.workflow import validate

        with screen.working("comparing with truth"):
            found = validate(self.subject, self.data, self.n, self.against, self.format, self.compare, self.out, self.seed, self.workers, self.floor)
        if self.json:
            print(json.dumps(found.to_json(), allow_nan=False))  # noqa: T201 (for programs, so not through rich)
        else:
            screen.show_validation(found)


@dataclass(frozen=True)
class Sample:
    """Draw events from a trained model, into a file or an event store (a name without suffix).

    For example:
    $ cloudchamber sample airshower showers.h5 --n 10000
    $ cloudchamber sample runs/mine showers.root --given theta.csv --seed 2
    $ cloudchamber sample airshower/matching showers.h5 --n 1000 --options steps 8
    """

    subject: Subject
    """A study, study/recipe, or a run folder."""
    out: Out
    """File by suffix, see `cloudchamber list` for formats; no suffix: an event store."""
    n: int | None = None
    """Number of events from the prior."""
    given: Path | None = None
    """A file of the given columns, one event each, in place of --n."""
    format: str | None = None
    """The format to write, where the suffix doesn't tell."""
    seed: int = 1
    """Same seed, same events."""
    outside: Literal["refuse", "flag"] = "refuse"
    """Given values outside the trained domain: refuse them, or answer and mark them in a column in_domain."""
    options: dict[str, int | float | str] = field(default_factory=dict)
    """Sampling options of the model: name and value, such as: steps 8."""

    def run(self) -> None:
        from cloudchamber.workflow import sample

        with screen.progress("sampling", "events") as told:
            done = sample(self.subject, self.out, self.n, self.given, self.format, self.seed, self.outside, self.options, told)
        screen.say(f"{done.events} events in {done.seconds:.2f} s ({done.rate:.3g} per second): {done.path}")


@dataclass(frozen=True)
class Convert:
    """Convert files of the field to an event store (a name without suffix) or to another format.

    For example:
    $ cloudchamber convert airshower conex_*.root --out data/conex
    $ cloudchamber convert airshower data/test --out test.parquet
    """

    study: StudyName
    """A study's name; `cloudchamber list` shows its formats."""
    source: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE...")]
    """Files or event stores."""
    out: Path
    """File by suffix; no suffix: an event store."""
    format_from: str | None = None
    """The sources' format, where the suffix doesn't tell."""
    format_to: str | None = None
    """The format to write, where the suffix doesn't tell."""

    def run(self) -> None:
        from cloudchamber.workflow import convert

        done = convert(self.study, self.source, self.out, self.format_from, self.format_to)
        screen.say(f"{done.events} events with {len(done.columns)} columns: {done.path}")
        if done.absent:
            screen.say(f"not in the source: {', '.join(done.absent)}")


@dataclass(frozen=True)
class Export:
    """Write a trained model as one file for other programs: physical columns and normal noise in, physical columns out.

    For example:
    $ cloudchamber export airshower airshower.onnx
    """

    subject: Subject
    """A study, study/recipe, or a run folder."""
    out: Out
    """The file to write."""
    kind: Literal["onnx", "torchscript"] = "onnx"
    """ONNX runs anywhere; TorchScript where a model has operations that ONNX lacks."""
    options: dict[str, int | float | str] = field(default_factory=dict)
    """Sampling options to freeze in: name and value, such as: steps 8."""

    def run(self) -> None:
        from cloudchamber.workflow import export

        screen.say(f"written: {export(self.subject, self.out, self.kind, self.options)}")


@dataclass(frozen=True)
class Demo:
    """A study end to end in minutes: simulate a little truth, sample the packaged model, compare the two, print both speeds.

    For example:
    $ cloudchamber demo airshower
    """

    study: StudyName = "airshower"
    """A study with packaged weights."""
    out: Path = Path("reports/demo")
    """Folder of the report."""
    events: int = 2400
    """Events to simulate."""
    samples: int = 10_000
    """Events to sample."""
    seed: int = 1
    """Seed of everything."""

    def run(self) -> None:
        from cloudchamber.workflow import demo

        with screen.working("loading") as status:
            done = demo(self.study, self.out, self.events, self.samples, self.seed, status.update)
        screen.show_validation(done.validation)
        screen.say(f"simulator:     {done.simulated_rate:10.3g} events per second ({done.simulated} events)")
        ratio = done.sampled_rate / done.simulated_rate
        screen.say(f"trained model: {done.sampled_rate:10.3g} events per second ({done.sampled} events), {ratio:.3g} times the simulator")
        screen.say(f"report: {done.validation.report}")


COMMANDS: dict[str, type[Any]] = {
    "list": List,
    "simulate": Simulate,
    "train": Train,
    "validate": Validate,
    "sample": Sample,
    "convert": Convert,
    "export": Export,
    "demo": Demo,
}
RECIPE_PARTS = ("fit", "model", "target_codec", "given_codec")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; an error becomes one line and exit code 2 (``--debug`` shows where it came from), an interruption code 130."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"] or ["--help"]
    try:
        commands: dict[str, Callable[..., Any]] = {name: _with_settings(command, words) if words[0] == name else command for name, command in COMMANDS.items()}
        tyro.extras.subcommand_cli_from_dict(commands, prog="cloudchamber", description=INTRODUCTION, args=words).run()
    except KeyboardInterrupt:
        screen.complain("interrupted: the same command goes on where a simulation or a training stopped")
        raise SystemExit(130) from None
    except BrokenPipeError:
        # the reader of stdout, such as `head`, has seen enough; Python must not flush what is left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (ValueError, TypeError, OSError, RuntimeError, ArithmeticError, ImportError) as error:
        if debug:
            raise
        screen.complain(str(error) or type(error).__name__)
        raise SystemExit(2) from None


def _with_settings(command: type[Any], words: Sequence[str]) -> type[Any]:
    """``train`` and ``simulate`` with the settings of the recipe or simulator that ``words`` name, as further flags with their defaults."""
    study = next((word for word in words[1:2] if word in study_names()), None)
    if study is None or command not in (Train, Simulate):
        return command
    if command is Train:
        recipe = find_study(study).recipe(_option(words, "--recipe"))
        settings: Mapping[str, Any] = {part: getattr(recipe, part) for part in RECIPE_PARTS}
    else:
        settings = {"settings": find_study(study).make_simulator(_option(words, "--simulator"))}
    settings = {name: value for name, value in settings.items() if dataclasses.is_dataclass(value)}
    parts = [(name, type(value), field(default_factory=partial(_same, value))) for name, value in settings.items()]
    extended = dataclasses.make_dataclass(command.__name__, parts, bases=(command,), frozen=True)
    extended.__doc__ = command.__doc__
    return extended


def _same(value: Any) -> Any:
    return value


def _option(words: Sequence[str], flag: str) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return None
