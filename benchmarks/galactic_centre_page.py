"""What a trained posterior of the Galactic Centre is worth, by background: the page docs/results/galactic_centre.md.

$ cloudchamber simulate galactic_centre data/random --n 10000 --seed 77 --block-events 250
$ cloudchamber simulate galactic_centre data/O --simulator templates --settings.file templates.npz --settings.pi0 template_Opi \\
    --settings.inverse-compton template_Oic --settings.exposure fermidata_exposure --n 500 --seed 5 --block-events 125
$ python benchmarks/galactic_centre_page.py --stores random=data/random O=data/O --runs galactic_centre/posterior --markdown docs/results/galactic_centre.md

Each store is one background, of which the run has seen none but the first's simulator. Errors are of a bootstrap over events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import tyro
from tables import markdown, show

from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.schema import Table, events_in
from cloudchamber.statistics.calibration import joint_rank, posterior_rank, uneven
from cloudchamber.statistics.classifier import auc
from cloudchamber.store.read import Store
from cloudchamber.studies.galactic_centre.columns import PARAMETERS, TARGET
from cloudchamber.studies.galactic_centre.plots import relative_error

BRIGHTNESS = (2e-12, 2e-11, 2e-10, 1e-9)
STRANGE, BOOTSTRAP = 0.01, 200
INTRODUCTION = """`python benchmarks/galactic_centre_page.py` (see its docstring). The networks learned from `random` alone; O, A and F are the diffuse
models of R. Leane, T. Slatyer (2020), p6v11 the Fermi-LAT's of 2011, of which they have seen nothing. Somebody who knows the prior alone has an rms error of
f_src of 0.289; 68 and 95 % are shares of truths within the central part of the posterior."""


@dataclass(frozen=True)
class Options:
    """What to compare."""

    stores: tuple[str, ...]
    """NAME=FOLDER of each background's events, the training's simulator first."""
    runs: tuple[str, ...] = ("galactic_centre/posterior",)
    """Trained models; the first one's parameters are told one by one."""
    n: int = 10_000
    """Events of each store at most."""
    draws: int = 200
    """Of each posterior."""
    seed: int = 1
    """Same seed, same figures."""
    markdown: Path | None = None
    """Write the page there too."""


@dataclass(frozen=True)
class Answered:
    """Truth, draws (events, draws) of each parameter, and familiarity where the run knows it."""

    truth: Table
    draws: Mapping[str, np.ndarray]
    familiarity: np.ndarray | None

    def error(self, figure: Callable[[np.ndarray], float]) -> str:
        """A figure of events (indices) with its error."""
        events, random = events_in(self.truth), rng(0, "bootstrap")
        again = [figure(random.integers(0, events, events)) for _ in range(BOOTSTRAP)]
        return f"{figure(np.arange(events)):.3f} ± {np.std(again):.3f}"

    def inside(self, name: str, level: float) -> np.ndarray:
        """Whether the truth lies within the central part of the posterior."""
        return np.asarray(np.abs(2 * posterior_rank(self.draws[name], np.asarray(self.truth[name], float)) - 1) <= level)


def answered(run: str, folder: Path, options: Options) -> Answered:
    """What the run says of a store's events."""
    model = load(run)
    truth = Store(folder).read(events=slice(0, options.n))
    answer = model.answer({name: truth[name] for name in model.given}, options.draws, options.seed, outside="answer")
    known = answer.known.get("familiarity")
    return Answered(truth, {name: np.asarray(values, float) for name, values in answer.draws.items()}, None if known is None else np.asarray(known))


def by_background(found: Mapping[tuple[str, str], Answered]) -> str:
    """A row for each run and background."""
    rows = []
    for (run, store), each in found.items():
        true, middle = np.asarray(each.truth["f_src"], float), each.draws["f_src"].mean(1)
        off = middle - true
        row = [f"{run}, {store} ({len(true)})", each.error(lambda at, off=off: float(np.sqrt(np.mean(off[at] ** 2))))]
        row.append(each.error(lambda at, off=off: float(np.mean(off[at]))))
        for name in ("f_src", "excess_flux_cm2_s"):
            for level in (0.68, 0.95):
                inside = each.inside(name, level) if name in each.draws else None
                row.append("" if inside is None else each.error(lambda at, inside=inside: float(np.mean(inside[at]))))
        known = next(other for (its, _), other in found.items() if its == run).familiarity
        row.append("" if each.familiarity is None else f"{np.mean(each.familiarity < STRANGE):.3f}")
        row.append("" if each.familiarity is None or known is None or known is each.familiarity else f"{auc(-known, -each.familiarity).value:.3f}")
        rows.append(row)
    heads = [
        "run, background (events)",
        "f_src: rms error",
        "bias",
        "68 %",
        "95 %",
        "excess's flux: 68 %",
        "95 %",
        f"less familiar than {1 - STRANGE:.0%}",
        "AUC",
    ]
    return markdown(heads, rows)


def by_brightness(found: Mapping[tuple[str, str], Answered]) -> str:
    """rms error and stated deviation of f_src by the flux at which dN/dF breaks."""
    rows = []
    for (run, store), each in found.items():
        flux = np.asarray(each.truth["source_break_cm2_s"], float)
        off = each.draws["f_src"].mean(1) - np.asarray(each.truth["f_src"], float)
        row = [f"{run}, {store}"]
        for low, high in pairwise(BRIGHTNESS):
            among = (flux >= low) & (flux < high)
            row.append(f"{np.sqrt(np.mean(off[among] ** 2)):.3f}, {each.draws['f_src'][among].std(1).mean():.3f}")
        rows.append(row)
    return markdown(["rms error, stated deviation", *(f"{low:g} to {high:g} / cm2 s" for low, high in pairwise(BRIGHTNESS))], rows)


def calibration(each: Answered, run: str) -> str:
    """Coverage of all parameters, and of all of them together, in distribution."""
    names = [name for name in TARGET if name in each.draws]
    events = len(each.truth["f_src"])
    rows = []
    for level in (0.68, 0.95):
        shares = {name: float(np.mean(each.inside(name, level))) for name in names}
        worst = max(shares, key=lambda name: abs(shares[name] - level))
        mean = float(np.mean(list(shares.values())))
        rows.append([f"{level:.0%}: mean of {len(names)} parameters", f"{mean:.3f}", f"{level:g}"])
        rows.append([f"{level:.0%}: furthest off, {worst}", f"{shares[worst]:.3f}", f"{level:g} ± {np.sqrt(level * (1 - level) / events):.3f}"])
    unit = {name: _unit(name, np.asarray(each.truth[name], float)) for name in names}
    draws = np.stack([_unit(name, each.draws[name]) for name in names], axis=2)
    joint = uneven(joint_rank(draws, np.stack([unit[name] for name in names], axis=1)))
    ranks = [uneven(posterior_rank(each.draws[name], np.asarray(each.truth[name], float))) for name in names]
    rows.append(
        ["ranks of each parameter, largest distance from uniform, worst", f"{max(ranks):.3f}", f"{1.36 / np.sqrt(events):.3f} (95 % of calibrated ones)"]
    )
    rows.append(["all parameters together (TARP), largest distance from uniform", f"{joint:.3f}", f"{1.36 / np.sqrt(events):.3f} (95 % of calibrated ones)"])
    return markdown([f"{run}, {events} skies like the training's", "", "calibrated"], rows)


def _unit(name: str, values: np.ndarray) -> np.ndarray:
    return np.log(values) if PARAMETERS[name].logarithmic else values


def by_parameter(found: Mapping[tuple[str, str], Answered], run: str) -> str:
    """The rms error of each parameter over its prior's."""
    stores = [store for each, store in found if each == run]
    rows = []
    for name in TARGET:
        answers = [(found[run, store].truth, {f"{name}_draws": found[run, store].draws[name]}) for store in stores]
        shown = f"{name}{', logarithm' if PARAMETERS[name].logarithmic else ''}"
        # of a background without inverse Compton templates its level is 0 in all skies
        rows.append([shown, *(f"{relative_error(truth, draws, name):.2f}" if np.ptp(truth[name]) else "" for truth, draws in answers)])
    return markdown(["parameter", *stores], rows)


def main(options: Options) -> None:
    """Answer, tell."""
    stores = dict(each.split("=", 1) for each in options.stores)
    found = {(run, name): answered(run, Path(folder), options) for run in options.runs for name, folder in stores.items()}
    parts = [
        "# The Galactic Centre's excess: what the posterior is worth",
        INTRODUCTION,
        "## By background",
        by_background(found),
        "AUC: of telling this background's skies from the first one's by familiarity alone; 0.5 where they cannot be told apart.",
        "## In distribution",
        calibration(found[options.runs[0], next(iter(stores))], options.runs[0]),
        "## By brightness of the sources",
        "Counts of a source are its flux times about 4.5e11 cm2 s in ten years: below 2e-12 a source has less than a photon. The prior's deviation is 0.289.",
        by_brightness(found),
        "## By parameter",
        f"rms error of the posterior's mean over that of the prior, of {options.runs[0]}: 1 where nothing is learned.",
        by_parameter(found, options.runs[0]),
    ]
    show("\n\n".join(parts), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
