"""How good the parametric fit is, and what each constant that differs from Telescope Array's gains.

$ python benchmarks/surface_array_fit.py --events 3000 --markdown fit.md

Protons and iron nuclei of 10^18.5, 10^19 and 10^19.756 eV, simulated for this; after the standard cuts of the fit as it is. Then the same events with one
constant, or all, at Telescope Array's. (Its delay falls with the expected density to the power 1/2, here with that which was seen: this stays.)
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from tables import markdown, show

from cloudchamber.rng import rng
from cloudchamber.schema import Table, take
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.fit.constants import TELESCOPE_ARRAY, Constants
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.fit.quality import passes
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct

ROWS = [(particle, lg_energy) for lg_energy in (18.5, 19.0, 19.756) for particle in ("p", "Fe")]
BACK = {
    "curvature_scale": ("curvature_scale",),
    "curvature_spread (free)": ("curvature_spread",),
    "thickness, thickness_exponent": ("thickness", "thickness_exponent"),
    "time_floor_ns": ("time_floor_ns",),
    "signal_variance, signal_spread": ("signal_variance", "signal_spread"),
    "early_late_per_km": ("early_late_per_km",),
    "all": TELESCOPE_ARRAY._fields,
}


@dataclass(frozen=True)
class Options:
    """What to measure."""

    events: int = 3000
    """Events of each primary and energy."""
    seed: int = 11
    """Seed of the events."""
    markdown: Path | None = None
    """Write the tables there too."""


def simulate(particle: str, lg_energy: float, options: Options) -> Table:
    """Triggered events with their fit."""
    array = SurfaceArray(showers=Showers(particles=(particle,), lg_energy_ev=(lg_energy, lg_energy)))
    theta = array.prior(options.events, rng(options.seed, "theta", particle, str(lg_energy)))
    return {**theta, **array.simulate(theta, rng(options.seed, "x", particle, str(lg_energy)))}


def errors(table: Table) -> tuple[float, float]:
    """68 % quantiles of the direction's error in degrees and of the core's in m."""
    return say.quantile68(say.opening_deg(table, say.fit_direction(table))), say.quantile68(say.core_distance_m(table, say.core(table, "fit_")))


def quality(table: Table) -> list[str]:
    """The figures of one row."""
    start = time.process_time()
    reconstruct(table)
    milliseconds = 1e3 * (time.process_time() - start) / len(table["energy_ev"])
    good = take(table, passes(table))
    flags = np.asarray(table["fit_flags"])
    converged = np.mean((flags & int(FitFlag.NOT_CONVERGED)) == 0)
    angle, core = errors(good)
    ln_energy = say.ln_energy(good, "fit_") - say.ln_energy(good)
    pulls, unflagged = say.fit_pulls(good), np.abs(say.fit_pulls(table)).max(axis=1)[flags == 0]
    return [
        f"{converged:.2%}",
        f"{len(good['energy_ev']) / len(flags):.1%}",
        f"{angle:.2f}",
        f"{core:.0f}",
        f"{ln_energy.mean():+.3f}",
        f"{ln_energy.std():.3f}",
        f"{pulls[:, 0].std():.2f}, {pulls[:, 1].std():.2f}",
        f"{np.sum(unflagged > 10)}",
        f"{milliseconds:.2f}",
    ]


def main(options: Options) -> None:
    """Measure and print."""
    tables = {f"{particle} 10^{lg_energy:g}": simulate(particle, lg_energy, options) for particle, lg_energy in ROWS}
    heads = ["", "converged", "pass the cuts", "68 % (deg)", "core 68 % (m)", "mean ln E error", "sd", "pulls (zenith, azimuth)", "pulls > 10, no flag", "ms"]
    parts = [markdown(heads, [[name, *quality(table)] for name, table in tables.items()]), ""]
    rows = []
    for name, fields in BACK.items():
        constants = Constants()._replace(**{field: getattr(TELESCOPE_ARRAY, field) for field in fields})
        cells = []
        for table in tables.values():
            good = take(table, passes(table))
            now, then = errors(good), errors({**good, **reconstruct(good, constants=constants)})
            cells.append(f"{then[0] / now[0] - 1:+.1%}, {then[1] / now[1] - 1:+.1%}")
        rows.append([name, *cells])
    parts += [markdown(["at Telescope Array's: direction, core", *tables], rows), ""]
    show("\n".join(parts), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
