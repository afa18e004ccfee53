"""What the surrogate of the diffuse emission is worth, and how much faster it is: the page docs/results/galactic_centre_diffuse.md.

$ python benchmarks/galactic_centre_diffuse.py --markdown docs/results/galactic_centre_diffuse.md

Simulator and surrogate make maps of the same theta, drawn from the prior; floors are a second simulation of it. Times are processor time of one thread in this
run, the fastest of a few rounds, from theta to both maps; compilation and loading are left out.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import tyro
from tables import markdown, show
from timing import least

from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Table, take
from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.sky.diffuse_sky import DiffuseSky
from cloudchamber.studies.galactic_centre.surrogate.checks import power_ratio, shape_checks
from cloudchamber.studies.galactic_centre.surrogate.observables import WAVELENGTHS_DEG, WORDS
from cloudchamber.validate.check import run_checks

OUTSIDE = {"turbulence": (0.9, 1.2), "gas_height_factor": (4.0, 6.0)}
"""Beyond the prior's 0.7 and 3."""


@dataclass(frozen=True)
class Options:
    """What to compare."""

    run: str = "galactic_centre/diffuse"
    """A trained surrogate."""
    n: int = 2000
    """Events."""
    rounds: int = 5
    """Of the times."""
    seed: int = 1
    """Same seed, same figures but for the times."""
    markdown: Path | None = None
    """Write the page there too."""


def speed(model: TrainedModel, sky: DiffuseSky, theta: Table, options: Options) -> str:
    """Milliseconds a pair of maps."""
    some = take(theta, slice(0, 500))
    ways = {
        f"simulator, nside {sky.nside}": lambda: sky.simulate(some, rng(1)),
        "surrogate, 500 at once": lambda: model.sample(some, seed=1),
        "surrogate, one by one": lambda: [model.sample(take(some, slice(at, at + 1)), seed=1) for at in range(50)],
    }
    events = {"surrogate, one by one": 50}
    costs = {name: 1e3 * least(what, options.rounds) / events.get(name, 500) for name, what in ways.items()}
    slow = next(iter(costs.values()))
    rows = [[name, f"{cost:.2f}", f"{1e3 / cost:,.0f}", f"{slow / cost:.1f}"] for name, cost in costs.items()]
    return markdown(["", "ms of one core for both maps", "a second", "times the simulator"], rows)


def by_scale(truth: Table, drawn: Table, second: Table) -> str:
    """Power over the simulator's."""
    rows = []
    for name, word in WORDS.items():
        for what, table in ((f"{word}, surrogate", drawn), (f"{word}, simulator again", second)):
            rows.append([what, *(f"{ratio:.3f}" for ratio in power_ratio(truth, table, name))])
    return markdown(["power of ln of the map over the simulator's", *(f"{high:g} to {low:g} deg" for high, low in pairwise(WAVELENGTHS_DEG))], rows)


def by_check(truth: Table, drawn: Table, second: Table, options: Options) -> str:
    """What ``cloudchamber validate`` looks at."""
    rows = []
    for found in run_checks(shape_checks(), truth, drawn, second, options.seed, bootstrap=8):
        error, floor = f" ± {found.error:.3f}", f"{found.floor:.3f} ± {found.floor_error:.3f}"
        rows.append([found.name.replace("|", "\\|"), f"{found.value:.3f}{error}", floor, f"{found.limit:g}", str(found.verdict)])
    return markdown(["check", "surrogate", "floor: simulator against itself", "limit", ""], rows)


def outside(model: TrainedModel, sky: DiffuseSky, theta: Table, options: Options) -> str:
    """What is said of theta that no training showed, and what power by scale an answer would have."""
    rows, said = [], []
    for name, (low, high) in OUTSIDE.items():
        some = take(theta, slice(0, 500))
        some = some | {name: rng(options.seed, "outside").uniform(low, high, 500).astype(np.float32)}
        try:
            model.sample(some, seed=1)
        except ValueError as error:
            said.append(str(error).split(";")[0])
        truth, drawn = some | sky.simulate(some, rng(options.seed, "beyond")), some | dict(model.sample(some, seed=1, outside="flag"))
        rows.append([f"{name} {low:g} to {high:g}", *(f"{ratio:.2f}" for ratio in power_ratio(truth, drawn, SHAPES[0]))])
    table = markdown(["power of gas over the simulator's", *(f"{high:g} to {low:g} deg" for high, low in pairwise(WAVELENGTHS_DEG))], rows)
    return "\n\n".join(["Refused:", "\n".join(f"- `{each}`" for each in said), "With `--outside flag` it answers and says so; the answers are wrong:", table])


def main(options: Options) -> None:
    """Measure, tell."""
    torch.set_num_threads(1)
    model, sky = load(options.run), DiffuseSky()
    theta = sky.prior(options.n, rng(options.seed, "theta"))
    given = {name: theta[name] for name in model.given}
    truth, second = (theta | sky.simulate(theta, rng(options.seed, word)) for word in ("truth", "floor"))
    drawn = theta | model.sample(given, seed=options.seed)
    parts = [
        "# The diffuse emission's surrogate",
        f"`python benchmarks/galactic_centre_diffuse.py` (see its docstring): {options.n} Galaxies of the prior, nside {sky.nside}, the run `{options.run}`.",
        "## Speed",
        speed(model, sky, given, options),
        f"The machine's {os.cpu_count()} cores had a load of {os.getloadavg()[1]:.1f} meanwhile.",
        "## Power by scale",
        "Mean power about the mean map, by wavelength.",
        by_scale(truth, drawn, second),
        "## Checks",
        "Those of `cloudchamber validate`. AUC: 0.5 where nobody tells maps apart, given theta; W1: Wasserstein distance in deviations of the truth.",
        by_check(truth, drawn, second, options),
        "## Outside the trained domain",
        outside(model, sky, given, options),
    ]
    show("\n\n".join(parts), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
