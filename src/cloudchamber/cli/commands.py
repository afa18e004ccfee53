"""The commands: what each takes, and how it shows what came of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from cloudchamber import screen
from cloudchamber.cli.arguments import MaybeFloat, MaybeInt, MaybePath, MaybeText, Options, Out, ReadOptions, StudyName, Subject
from cloudchamber.cli.files import Convert, Export
from cloudchamber.cli.learning import Ensemble, Train, Tune, Upgrade
from cloudchamber.cli.streaming import Stream
from cloudchamber.parallel.cores import usable_cores


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
            screen.tell_json([dataclasses.asdict(study) for study in studies])
        else:
            screen.show_studies(studies)


@dataclass(frozen=True)
class Simulate:
    """Simulate events into an event store; after an interruption the same command makes what is missing.

    For example:
    $ cloudchamber simulate airshower data/train --n 20000 --settings.tables packaged
    $ cloudchamber simulate airshower --help  # with the flags of the simulator's own settings
    """

    study: StudyName
    """A study's name, see `cloudchamber list`."""
    out: Out
    """Folder of the event store."""
    n: MaybeInt = None
    """Number of events."""
    seed: int = 1
    """Same seed, same events, whatever the number of workers."""
    simulator: MaybeText = None
    """Name of the simulator; the study's first one by default."""
    workers: int = field(default_factory=usable_cores)
    """Processes; by default as many as this process may use cores."""
    executor: str = "processes"
    """Where: processes, dask (a local cluster), dask://HOST:PORT, or a YAML file for dask-jobqueue (see docs/scale.md)."""
    block_events: int = 1000
    """Events in one file of the store."""
    theta: MaybePath = None
    """A file of theta (one event each) in place of the prior, such as .csv with a column for each name."""
    read: ReadOptions = field(default_factory=dict)
    """What a file does not tell, by its format, such as --read.primary p; `cloudchamber convert STUDY --help` lists them."""
    partial: bool = False
    """Take a store of --theta that lacks blocks as it is."""

    def run(self) -> None:
        settings = dataclasses.asdict(self.settings) if hasattr(self, "settings") else None
        with screen.progress("simulating", "events") as told:
            from cloudchamber.workflow import simulate

            done = simulate(
                self.study,
                self.out,
                self.n,
                seed=self.seed,
                simulator=self.simulator,
                settings=settings,
                workers=self.workers,
                block_events=self.block_events,
                executor=self.executor,
                theta=self.theta,
                progress=told,
                partial=self.partial,
                read=self.read,
            )
        had = f", {done.events - done.new_events} were there" if done.new_events < done.events else ""
        screen.say(f"{done.new_events} events in {done.seconds:.1f} s ({done.rate:.3g} events/s){had}: {done.folder}")


@dataclass(frozen=True)
class Validate:
    """Compare a trained model with held-out truth: every check with its limit and the floor that truth reaches against truth, as an HTML report.

    For example:
    $ cloudchamber validate airshower                              # the packaged default, against truth simulated now
    $ cloudchamber validate runs/mine --data data/test --compare airshower/wgan
    $ cloudchamber validate airshower --file my_conex.root      # against showers of your own
    $ cloudchamber validate calorimeter --protocol calochallenge   # beside the checks, as the field compares
    $ cloudchamber validate bolometer --file tod.h5 --format stream  # windows of a stream of your own
    """

    subject: Subject
    """A study, study/recipe, or a run folder."""
    data: MaybePath = None
    """Event store of held-out truth; without it truth is simulated."""
    n: MaybeInt = None
    """Events to compare; as many more give the floor. By default as many as the study says decide."""
    file: MaybePath = None
    """A file of your own to compare with."""
    format: MaybeText = None
    """The file's format, where the suffix doesn't tell."""
    read: ReadOptions = field(default_factory=dict)
    """What a file does not tell, by its format, such as --read.primary p; `cloudchamber convert STUDY --help` lists them."""
    compare: Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")] = ()
    """Further runs for the same report."""
    out: MaybePath = None
    """Folder of the report; the run's own folder by default."""
    seed: int = 1
    """Seed of truth, answers and bootstrap."""
    workers: int = 1
    """Processes that simulate truth."""
    floor: MaybePath = None
    """A second event store at the theta of --data (simulate --theta), for a floor at the very same showers."""
    partial: bool = False
    """Take an event store that lacks blocks as it is."""
    protocol: MaybeText = None
    """A comparison that the field has agreed on, beside the checks; `cloudchamber list` shows a study's."""
    rate_hz: MaybeFloat = None
    """Samples a second of a stream of your own, where its file or store does not tell."""
    json: bool = False
    """Print one JSON object in place of the table."""

    def run(self) -> None:
        with screen.working("comparing with truth") as told:
            from cloudchamber.workflow import validate

            found = validate(
                self.subject,
                self.data,
                n=self.n,
                file=self.file,
                format=self.format,
                compare=self.compare,
                out=self.out,
                seed=self.seed,
                workers=self.workers,
                floor=self.floor,
                protocol=self.protocol,
                progress=told,
                partial=self.partial,
                read=self.read,
                rate_hz=self.rate_hz,
            )
        if self.json:
            screen.tell_json(found.to_json())
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
    n: MaybeInt = None
    """Number of events from the prior."""
    given: MaybePath = None
    """A file of the given columns, one event each, in place of --n."""
    read: ReadOptions = field(default_factory=dict)
    """What a file does not tell, by its format, such as --read.primary p; `cloudchamber convert STUDY --help` lists them."""
    out_format: MaybeText = None
    """The format to write, where the suffix doesn't tell."""
    seed: int = 1
    """Same seed, same events."""
    outside: Literal["refuse", "flag"] = "refuse"
    """Given values outside the trained domain: refuse them, or answer and mark them in a column in_domain."""
    workers: int = 1
    """Processes."""
    executor: str = "processes"
    """Where: processes, dask (a local cluster), dask://HOST:PORT, or a YAML file for dask-jobqueue (see docs/scale.md)."""
    partial: bool = False
    """Take an event store that lacks blocks as it is."""
    options: Options = field(default_factory=dict)
    """Sampling options of the model: name and value, such as: steps 8."""

    def run(self) -> None:
        with screen.progress("sampling", "events") as told:
            from cloudchamber.workflow import sample

            done = sample(
                self.subject,
                self.out,
                self.n,
                given=self.given,
                out_format=self.out_format,
                seed=self.seed,
                outside=self.outside,
                options=self.options,
                progress=told,
                partial=self.partial,
                read=self.read,
                workers=self.workers,
                executor=self.executor,
            )
        had = f", {done.events - done.new_events} were there" if done.new_events < done.events else ""
        screen.say(f"{done.new_events} events in {done.seconds:.1f} s ({done.rate:.3g} events/s){had}: {done.path}")


@dataclass(frozen=True)
class Infer:
    """Infer what was from what a detector saw: a trained model's answer for each event of a file, as a table and a page.

    OUT gets answers.csv (or .parquet, .h5: class probabilities, or mean, standard deviation, quantiles and number of peaks), index.html with figures, and
    findings.json.

    For example:
    $ cloudchamber infer runs/mine events.h5 --out found
    $ cloudchamber infer cosmic_ray_sky my_events.csv --out found --seed 2 --json
    """

    subject: Subject
    """A study, study/recipe, or a run folder."""
    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """Your events: a file by suffix, see `cloudchamber list` for formats, or an event store."""
    out: Path
    """Folder of the answers."""
    format: MaybeText = None
    """The file's format, where the suffix doesn't tell."""
    read: ReadOptions = field(default_factory=dict)
    """What a file does not tell, by its format, such as --read.primary p; `cloudchamber convert STUDY --help` lists them."""
    seed: int = 1
    """Seed of draws and of the study's own analysis."""
    outside: Literal["skip", "refuse", "flag"] = "skip"
    """Events outside the trained domain: answer the others and count them, refuse the file, or answer and mark them in a column in_domain."""
    draws: int = 100
    """Draws an event for mean, standard deviation, quantiles and peaks."""
    posterior: int = 0
    """Draws an event to write into posterior.h5."""
    workers: int = 1
    """Processes."""
    executor: str = "processes"
    """Where: processes, dask (a local cluster), dask://HOST:PORT, or a YAML file for dask-jobqueue (see docs/scale.md)."""
    partial: bool = False
    """Take an event store that lacks blocks as it is."""
    out_format: Literal["csv", "parquet", "hdf5"] = "csv"
    """Format of the table of answers."""
    json: bool = False
    """Print one JSON object in place of the facts."""

    def run(self) -> None:
        with screen.working("inferring, events done") as told:
            from cloudchamber.workflow import infer

            found = infer(
                self.subject,
                self.file,
                self.out,
                format=self.format,
                seed=self.seed,
                outside=self.outside,
                draws=self.draws,
                posterior=self.posterior,
                out_format=self.out_format,
                progress=told,
                partial=self.partial,
                read=self.read,
                workers=self.workers,
                executor=self.executor,
            )
        if self.json:
            screen.tell_json(found.to_json())
        else:
            screen.show_inference(found)


@dataclass(frozen=True)
class Demo:
    """A study end to end in minutes: truth against the packaged model and both speeds; or what it infers of a simulated event or a file's.

    For example:
    $ cloudchamber demo airshower
    $ cloudchamber demo cosmic_ray_sky --file events.csv --format auger
    """

    study: StudyName = "airshower"
    """A study with packaged weights."""
    file: MaybePath = None
    """Events to analyse, for a study that infers."""
    format: MaybeText = None
    """The file's format, where the suffix doesn't tell."""
    read: ReadOptions = field(default_factory=dict)
    """What a file does not tell, by its format, such as --read.primary p; `cloudchamber convert STUDY --help` lists them."""
    out: MaybePath = None
    """Folder of the report; reports/STUDY by default."""
    n: int = 1200
    """Events to compare; as many more give the floor."""
    samples: int = 10_000
    """Events to sample."""
    seed: int = 1
    """Seed of everything."""

    def run(self) -> None:
        with screen.working("loading") as told:
            from cloudchamber.workflow import demo
            from cloudchamber.workflow.inference import Inference

            done = demo(
                self.study,
                self.out,
                n=self.n,
                samples=self.samples,
                seed=self.seed,
                progress=told,
                file=self.file,
                format=self.format,
                read=self.read,
            )
        if isinstance(done, Inference):
            screen.show_inference(done)
            return
        screen.say(f"simulator:     {done.simulated_rate:10.3g} events/s ({done.simulated} events)")
        ratio = done.sampled_rate / done.simulated_rate
        screen.say(f"trained model: {done.sampled_rate:10.3g} events/s ({done.sampled} events), {ratio:.3g} times the simulator")
        screen.show_validation(done.validation)
        if done.streamed is not None:
            screen.show_streamed(done.streamed)


COMMANDS: dict[str, type[Any]] = {
    "list": List,
    "simulate": Simulate,
    "train": Train,
    "tune": Tune,
    "ensemble": Ensemble,
    "validate": Validate,
    "sample": Sample,
    "stream": Stream,
    "infer": Infer,
    "convert": Convert,
    "export": Export,
    "demo": Demo,
    "upgrade": Upgrade,
}
