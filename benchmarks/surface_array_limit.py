"""How much sharper than the parametric fit can a direction get: fits, network and what the particles' arrival times hold, on the same events.

$ python benchmarks/surface_array_limit.py --runs surface_array/waveform_net --markdown limit.md

Of each station with a record the time of the front is estimated in two ways, everything about the shower but its direction being known: by the first
particle's arrival less its mean, and by the arrivals of all particles, each seen by itself (Pitman's estimator, which of all that move with the times has the
smallest variance). The ripple of the front and the clocks stay. Directions follow from these times by least squares with their true variances: what a detector
that resolves every particle would reach, and what it would lose by worse clocks and more dead stations. Where the fit is near that, waveforms hold little more
about the direction.

References: E. J. G. Pitman, Biometrika 30 (1939) 391.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from numba import njit
from tables import markdown, show

from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Table, take
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.array.front import (
    EM_ABOVE_M,
    EM_SHAPE,
    EM_THICKNESS,
    MUON_ABOVE_M,
    MUON_SHAPE,
    MUON_THICKNESS,
    linsley_ns,
    ripple_ns,
    sphere_ns,
    thickness_factor,
)
from cloudchamber.studies.surface_array.array.lateral import SMALLEST_RADIUS_M, densities, footprints
from cloudchamber.studies.surface_array.array.response import BOTH_SHARE, LANDAU_MEAN
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.fit.constants import TELESCOPE_ARRAY
from cloudchamber.studies.surface_array.fit.quality import Cuts, passes
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct

ROWS = [(particle, lg_energy) for lg_energy in (19.0, 19.756) for particle in ("p", "Fe", "gamma")]
MOST_PARTICLES = 300.0
"""Of a kind; a station with more counts as one with so many: the ripple rules there."""
TRIALS, SHIFTS, DRAWS = 60, 300, 100
CLOCKS_NS, DEAD_SHARE = 30.0, 0.1


@dataclass(frozen=True)
class Options:
    """What to measure."""

    runs: tuple[str, ...] = ("surface_array",)
    """Packaged networks or run folders."""
    events: int = 3000
    """Events of each primary and energy for fit and network."""
    bounded: int = 400
    """Of these, so many for the limits."""
    seed: int = 13
    """Seed of the events."""
    markdown: Path | None = None
    """Write the table there too."""


@njit(cache=True)
def shift_variances(muons, others, muon_late, muon_scale, em_scale, trials, generator):  # type: ignore[no-untyped-def]
    """Variances [ns2] of the first arrival and of Pitman's estimate of the shift.

    So many ``muons`` and ``others`` are expected; the former's distribution starts ``muon_late`` after the latter's.
    """
    firsts, pitmans = np.empty(trials), np.empty(trials)
    muon_norm, em_norm = math.gamma(MUON_SHAPE) * muon_scale, math.gamma(EM_SHAPE) * em_scale
    for trial in range(trials):
        n_muons, n_others = 0, 0
        while n_muons + n_others == 0:
            n_muons, n_others = generator.poisson(muons), generator.poisson(others)
        times = np.empty(n_muons + n_others)
        for i in range(len(times)):
            times[i] = muon_late + muon_scale * generator.standard_gamma(MUON_SHAPE) if i < n_muons else em_scale * generator.standard_gamma(EM_SHAPE)
        firsts[trial] = times.min()
        latest = times.min() - min(muon_late, 0.0)
        width = 12.0 * max(muon_scale, em_scale) / math.sqrt(len(times))
        best, weight, mean = -np.inf, 0.0, 0.0
        for k in range(SHIFTS):
            shift = latest - width * (k + 0.5) / SHIFTS
            likelihood = 0.0
            for time in times:
                muon, other = (time - shift - muon_late) / muon_scale, (time - shift) / em_scale
                intensity = 0.0
                if muon > 0.0:
                    intensity += muons * muon ** (MUON_SHAPE - 1.0) * math.exp(-muon) / muon_norm
                if other > 0.0:
                    intensity += others * other ** (EM_SHAPE - 1.0) * math.exp(-other) / em_norm
                likelihood += math.log(intensity) if intensity > 0.0 else -1e9
            if likelihood > best:
                shrink = math.exp(best - likelihood)
                best, weight, mean = likelihood, weight * shrink + 1.0, mean * shrink + shift
            else:
                part = math.exp(likelihood - best)
                weight, mean = weight + part, mean + part * shift
        pitmans[trial] = mean / weight
    return np.var(firsts), np.var(pitmans)


def station_variances(array: SurfaceArray, table: Table, event: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Of an event's stations with a record: position from the core (stations, 2) in m, and the variances (stations, 2) of both times in ns2, perfect clocks."""
    one = take(table, np.array([event]))
    shape = [float(values[0]) for values in footprints(one, array.grid)]
    distance = shape.pop()
    zenith, azimuth = np.radians(float(one["zenith_deg"][0])), np.radians(float(one["azimuth_deg"][0]))
    place = np.stack([one[f"station_{axis}_m"].values - one[f"core_{axis}_m"][0] for axis in "xy"], axis=1).astype(float)
    variances = np.empty((len(place), 2))
    for i, (x, y) in enumerate(place):
        along = -math.sin(zenith) * (x * math.cos(azimuth) + y * math.sin(azimuth))
        r = max(math.sqrt(max(x * x + y * y - along * along, 0.0)), SMALLEST_RADIUS_M)
        muons, others = densities(r, array.grid.density_g_cm2_m * along, *shape)
        n_muons = min(muons * array.detector.area_m2 * math.cos(zenith) / LANDAU_MEAN, MOST_PARTICLES)
        n_others = min(others * array.detector.area_m2 / (LANDAU_MEAN * (0.5 + 0.5 * BOTH_SHARE)), MOST_PARTICLES)
        muon_late = sphere_ns(r, along, distance + MUON_ABOVE_M) - sphere_ns(r, along, distance + EM_ABOVE_M)
        scale = thickness_factor(distance) * linsley_ns(r)
        drawn = shift_variances(n_muons, n_others, muon_late, MUON_THICKNESS * scale, EM_THICKNESS * scale, TRIALS, generator)
        variances[i] = np.array(drawn) + ripple_ns(r, muons + others) ** 2
    return place, variances


def limits(array: SurfaceArray, table: Table, count: int, generator: np.random.Generator) -> list[float]:
    """68 % quantiles [deg] of the angle by least squares over the stations with a record: by first particles; by all particles, then with other clocks, and
    with more dead stations."""
    mean_square = float(np.mean(np.linspace(*array.clock_jitter_ns, 101) ** 2))
    dead_before = sum(array.dead_share) / 2
    dead = (DEAD_SHARE - dead_before) / (1 - dead_before)
    scenarios = [(0, mean_square, 0.0), (1, mean_square, 0.0), (1, CLOCKS_NS**2, 0.0), (1, mean_square, dead)]
    angles: list[list[np.ndarray]] = [[] for _ in scenarios]
    for event in range(min(count, len(table["energy_ev"]))):
        place, variances = station_variances(array, table, event, generator)
        zenith, azimuth = np.radians(float(table["zenith_deg"][event])), np.radians(float(table["azimuth_deg"][event]))
        terms = np.column_stack([np.ones(len(place)), place / LIGHT_M_NS])
        turn = np.array([[math.cos(azimuth) / math.cos(zenith), math.sin(azimuth) / math.cos(zenith)], [-math.sin(azimuth), math.cos(azimuth)]])
        for found, (which, clocks, lost) in zip(angles, scenarios, strict=True):
            alive = generator.random(len(place)) >= lost
            if alive.sum() < Cuts.min_stations:
                continue
            weighted = terms[alive] / (variances[alive, which] + clocks)[:, None]
            covariance = turn @ np.linalg.inv(terms[alive].T @ weighted)[1:, 1:] @ turn.T
            found.append(np.linalg.norm(generator.multivariate_normal(np.zeros(2), covariance, DRAWS), axis=1))
    return [float(np.degrees(say.quantile68(np.concatenate(found)))) for found in angles]


def simulate(array: SurfaceArray, options: Options, words: tuple[str, ...]) -> Table:
    """Events that pass the standard cuts."""
    theta = array.prior(options.events, rng(options.seed, "theta", *words))
    table = {**theta, **array.simulate(theta, rng(options.seed, "x", *words))}
    return take(table, passes(table))


def network_angle(model: TrainedModel, table: Table) -> float:
    """The 68 % quantile of a network's angle [deg]."""
    said = model.posterior({name: table[name] for name in model.recipe.given}, DRAWS, seed=1, outside="flag")
    return say.quantile68(say.opening_deg(table, say.network_direction({f"{name}_draws": said[name] for name in ("zenith_deg", "azimuth_deg")})))


def main(options: Options) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    models = {run: load(run) for run in options.runs}
    rows = []
    for particle, lg_energy in ROWS:
        array = SurfaceArray(showers=Showers(particles=(particle,), lg_energy_ev=(lg_energy, lg_energy)))
        table = simulate(array, options, (particle, str(lg_energy)))
        fit = say.quantile68(say.opening_deg(table, say.fit_direction(table)))
        first, every, jitter, dead = limits(array, table, options.bounded, rng(options.seed, "limits", particle, str(lg_energy)))
        other = reconstruct(table, constants=TELESCOPE_ARRAY)
        untuned = say.quantile68(say.opening_deg(table, say.fit_direction(other)))
        networks = [network_angle(model, table) for model in models.values()]
        cells = [f"{fit:.2f}", *(f"{angle:.2f} ({fit / angle:.2f})" for angle in (untuned, *networks, first, every))]
        losses = [f"{jitter / every - 1:+.0%}", f"{dead / every - 1:+.0%}"]
        rows.append([f"{particle} 10^{lg_energy:g} eV", *cells, *losses])
    heads = ["68 % in deg (fit over it)", "fit", "Telescope Array's constants", *models, "first particles, rest known", "all particles, rest known"]
    show(markdown([*heads, f"loss at {CLOCKS_NS:g} ns clocks", f"loss at {DEAD_SHARE:.0%} dead"], rows), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
