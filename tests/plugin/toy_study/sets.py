"""A second study outside of cloudchamber, of the inference direction: is there a burst of light among the hits of a detector, and when?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.schema import Column, Ragged, Schema, Table
from cloudchamber.study import Findings, Format, Study, at_once

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.validate.check import Check

WINDOW_US, WIDTH_US = 100.0, 2.0
SCHEMA = Schema(
    theta={"kind": Column(doc="noise alone, or a burst too", categories=("noise", "burst")), "burst_us": Column(unit="us", doc="time of the burst")},
    x={
        "time_us": Column(unit="us", doc="times of the hits", low=0.0, high=WINDOW_US, ragged=True),
        "charge_pe": Column(unit="pe", doc="charges of the hits", low=0.0, ragged=True),
    },
)


@dataclass(frozen=True)
class Hits:
    """Poisson noise above a threshold, uniform in time; a burst adds hits about its time."""

    noise_hits: float = 12.0
    burst_hits: float = 8.0
    threshold_pe: float = 0.3

    @property
    def schema(self) -> Schema:
        """The columns of theta and of x."""
        return SCHEMA

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """As many bursts as not; a random time for those without."""
        return {"kind": rng.integers(0, 2, n), "burst_us": rng.uniform(10, WINDOW_US - 10, n).astype(np.float32)}

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """x, one event for each event of theta."""
        times = []
        for kind, burst in zip(theta["kind"], theta["burst_us"], strict=True):
            noise = rng.uniform(0, WINDOW_US, 1 + rng.poisson(self.noise_hits))
            signal = rng.normal(burst, WIDTH_US, kind * rng.poisson(self.burst_hits))
            times.append(np.clip(rng.permutation(np.concatenate([noise, signal])), 0, WINDOW_US).astype(np.float32))
        joined = Ragged.from_list(times)
        charge = (self.threshold_pe + rng.exponential(1.0, len(joined.values))).astype(np.float32)
        return {"time_us": joined, "charge_pe": Ragged(charge, joined.offsets)}


def classes() -> Recipe:
    """Noise or burst, from the hits themselves."""
    from cloudchamber.models.heads import Categorical
    from cloudchamber.models.recipe import Fit, Optimiser, Recipe
    from cloudchamber.nn.codec import Columns
    from toy_study.sets_network import HitList, Pool

    return Recipe(
        name="classes",
        doc="noise or burst, from pairs of hits",
        target=("kind",),
        given=("time_us", "charge_pe"),
        target_codec=Columns(),
        given_codec=HitList(),
        model=Categorical(hidden=16, layers=0, body=Pool(width=16)),
        fit=Fit(epochs=12, batch_size=64, optimisers={"": Optimiser(learning_rate=1e-2)}),
        search=space(),
    )


def time() -> Recipe:
    """When a burst would have been, from a histogram of the hits."""
    from dataclasses import replace

    from cloudchamber.models.heads import Gaussian
    from toy_study.sets_network import Histogram

    return replace(
        classes(),
        name="time",
        doc="time of the burst, from a histogram",
        target=("burst_us",),
        given_codec=Histogram(),
        model=Gaussian(hidden=16, layers=1),
        search={},
    )


def space() -> Mapping[str, Any]:
    """What to try for ``classes``."""
    return {"model.body.width": {"choices": [4, 8]}, "fit.optimisers.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}


def checks() -> Sequence[Check]:
    """The share of bursts, and the mean time."""
    from cloudchamber.validate.check import Check

    def share(truth: Table, answer: Table) -> float:
        return float(abs(np.mean(answer["kind"]) - np.mean(truth["kind"])))

    def mean_time(truth: Table, answer: Table) -> float:
        return float(abs(np.mean(answer["burst_us"]) - np.mean(truth["burst_us"])))

    return [
        Check("share of bursts", "draws of the class must be as frequent as the class", share, limit=0.3),
        Check("mean time of bursts", "and their times about the same", mean_time, limit=30.0, unit="us"),
    ]


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """How many hits the events have."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    for name, table in {"truth": truth, **answers}.items():
        axes.hist(np.diff(table["time_us"].offsets), 20, histtype="step", label=name)
    axes.set_xlabel("hits")
    axes.legend()
    return {"hits": figure}


class Hitting:
    """The number of hits of each event, and their times."""

    def __init__(self, model: TrainedModel, seed: int) -> None:
        self.hits, self.counts = 0, np.zeros(25)

    def look(self, answer: Answer) -> Table:
        """The number of hits of each event."""
        times = answer.events["time_us"]
        self.hits += len(times.values)
        self.counts += np.histogram(times.values, np.linspace(0, WINDOW_US, 26))[0]
        return {"hits": np.diff(times.offsets)}

    def findings(self) -> Findings:
        """All hits, and when they came."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5, 3))
        figure.subplots().stairs(self.counts, np.linspace(0, WINDOW_US, 26))
        figure.set_label("all events together")
        return Findings({"hits": self.hits}, {"times": figure})


def read_hits(path: Path) -> Table:
    """One event a line: a JSON list of times and one of charges."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return {name: Ragged.from_list([np.array(event[i], np.float32) for event in events]) for i, name in enumerate(("time_us", "charge_pe"))}


def write_hits(path: Path, table: Table) -> None:
    """What ``read_hits`` reads."""
    lines = [json.dumps([time.tolist(), charge.tolist()]) for time, charge in zip(table["time_us"], table["charge_pe"], strict=True)]
    path.write_text("\n".join(lines) + "\n")


STUDY = Study(
    name="toy_sets",
    title="Bursts of light",
    simulators={"hits": Hits},
    recipes={"classes": classes, "time": time},
    default_recipe="classes",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
    formats=(Format("hits", (".hits",), read_hits, at_once(write_hits), "times and charges of an event as JSON, one event a line"),),
    infer=Hitting,
)
