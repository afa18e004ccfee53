"""Does a network on a surface array survive a broken detector and another hadronic model; how fast is it beside the parametric fit.

$ python benchmarks/surface_array_robustness.py --runs surface_array/waveform_net --markdown robustness.md

The same numbers of protons and iron nuclei at 10 and 57 EeV are simulated under each condition; after the standard cuts the 68 % angle of fit and network,
the loss of the network's against nominal conditions, the widths of its pulls, and the share of events that the network finds stranger than 99 % of those like
the training's. Then how strange events are of detectors that it never met, and its speed in processor time of one core, in the same run. With --profiles
FOLDER (`cloudchamber sample airshower FOLDER --n 40000`), also Xmax and muons of air-shower profiles, at 10 EeV.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
import tyro
from tables import markdown, show

from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.run.domain import inside
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Ragged, Table, check_table, take
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.fit.quality import passes
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct

Alteration: TypeAlias = Callable[[np.ndarray], np.ndarray] | None
LG_ENERGIES = {"10 EeV": 19.0, "57 EeV": 19.756}
LARGEST_LOSS = 0.10
DRAWS = 100
STRANGE = 0.01
"""Familiarity below which an event counts as strange."""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    runs: tuple[str, ...] = ("surface_array",)
    """Packaged networks or run folders."""
    events: int = 3000
    """Events of each primary, energy and condition."""
    seed: int = 77
    """Seed of the events."""
    profiles: str = ""
    """Event store of air showers of about 10 EeV."""
    markdown: Path | None = None
    """Write the tables there too."""


def conditions(profiles: str) -> dict[str, dict[str, Any]]:
    """What differs from the nominal array and showers: settings of both."""
    given = {"Xmax and muons of profiles": {"showers": {"profiles": profiles}}} if profiles else {}
    return {
        "nominal": {},
        "10 % dead stations": {"array": {"dead_share": (0.1, 0.1)}},
        "30 ns clock jitter": {"array": {"clock_jitter_ns": (30.0, 30.0)}},
        "+20 % muons": {"showers": {"ln_muon_shift": float(np.log(1.2))}},
        "-20 % muons": {"showers": {"ln_muon_shift": float(np.log(0.8))}},
        "Xmax of EPOS-LHC": {"showers": {"hadronic_model": "EPOS-LHC"}},
        "Xmax of Sibyll 2.3d": {"showers": {"hadronic_model": "Sibyll2.3d"}},
        **given,
    }


def simulate(particle: str, lg_energy: float, settings: dict[str, Any], options: Options) -> Table:
    """Events that pass the standard cuts."""
    showers = replace(Showers(particles=(particle,), lg_energy_ev=(lg_energy, lg_energy)), **settings.get("showers", {}))
    array = SurfaceArray(showers=showers, **settings.get("array", {}))
    theta = array.prior(options.events, rng(options.seed, "theta"))
    table = {**theta, **array.simulate(theta, rng(options.seed, "x"))}
    return take(table, passes(table))


def answer(model: TrainedModel, table: Table) -> Table:
    """Draws of the network; what lies outside its domain is answered too."""
    said = model.posterior({name: table[name] for name in model.recipe.given}, DRAWS, seed=1, outside="flag")
    return {f"{name}_draws" if name in model.target_columns else name: values for name, values in said.items()}


def robustness(model: TrainedModel, options: Options) -> list[list[str]]:
    """A row for each primary, energy and condition."""
    rows = []
    for energy, lg_energy in LG_ENERGIES.items():
        for particle in ("p", "Fe"):
            nominal = float("nan")
            for name, settings in conditions(options.profiles if energy == "10 EeV" else "").items():
                table = simulate(particle, lg_energy, settings, options)
                said = answer(model, table)
                fit = say.quantile68(say.opening_deg(table, say.fit_direction(table)))
                network = say.quantile68(say.opening_deg(table, say.network_direction(said)))
                nominal = network if name == "nominal" else nominal
                loss = network / nominal - 1
                pulls = np.quantile(np.abs(say.direction_pulls(table, said)), 0.6827)
                error = say.drawn_ln_energies(said).mean(axis=1) - say.ln_energy(table)
                verdict = "" if name == "nominal" else f"{loss:+.1%}{'' if loss <= LARGEST_LOSS else ' (too much)'}"
                cells = (f"{fit:.2f}", f"{network:.2f}", f"{fit / network:.2f}", verdict, f"{pulls:.2f}", f"{error.mean():+.3f}", f"{error.std():.3f}")
                rows.append([energy, particle, name, *cells, f"{np.mean(said['familiarity'] < STRANGE):.1%}"])
    return rows


def other_detectors() -> dict[str, tuple[SurfaceArray, Alteration]]:
    """Arrays and showers that the training did not hold, and records (records, layers, samples) as a broken read-out gives them."""

    def noisy(counts: np.ndarray) -> np.ndarray:
        return counts + rng(0, "noise").normal(0, 5, counts.shape)

    def one_layer(counts: np.ndarray) -> np.ndarray:
        return np.stack([counts[:, 0], np.full_like(counts[:, 1], 5.0)], axis=1)

    def coarse(counts: np.ndarray) -> np.ndarray:
        half = counts.reshape(*counts.shape[:2], -1, 2).mean(axis=3)
        return np.concatenate([half, np.full_like(half, 5.0)], axis=2)

    plain = SurfaceArray()
    return {
        "nominal": (plain, None),
        "30 ns clock jitter": (SurfaceArray(clock_jitter_ns=(30.0, 30.0)), None),
        "300 ns clock jitter": (SurfaceArray(clock_jitter_ns=(300.0, 300.0)), None),
        "30 % dead stations": (SurfaceArray(dead_share=(0.3, 0.3)), None),
        "twice the muons": (SurfaceArray(showers=Showers(ln_muon_shift=float(np.log(2)))), None),
        "four times the muons": (SurfaceArray(showers=Showers(ln_muon_shift=float(np.log(4)))), None),
        "zenith angles to 60 deg": (SurfaceArray(showers=Showers(zenith_max_deg=60.0)), None),
        "750 m between stations": (SurfaceArray(grid=Grid(spacing_m=750.0)), None),
        "noise of 5 counts": (plain, noisy),
        "lower layer dead": (plain, one_layer),
        "40 ns a sample, read as 20": (plain, coarse),
        "records backwards in time": (plain, lambda counts: counts[:, :, ::-1]),
    }


def strangeness(model: TrainedModel, options: Options) -> list[list[str]]:
    """How many events of other detectors are strange, and how many lie outside the ranges of the columns."""
    rows = []
    for name, (array, alteration) in other_detectors().items():
        theta = array.prior(options.events, rng(options.seed, "strange"))
        table = {**theta, **array.simulate(theta, rng(options.seed, "strange x"))}
        if alteration is not None:
            records = table["waveform"]
            counts = np.clip(np.rint(alteration(records.values.astype(float))), 0, 4095).astype(np.uint16)
            table |= reconstruct({**table, "waveform": Ragged(counts, records.offsets)}) | {"waveform": Ragged(counts, records.offsets)}
        given = check_table({column: table[column] for column in model.given_columns}, model.given_columns)
        familiarity = model.posterior(given, 1, outside="flag")["familiarity"]
        allowed = inside(given, model.given_columns, model.domain)
        rows.append([name, *(f"{np.mean(familiarity < share):.1%}" for share in (0.01, 0.001)), f"{np.mean(~allowed):.1%}"])
    return rows


def speed(model: TrainedModel, options: Options) -> list[list[str]]:
    """Events a second of one core, of the default spectrum."""
    array = SurfaceArray()
    theta = array.prior(2000, rng(options.seed, "speed"))
    table = {**theta, **array.simulate(theta, rng(options.seed, "speed x"))}
    given = {name: table[name] for name in model.recipe.given}
    calls = {
        "simulation": lambda: array.simulate(theta, rng(options.seed, "speed x")),
        "parametric fit, from waveforms": lambda: reconstruct(table),
        "network, one draw": lambda: model.sample(given, 1, outside="flag"),
        f"network, {DRAWS} draws": lambda: model.posterior(given, DRAWS, 1, outside="flag"),
    }
    rates = {}
    for name, call in calls.items():
        seconds = []
        for _ in range(3):
            start = time.process_time()
            call()
            seconds.append(time.process_time() - start)
        rates[name] = 2000 / min(seconds)
    base = rates["parametric fit, from waveforms"]
    return [[name, f"{rate:,.0f}", f"{1e3 / rate:.2f}", f"{rate / base:.2f}"] for name, rate in rates.items()]


def main(options: Options) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    heads = ["energy", "primary", "condition", "fit 68 % (deg)", "network", "fit / network", "loss", "pull width", "ln E bias", "sd(ln E)", "strange"]
    parts = []
    for run in options.runs:
        model = load(run)
        parts += [f"{run}:", "", markdown(heads, robustness(model, options)), ""]
        parts += [markdown(["", "stranger than 99 %", "99.9 %", "a column out of range"], strangeness(model, options)), ""]
        parts += [markdown(["", "events/s", "ms", "of the fit's rate"], speed(model, options)), ""]
    show("\n".join(parts), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
