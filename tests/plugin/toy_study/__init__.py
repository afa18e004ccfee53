"""A study outside of cloudchamber: the time and the light of a stopped particle's decay, given its lifetime and kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from cloudchamber.schema import Column, Schema, Table
from cloudchamber.study import Format, Study, at_once, simulable
from toy_study.stream import Lights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.validate.check import Check, CheckResult

KINDS = ("muon", "pion")
SCHEMA = Schema(
    theta={
        "lifetime_us": Column(unit="us", doc="mean lifetime", low=0.0),
        "kind": Column(doc="stopped particle", dtype="int64", categories=KINDS),
    },
    x={
        "decay_time_us": Column(unit="us", doc="time from stop to decay", low=0.0),
        "light": Column(shape=(3,), unit="pe", doc="light in three tubes", low=0.0),
    },
)

SIMULATED = {"lifetime_us": (0.2, 20.0)}


@dataclass(frozen=True)
class Decay:
    """Exponential decay times; the tubes share light with the decay's energy, a pion gives twice a muon's."""

    lifetime_low_us: float = 1.0
    lifetime_high_us: float = 4.0
    light_pe: float = 40.0

    def __post_init__(self) -> None:
        if not 0 < self.lifetime_low_us < self.lifetime_high_us < np.inf:
            raise ValueError(f"lifetimes must rise from above 0, got {self.lifetime_low_us} to {self.lifetime_high_us} us")

    @property
    def schema(self) -> Schema:
        """The columns of theta and of x."""
        return SCHEMA

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Log-uniform lifetimes, as many muons as pions."""
        lifetime = np.exp(rng.uniform(np.log(self.lifetime_low_us), np.log(self.lifetime_high_us), n))
        return {"lifetime_us": lifetime.astype(np.float32), "kind": rng.integers(0, 2, n)}

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that cannot be simulated."""
        return simulable(theta, self.schema.theta, SIMULATED)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """x, one event for each event of theta."""
        theta = self.check(theta)
        n = len(theta["kind"])
        time = rng.exponential(1.0, n) * theta["lifetime_us"]
        share = np.exp(0.2 * rng.standard_normal((n, 1)) + 0.1 * rng.standard_normal((n, 3)))
        light = self.light_pe * (1 + theta["kind"])[:, None] * np.array([0.5, 0.3, 0.2]) * share
        return {"decay_time_us": time.astype(np.float32), "light": light.astype(np.float32)}


def flow() -> Recipe:
    """A small neural spline flow."""
    from cloudchamber.models.flow import Flow
    from cloudchamber.models.recipe import Fit, Optimiser, Recipe
    from cloudchamber.nn.codec import Columns

    return Recipe(
        name="flow",
        doc="a small neural spline flow",
        target=("decay_time_us", "light"),
        given=("lifetime_us", "kind"),
        target_codec=Columns(transforms={"decay_time_us": "log", "light": "log"}),
        given_codec=Columns(transforms={"lifetime_us": "log"}),
        model=Flow(transforms=2, hidden=24),
        fit=Fit(epochs=20, batch_size=128, optimisers={"": Optimiser(learning_rate=5e-3)}),
    )


def matching() -> Recipe:
    """A small flow matching network."""
    from dataclasses import replace

    from cloudchamber.models.matching import Matching

    return replace(flow(), name="matching", doc="a small flow matching network", model=Matching(hidden=24, layers=2))


def checks() -> Sequence[Check]:
    """Mean decay time, mean light and the tubes' correlation."""
    from cloudchamber.validate.check import Check

    def mean_time(truth: Table, answer: Table) -> float:
        return float(abs(np.mean(answer["decay_time_us"]) - np.mean(truth["decay_time_us"])) / np.mean(truth["decay_time_us"]))

    def mean_light(truth: Table, answer: Table) -> float:
        return float(abs(np.mean(answer["light"]) - np.mean(truth["light"])) / np.mean(truth["light"]))

    def light_correlation(truth: Table, answer: Table) -> float:
        first, second = (np.corrcoef(np.log(table["light"] + 1e-3).T)[0, 1] for table in (truth, answer))
        return float(abs(first - second))

    return [
        Check("mean decay time", "the lifetime is what is measured", mean_time, limit=0.2, unit="relative"),
        Check("mean light", "it gives the energy", mean_light, limit=0.2, unit="relative"),
        Check("light correlation", "tubes see one decay", light_correlation, limit=0.5),
    ]


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Decay times of the truth and of every answer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    edges = np.linspace(0, 15, 31)
    for name, table in {"truth": truth, **answers}.items():
        axes.hist(table["decay_time_us"], edges, histtype="step", density=True, label=name)
    axes.set_xlabel("decay time / us")
    axes.legend()
    return {"decay times": figure}


def quarters(truth: Table, answers: Mapping[str, Table], second_truth: Table, seed: int, told: Callable[[str], None]) -> dict[str, list[CheckResult]]:
    """What this field would agree on: the quartiles of the decay time, in microseconds, at most half a microsecond apart."""
    from cloudchamber.validate.check import CheckResult

    def distance(table: Table) -> float:
        return float(np.max(np.abs(np.subtract(*(np.quantile(each["decay_time_us"], (0.25, 0.5, 0.75)) for each in (truth, table))))))

    told("quartiles")
    floor, why = distance(second_truth), "three numbers that anyone can compare"
    found = {name: distance(table) for name, table in answers.items()}
    return {name: [CheckResult("quartiles", "", value, float("nan"), floor, 0.5, value <= 0.5, "us", why)] for name, value in found.items()}


def more_tubes(table: Table) -> Schema | None:
    """The schema of a detector with another number of tubes."""
    if "light" not in table or np.shape(table["light"])[1:] == (3,):
        return None
    return replace(SCHEMA, x=SCHEMA.x | {"light": replace(SCHEMA.x["light"], shape=np.shape(table["light"])[1:])})


def read_times(
    path: Path,
    *,
    kind: Annotated[str | Sequence[str] | None, "what stopped, one for all or one a line: muon, pion"] = None,
    light: Annotated[Path | None, "the file of the light, a number for each tube a line"] = None,
) -> Table:
    """Lifetime and decay time, two numbers a line."""
    numbers = np.loadtxt(path, ndmin=2, dtype=np.float32)
    table = {"lifetime_us": numbers[:, 0], "decay_time_us": numbers[:, 1]}
    if kind is not None:
        table["kind"] = SCHEMA.theta["kind"].codes("kind", np.full(len(numbers), kind))
    if light is not None:
        if not light.is_file():
            raise ValueError(f"--read.light: there is no file '{light}'")
        table["light"] = np.loadtxt(light, ndmin=2, dtype=np.float32)
    return table


def write_times(path: Path, table: Table) -> None:
    """What ``read_times`` reads."""
    np.savetxt(path, np.stack([table["lifetime_us"], table["decay_time_us"]], axis=1), fmt="%.9g")


STUDY = Study(
    name="toy",
    title="Decay of stopped particles",
    simulators={"decay": Decay, "peer": Decay},
    recipes={"flow": flow, "matching": matching},
    default_recipe="flow",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
    peers=("peer",),
    formats=(Format("times", (".times",), read_times, at_once(write_times), "lifetime and decay time, two numbers a line"),),
    schema_of=more_tubes,
    protocols={"quarters": quarters},
    streams={"lights": Lights},
)
