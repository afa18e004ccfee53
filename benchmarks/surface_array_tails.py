"""What the tails that held-out events settle after the fit change: coverage and pulls with them and without, on the same events.

$ cloudchamber simulate surface_array data/test --n 40000 --seed 101
$ python benchmarks/surface_array_tails.py data/test --events 20000

After the standard cuts; an exact answer covers what it states.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from tables import markdown, show

from cloudchamber.hub import load
from cloudchamber.models.labelled import LabelledMixtureModel
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Table, take
from cloudchamber.store.read import Store
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.fit.quality import passes

LEVELS = {"direction": say.direction_level, "core": say.core_level, "ln E": say.energy_level, "Xmax": say.xmax_level}
DRAWS = 100


@dataclass(frozen=True)
class Options:
    """What to measure."""

    data: tyro.conf.Positional[Path]
    """Event store that the run did not learn from."""
    run: str = "surface_array"
    """Packaged network or run folder."""
    events: int = 20_000
    """Events of the store."""
    markdown: Path | None = None
    """Write the table there too."""


def figures(model: TrainedModel, table: Table) -> list[str]:
    """Shares of the truths within regions of 68 and 95 %, width of the direction's pulls and that by quantiles."""
    said = model.posterior({name: table[name] for name in model.recipe.given}, DRAWS, seed=1, outside="flag")
    answer = {f"{name}_draws": said[name] for name in model.target_columns}
    levels = [level(table, answer) for level in LEVELS.values()]
    pulls = say.direction_pulls(table, answer)
    low, high = np.quantile(pulls, (0.1587, 0.8413))
    return [*(f"{np.mean(level <= 0.68):.3f}, {np.mean(level <= 0.95):.3f}" for level in levels), f"{pulls.std():.3f}, {(high - low) / 2:.3f}"]


def main(options: Options) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    table = Store(options.data).read(None, slice(0, options.events))
    table = take(table, passes(table))
    model = load(options.run)
    assert isinstance(model.model, LabelledMixtureModel)
    rows = [["with tails", *figures(model, table)]]
    model.model.mixture.tails = None
    rows.insert(0, ["Gaussian noise", *figures(model, table)])
    heads = [f"{len(table['energy_ev'])} events", *(f"{name}: 68 %, 95 %" for name in LEVELS), "pulls: sd, by quantiles"]
    show(markdown(heads, rows), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
