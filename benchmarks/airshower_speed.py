"""How fast showers come: hybrid simulator, parametrised simulator, packaged surrogates; and what solver steps cost the neural ODE in quality.

$ python benchmarks/airshower_speed.py --markdown speed.md --figure solver_steps.svg

One run on one core: rates are showers a second of processor time, so that other work on the machine does not count. The surrogates' time is that of
``TrainedModel.sample``, from physical units to physical units.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table as Grid
from threadpoolctl import threadpool_limits

from cloudchamber.hub import load, packaged_recipes
from cloudchamber.rng import rng
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Table, take
from cloudchamber.screen import working
from cloudchamber.statistics.distances import energy_distance, wasserstein
from cloudchamber.statistics.features import scaled
from cloudchamber.studies.airshower import STUDY
from cloudchamber.studies.airshower.groups import primary_energy_bins
from cloudchamber.studies.airshower.observables import scalars
from cloudchamber.workflow.simulation import live_events

STEPS = (1, 2, 4, 8, 16, 32)
FEWEST = 20
"""Showers in a bin of primary and energy that is compared."""
FIRST_SHOWER = """
import cloudchamber as cc
model = cc.load("airshower")
model.sample({"primary": ["p"], "lg_energy_ev": [18.0], "zenith_deg": [45.0], "azimuth_deg": [0.0]}, seed=1)
"""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    hybrid: int = 640
    """Showers of the hybrid simulator to time."""
    samples: int = 40_000
    """Showers of each other to time."""
    truth: int = 6000
    """Simulated showers that the quality against solver steps needs, half of them for the floor; 0 leaves that out."""
    workers: int = 1
    """Processes that simulate this truth."""
    tables: str = "cached"
    """The hybrid's table: cached, packaged or a file."""
    tolerance: float = 1e-3
    """Of the adaptive solver."""
    seed: int = 1
    """Same seed, same showers."""
    markdown: Path | None = None
    """Write the tables there too."""
    figure: Path | None = None
    """Write quality and speed against solver steps there."""


class Quality(NamedTuple):
    """Of one setting of the solver: showers a second, mean W1 of Xmax [g/cm2] over primaries and energies, energy distance of the observables."""

    solver: str
    rate: float
    xmax: float
    energy: float


def rate_of(call: Callable[[], object], n: int) -> float:
    """Events per second of processor time, the best of three calls."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return n / min(seconds)


def given_to(model: TrainedModel, theta: Table) -> Table:
    """The columns that the model asks for."""
    return {name: theta[name] for name in model.recipe.given}


def rates(options: Options) -> dict[str, float]:
    """Showers per second and core of every simulator and packaged recipe."""
    hybrid = STUDY.make_simulator("hybrid", tables=options.tables)
    # flagged, not refused: the last event of a prior may lie past the outermost trained one
    few, many = hybrid.prior(options.hybrid, rng(options.seed, "few")), hybrid.prior(options.samples, rng(options.seed, "many"))
    hybrid.simulate(take(few, slice(0, 64)), rng(options.seed))
    found = {"hybrid simulator": rate_of(lambda: hybrid.simulate(few, rng(options.seed)), options.hybrid)}
    for name in STUDY.simulators:
        if name != "hybrid":
            other = STUDY.make_simulator(name)
            other.simulate(take(many, slice(0, 256)), rng(options.seed))
            found[f"{name} simulator"] = rate_of(lambda other=other: other.simulate(many, rng(options.seed)), options.samples)
    for recipe in packaged_recipes(STUDY):
        model = load(f"{STUDY.name}/{recipe}")
        given = given_to(model, many)
        model.sample(take(given, slice(0, 256)), options.seed, outside="flag")
        found[recipe + (" (default)" if recipe == STUDY.default_recipe else "")] = rate_of(
            lambda model=model, given=given: model.sample(given, options.seed, outside="flag"), options.samples
        )
    return found


def first_shower_seconds() -> float:
    """From the start of Python to the first shower of the packaged default, the median of three starts; wall-clock."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", FIRST_SHOWER], check=True)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def xmax_distance(truth: Table, answer: Table) -> float:
    """W1 of Xmax in g/cm2, averaged over the bins of primary and energy."""
    return float(np.mean([wasserstein(truth["xmax_g_cm2"][mask], answer["xmax_g_cm2"][mask]) for mask in filled_bins(truth)]))


def filled_bins(theta: Table) -> list[np.ndarray]:
    """The bins of primary and energy with enough showers; SystemExit where there is none."""
    masks = [mask for mask in primary_energy_bins(theta).values() if mask.sum() >= FEWEST]
    if not masks:
        raise SystemExit(f"no bin of primary and energy holds {FEWEST} of {len(theta['primary'])} showers: raise --truth")
    return masks


def observables_distance(truth: Table, answer: Table) -> float:
    """Energy distance of the observables, each in standard deviations of the truth."""
    return energy_distance(*scaled(scalars(truth), scalars(answer)))


def solver_quality(options: Options) -> tuple[list[Quality], Quality]:
    """Of ``matching`` at each number of steps and at the tolerance; then the floor, simulator against simulator."""
    hybrid, half = STUDY.make_simulator("hybrid", tables=options.tables), options.truth // 2
    theta = hybrid.prior(half, rng(options.seed, "solver"))
    truth, second = (live_events(hybrid, half, options.seed, options.workers, theta, purpose) for purpose in ("truth", "second truth"))
    model = load(f"{STUDY.name}/matching")
    given = given_to(model, theta)
    found = []
    settings: list[tuple[str, dict[str, float]]] = [(f"{steps} step{'s' * (steps > 1)}", {"steps": steps}) for steps in STEPS]
    for name, solver in [*settings, (f"tolerance {options.tolerance:g}", {"tolerance": options.tolerance})]:
        rate = rate_of(lambda solver=solver: model.sample(given, options.seed, outside="flag", **solver), half)
        answer = {**theta, **model.sample(given, options.seed, outside="flag", **solver)}
        found.append(Quality(name, rate, xmax_distance(truth, answer), observables_distance(truth, answer)))
    return found, Quality("simulator against simulator", float("nan"), xmax_distance(truth, second), observables_distance(truth, second))


def show(title: str, heads: list[str], lines: list[list[str]]) -> str:
    """Print a table; returns it in markdown."""
    grid = Grid(title=title, title_justify="left")
    for number, head in enumerate(heads):
        grid.add_column(head, justify="right" if number else "left")
    for line in lines:
        grid.add_row(*line)
    console = Console()
    # into a file, too, nothing is cut
    console.print(grid, width=max(console.width, 120))
    marks = "|".join(["--:" if number else ":--" for number in range(len(heads))])
    return "\n".join([title, "", f"| {' | '.join(heads)} |", f"|{marks}|", *(f"| {' | '.join(line)} |" for line in lines), ""])


def main(options: Options) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    if options.truth:
        # before anything is timed
        filled_bins(STUDY.make_simulator("parametrised").prior(options.truth // 2, rng(options.seed, "solver")))
    packaged, parts = packaged_recipes(STUDY), []
    with threadpool_limits(1):
        with working("timing simulators and surrogates"):
            found = rates(options)
        base = found["hybrid simulator"]
        lines = [[name, f"{rate:,.0f}", f"{rate / base:,.3g}"] for name, rate in found.items()]
        parts.append(show("Showers a second, one core", ["what", "showers/s", "ratio to the hybrid"], lines))
        if STUDY.default_recipe in packaged:
            with working("starting"):
                seconds = first_shower_seconds()
            parts.append(show("From start to first shower", ["what", "seconds"], [[f"{STUDY.default_recipe} (default)", f"{seconds:.2f}"]]))
        else:
            Console(stderr=True).print(f"no packaged weights of the default recipe '{STUDY.default_recipe}': no start to first shower")
        if "matching" in packaged and options.truth:
            with working("solving with more and more steps"):
                quality, floor = solver_quality(options)
            parts.append(
                show(
                    f"Matching against the solver, {options.truth // 2} showers",
                    ["solver", "showers/s", "W1(Xmax) (g/cm²), mean of bins", "energy distance of observables"],
                    [[q.solver, "" if np.isnan(q.rate) else f"{q.rate:,.0f}", f"{q.xmax:.2f}", f"{q.energy:.2e}"] for q in (*quality, floor)],
                )
            )
            if options.figure is not None:
                draw(quality[: len(STEPS)], floor, options.figure)
        elif options.truth:
            Console(stderr=True).print("no packaged weights of 'matching': no quality against solver steps")
    if options.markdown is not None:
        options.markdown.write_text("\n".join(parts))


def draw(quality: list[Quality], floor: Quality, path: Path) -> None:
    """Quality and speed against steps."""
    from cloudchamber.studies.airshower.plots.report import solver_steps

    results = {"W1(Xmax)  (g/cm²)": [q.xmax for q in quality]}
    solver_steps(STEPS, results, [q.rate for q in quality], floor.xmax).savefig(path)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
