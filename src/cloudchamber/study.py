"""What a problem is made of: simulators, recipes, checks, plots and file formats, in one frozen value."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from cloudchamber.jsonable import from_json, to_json
from cloudchamber.meant import meant
from cloudchamber.schema import Column, Schema, Table, check_table, whole
from cloudchamber.stream import Stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.validate.check import Check, CheckResult

BUILT_IN = ("airshower", "bolometer", "calorimeter", "cosmic_ray_sky", "galactic_centre", "surface_array")
ENTRY_POINTS = "cloudchamber.studies"
OWN = "own"
"""The study of runs made from a user's own arrays: each has its own columns, so that it is found by a run only."""
STREAM_SETTINGS = ("block_events", "theta_digest")
STORE_SETTINGS = (*STREAM_SETTINGS, "drawn")
"""What a store notes beside the simulator's own settings."""


class Simulator(Protocol):
    """The slow truth: a frozen dataclass of settings with a schema, a prior and a vectorised ``simulate``."""

    @property
    def schema(self) -> Schema:
        """The columns of theta and of x."""
        ...

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta."""
        ...

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one event for each event of ``theta``."""
        ...


@runtime_checkable
class JointSimulator(Protocol):
    """A simulator whose prior has to simulate, as one that keeps what triggers: it draws both at once."""

    def joint(self, n: int, rng: np.random.Generator) -> tuple[Table, Table]:
        """Draw ``n`` events' theta and x, of the same law as ``simulate`` of ``prior``."""
        ...


@runtime_checkable
class ReadySimulator(Protocol):
    """A simulator that rests on a file of the user's."""

    def ready(self) -> None:
        """Read it; ValueError for what is none, before a folder is made for events."""
        ...


@runtime_checkable
class LimitedSimulator(Protocol):
    """A simulator that cannot make all theta that may exist: it tells before anything is simulated."""

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; NotSimulableError for the first value that the simulator cannot make (``simulable``)."""
        ...


class Reader(Protocol):
    """Reads a file of somebody's own format: theta and x columns (as many of the schema as the file holds), at once or as an iterator of chunks.

    Keyword-only parameters are options, ``--read.NAME VALUE``: annotate each with a type and words, such as ``Annotated[float | None, "height / m"]``.
    """

    def __call__(self, path: Path) -> Table | Iterator[Table]: ...


class Writer(Protocol):
    """Writes chunks of theta and x columns to a file of somebody's own format, one after the other."""

    def __call__(self, path: Path, tables: Iterable[Table]) -> None: ...


def referring(package: str) -> Callable[[str], Callable[..., Any]]:
    """Gives a function by its place in the package, such as "recipes:flow"; its module is imported when it is first called, so that a study needs no torch."""

    def refer(place: str) -> Callable[..., Any]:
        module, _, name = place.partition(":")

        def call(*arguments: Any, **options: Any) -> Any:
            return getattr(importlib.import_module(f"{package}.{module}"), name)(*arguments, **options)

        call.__name__ = name
        return call

    return refer


def at_once(write: Callable[[Path, Table], None]) -> Writer:
    """A writer that needs all events in one table."""
    return lambda path, tables: write(path, whole(tables))


@dataclass(frozen=True)
class Format:
    """A file format of a study's field: how to recognise it by its suffix, read it and write it."""

    name: str
    suffixes: tuple[str, ...]
    read: Reader | None = None
    write: Writer | None = None
    doc: str = ""


PlotFunction = Callable[[Table, Mapping[str, Table]], "dict[str, Figure]"]
"""Takes the truth and the named answers (tables of theta and x); gives named figures."""


@dataclass(frozen=True)
class Findings:
    """What a study tells of a user's events beside the model's answers: facts, and figures for the page."""

    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)


class Finder(Protocol):
    """A study's own analysis of a user's events, which come with their answers, chunk after chunk.

    Where it has ``columns``, units and meanings of what it tells by name, the table of answers states them.
    """

    def look(self, answer: Answer) -> Table:
        """Further columns beside the answers, one entry for each of ``answer.events`` (all columns of the schema that the file held)."""
        ...

    def findings(self) -> Findings:
        """What there is to tell of all events."""
        ...


InferFunction = Callable[["TrainedModel", int], Finder]
"""Takes a trained model and a seed."""


ProtocolFunction = Callable[[Table, Mapping[str, Table], Table, int, Callable[[str], None]], "Mapping[str, Sequence[CheckResult]]"]
"""Takes the truth, the named answers, a second truth of the same size for the floor, a seed, and what to tell how far it is; gives results for each answer."""


ENOUGH = 2000
"""Events that a report compares where a study says nothing else."""


@dataclass(frozen=True)
class Study:
    """One problem. The first simulator is the default; ``peers`` name the simulators that a report compares with the answer.

    The first recipe is the default without a ``default_recipe``. Without ``checks`` or ``plots`` a report has those that fit any study (validate/defaults.py,
    report/defaults.py). ``folder`` is that of its package, with packaged weights; a study of a script or notebook has none.
    ``quick`` are settings with which the default simulator starts at once, for demonstrations and tests. ``infer`` adds the study's own findings to what a
    model infers from a user's events. ``schema_of`` gives the schema of
    a file's table whose columns have other shapes than the default simulator's, as those of another detector, and None where that schema fits.
    ``protocols`` are comparisons that the field has agreed on, made by name beside the checks. ``streams`` are endless x by
    name, the first one the default. ``enough`` events, of each simulator where numbers differ, decide what a report says of
    a good answer, as far as the simulator makes them in minutes: that many are compared unless another number is asked for.
    """

    name: str
    title: str
    simulators: Mapping[str, Callable[..., Simulator]]
    recipes: Mapping[str, Callable[[], Recipe]]
    default_recipe: str = ""
    checks: Callable[[], Sequence[Check]] | None = None
    plots: PlotFunction | None = None
    folder: Path | None = None
    peers: tuple[str, ...] = ()
    formats: tuple[Format, ...] = ()
    quick: Mapping[str, Any] = field(default_factory=dict)
    infer: InferFunction | None = None
    schema_of: Callable[[Table], Schema | None] | None = None
    protocols: Mapping[str, ProtocolFunction] = field(default_factory=dict)
    streams: Mapping[str, Callable[..., Stream]] = field(default_factory=dict)
    enough: int | Mapping[str, int] = ENOUGH

    def __post_init__(self) -> None:
        if not self.default_recipe:
            object.__setattr__(self, "default_recipe", next(iter(self.recipes), ""))

    @property
    def simulator(self) -> Simulator:
        """The default simulator with its default settings."""
        return next(iter(self.simulators.values()))()

    @property
    def columns(self) -> Schema:
        """The columns of all simulators; of one that several have the first one's."""
        theta, x = dict[str, Column](), dict[str, Column]()
        for make in self.simulators.values():
            schema = make().schema
            theta |= {name: column for name, column in schema.theta.items() if name not in theta and name not in x}
            x |= {name: column for name, column in schema.x.items() if name not in theta and name not in x}
        return Schema(theta, x)

    def enough_of(self, simulators: Iterable[str]) -> int:
        """How many events are compared of a run that learned from these."""
        return self.enough if isinstance(self.enough, int) else max((self.enough.get(name, ENOUGH) for name in simulators), default=ENOUGH)

    @property
    def pretrained(self) -> Path | None:
        """The folder of packaged runs, one a recipe; None for a study without a package."""
        return None if self.folder is None else self.folder / "pretrained"

    def recipe(self, name: str | None = None) -> Recipe:
        """A recipe by name, the default one without a name."""
        return _pick("recipe", self.recipes, name or self.default_recipe)()

    def make_simulator(self, name: str | None = None, **settings: Any) -> Simulator:
        """A simulator by name with these settings, the default one without a name."""
        return _pick("simulator", self.simulators, name or next(iter(self.simulators)))(**settings)

    def make_stream(self, name: str | None = None) -> Stream:
        """A stream by name with its default settings, the default one without a name; ValueError where the study offers none."""
        if not self.streams:
            raise ValueError(f"the study '{self.name}' offers no stream; `cloudchamber list` shows those that do")
        return _pick("stream", self.streams, name or next(iter(self.streams)))()

    def format(self, name: str) -> Format:
        """A file format by name."""
        return _pick("format", {f.name: f for f in self.formats}, name)

    def protocol(self, name: str) -> ProtocolFunction:
        """A protocol of validation by name."""
        return _pick("protocol", self.protocols, name)

    def schema_for(self, table: Table) -> Schema:
        """The schema that a file's table follows: the default simulator's, unless the study knows another for it."""
        own = self.schema_of(table) if self.schema_of else None
        return own or self.simulator.schema


_REGISTERED: dict[str, Study] = {}


def _pick(kind: str, choices: Mapping[str, Any], name: str) -> Any:
    if name not in choices:
        hint = meant(name, choices)
        raise ValueError(f"unknown {kind} '{name}'{hint}; there are: {', '.join(choices) or 'none'}")
    return choices[name]


def study_names() -> tuple[str, ...]:
    """The built-in studies, those that other installed packages register under ``cloudchamber.studies``, then those that this process registered."""
    outside = sorted(point.name for point in entry_points(group=ENTRY_POINTS))
    return tuple(dict.fromkeys((*BUILT_IN, *outside, *_REGISTERED)))


def find_study(name: str) -> Study:
    """A study by name; ValueError lists what there is."""
    if name in BUILT_IN:
        return importlib.import_module(f"cloudchamber.studies.{name}").STUDY
    if name in _REGISTERED:
        return _REGISTERED[name]
    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in points:
        study = points[name].load()
        if not isinstance(study, Study):
            raise TypeError(f"the entry point '{name}' of {points[name].value} is {type(study).__name__}, not a cloudchamber Study: mend that package")
        return study
    return _pick("study", dict.fromkeys(study_names()), name)


class NotSimulableError(ValueError):
    """Theta that may exist, and that a simulator cannot make."""


def simulable(
    theta: Table, columns: Mapping[str, Column], ranges: Mapping[str, tuple[float, float]], classes: Mapping[str, Sequence[str]] | None = None
) -> Table:
    """Theta in its dtypes; ValueError names the first value that is none, NotSimulableError one that a simulator of these ``ranges`` cannot make.

    ``classes`` are the categories that it can make.
    """
    checked = check_table(theta, columns)
    for name, made in (classes or {}).items():
        known = columns[name].categories
        strange = np.flatnonzero(~np.isin(checked[name], [known.index(each) for each in made]))
        if len(strange):
            raise NotSimulableError(
                f"column '{name}': '{known[checked[name][strange[0]]]}' in event {strange[0]} is none of this simulator's: {', '.join(made)}"
            )
    for name, (low, high) in ranges.items():
        try:
            replace(columns[name], low=low, high=high).check_values(name, checked[name], None)
        except ValueError as error:
            raise NotSimulableError(f"{error} of this simulator") from None
    return checked


def register(study: Study) -> Study:
    """Make a study known by its name in this process, as if it were installed, and give it back; of two of one name the later one counts.

    ValueError for the name of a built-in or installed study.
    """
    if not isinstance(study, Study):
        raise TypeError(f"register takes a cloudchamber Study, not {type(study).__name__}")
    if not re.fullmatch(r"\w[\w.-]*", study.name) or study.name == OWN:
        raise ValueError(f"a study cannot be called '{study.name}': give it a name of letters, digits, '_', '-' and '.', other than '{OWN}'")
    if study.name in BUILT_IN or entry_points(group=ENTRY_POINTS, name=study.name):
        raise ValueError(f"there is a study '{study.name}' already, {'built in' if study.name in BUILT_IN else 'installed'}: give yours another name")
    _REGISTERED[study.name] = study
    return study


def registered() -> dict[str, Study]:
    """The studies that this process registered, by name."""
    return dict(_REGISTERED)


def restore(studies: Mapping[str, Study]) -> None:
    """Have these registered, and no others."""
    _REGISTERED.clear()
    _REGISTERED.update(studies)


def make_simulator(study: Study, name: str | None = None, settings: Mapping[str, Any] | None = None) -> Simulator:
    """A study's simulator with these settings over its defaults; ValueError for a setting it does not have."""
    return _with_settings("simulator", study.make_simulator(name), settings)


def make_stream(study: Study, name: str | None = None, settings: Mapping[str, Any] | None = None) -> Stream:
    """A study's stream with these settings over its defaults; ValueError for a setting it does not have."""
    return _with_settings("stream", study.make_stream(name), settings)


def _with_settings(kind: str, model: Any, settings: Mapping[str, Any] | None) -> Any:
    if not settings:
        return model
    known: list[str] = [f.name for f in fields(model)] if is_dataclass(model) else []
    unknown = [key for key in settings if key not in known]
    if unknown:
        raise ValueError(f"the {kind} has no setting '{unknown[0]}'; it has: {', '.join(known) or 'none'}")
    return from_json(type(model), {**simulator_settings(model), **settings}, "settings")


def simulator_settings(simulator: Simulator | Stream) -> dict[str, Any]:
    """The settings of a simulator, or of a stream, ready for JSON."""
    return {key: value for key, value in to_json(simulator).items() if key != "kind"}
