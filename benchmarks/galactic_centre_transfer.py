"""What a few maps of another diffuse model are worth to a trained posterior: fine-tuned on them, beside training on as many, or more, from scratch.

$ cloudchamber simulate galactic_centre data/O_train --simulator templates --settings.file templates.npz --settings.pi0 template_Opi \\
    --settings.inverse-compton template_Oic --settings.exposure fermidata_exposure --n 2000 --seed 6 --block-events 50
$ cloudchamber simulate galactic_centre data/O --simulator templates ... --n 500 --seed 5 --block-events 125
$ python benchmarks/galactic_centre_transfer.py --train data/O_train --test data/O --out runs/transfer --markdown docs/results/galactic_centre_transfer.md

Each fit holds a part of its maps out, which choose its best epoch; the test's maps are of other seeds. Runs that are there are not trained again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tables import markdown, show

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.run.domain import inside
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Table, check_table, take
from cloudchamber.store.read import Store

BOOTSTRAP = 500
HELD_OUT = {"validation_fraction": 0.2, "batch_size": 32}
FINER = {"fit": HELD_OUT | {"epochs": 10, "optimisers": {"": {"learning_rate": 3e-4}}}}
SCRATCH = {"fit": HELD_OUT | {"epochs": 40}}


@dataclass(frozen=True)
class Options:
    """Stores of one diffuse model, and where the runs go."""

    train: Path
    """Maps to learn from."""
    test: Path
    """Maps that judge."""
    out: Path
    """Folder of the runs."""
    start: str = "galactic_centre/posterior"
    """The run that knows other skies."""
    fine: tuple[int, ...] = (100, 300, 2000)
    """Numbers of maps for fine-tuning."""
    scratch: tuple[int, ...] = (300, 2000)
    """Numbers of maps from scratch."""
    draws: int = 200
    """Of each posterior."""
    seed: int = 1
    """Same seed, same figures."""
    markdown: Path | None = None
    """Write the page there too."""


def judged(model: TrainedModel, truth: Table, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln p of the truth, errors of f_src, and whether the central 68 % hold it, of each event."""
    given = {name: truth[name] for name in model.given}
    target = {name: truth[name] for name in model.target}
    draws = np.asarray(model.answer(given, options.draws, options.seed).draws["f_src"], float)
    low, high = np.quantile(draws, (0.16, 0.84), axis=1)
    true = np.asarray(truth["f_src"], float)
    return model.log_prob(given, target), draws.mean(1) - true, (low <= true) & (true <= high)


def told(name: str, found: tuple[np.ndarray, np.ndarray, np.ndarray], first: np.ndarray) -> list[str]:
    """A row: nats won over the run that fine-tuning starts from, rms of f_src, coverage, with errors of a bootstrap over events."""
    logs, off, inside = found
    random = rng(0, "bootstrap")
    again = [random.integers(0, len(off), len(off)) for _ in range(BOOTSTRAP)]
    gain = logs - first
    return [
        name,
        f"{gain.mean():+.2f} ± {np.std([gain[at].mean() for at in again]):.2f}",
        f"{np.sqrt(np.mean(off**2)):.3f} ± {np.std([np.sqrt(np.mean(off[at] ** 2)) for at in again]):.3f}",
        f"{inside.mean():.3f} ± {np.std([inside[at].mean() for at in again]):.3f}",
    ]


def trained(options: Options, name: str, events: int, overrides: Mapping[str, Any], start: str | None) -> TrainedModel:
    """The run of this name, trained where it is not there."""
    recipe = None if start else "posterior"
    out = options.out / name
    workflow.train("galactic_centre", options.train, out, recipe, seed=options.seed, overrides=overrides, n=events, start=start)
    return load(out)


def main(options: Options) -> None:
    """Train, judge, tell."""
    models = {"as it is": load(options.start)}
    for events in options.fine:
        models[f"fine-tuned on {events} maps"] = trained(options, f"fine_{events}", events, FINER, options.start)
    for events in options.scratch:
        models[f"from scratch on {events} maps"] = trained(options, f"scratch_{events}", events, SCRATCH, None)
    whole = Store(options.test).read()
    # the same maps for all: those that every run may be asked about
    known = np.logical_and.reduce([inside(check_table(whole, each.given_columns, extra=True), each.given_columns, each.domain) for each in models.values()])
    truth = take(whole, np.flatnonzero(known))
    found = {name: judged(model, truth, options) for name, model in models.items()}
    before = found["as it is"]
    rows = [told(name, each, before[0]) for name, each in found.items()]
    heads = [f"{options.start}, judged on {len(before[1])} maps", "ln p of the truth, nats won", "f_src: rms error", "68 %"]
    text = [
        "# The Galactic Centre's excess: another diffuse model",
        "`python benchmarks/galactic_centre_transfer.py` (see its docstring): all 16 parameters, on maps of a diffuse model that the run has never seen.",
        markdown(heads, rows),
    ]
    show("\n\n".join(text), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
