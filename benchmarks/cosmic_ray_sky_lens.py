"""The Galactic magnetic lens: fields, deflections and blur against published figures, and what building and using it costs.

$ python benchmarks/cosmic_ray_sky_lens.py --build

References: R. Jansson, G. R. Farrar, ApJ 757 (2012) 14 and 761 (2012) L11; M. Unger, G. R. Farrar, ApJ 970 (2024) 95; D. Harari et al., JHEP 03 (2002) 045.
The blur of 2.79 rad EV / R of the minimal model is half of the largest one of JF12, 5.58. Times are CPU seconds of one thread, compilation left out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table as Grid

from cloudchamber.physics.sphere import angular_distance_deg, lon_lat_deg, pixel_centres, random_directions
from cloudchamber.studies.cosmic_ray_sky.galaxy.backtrack import backtrack
from cloudchamber.studies.cosmic_ray_sky.galaxy.fields import FIELDS
from cloudchamber.studies.cosmic_ray_sky.galaxy.lens import load_lens
from cloudchamber.studies.cosmic_ray_sky.galaxy.lens_build import PACKAGED, LensSettings, build_lens
from cloudchamber.studies.cosmic_ray_sky.galaxy.turbulence import kolmogorov_box, random_walk_rms_rad_ev, small_deflections_rad_ev
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed

RIGIDITIES_EV = (10.0, 20.0, 40.0, 60.0, 100.0)
DRAWS = 1_000_000


@dataclass(frozen=True)
class Options:
    """What to run."""

    build: bool = False
    """Also build a whole lens of the regular field (nside 64, one particle a pixel): a minute."""
    seed: int = 1
    """Same seed, same figures."""


def deflections(console: Console, rng: np.random.Generator) -> None:
    """Median deflection of each field, and the blur of JF12 with its random field."""
    sky, coarse = pixel_centres(64), pixel_centres(8)
    coarse = coarse[np.abs(lon_lat_deg(coarse)[1]) < 20]
    backtrack(sky[:1], 10.0, "jf12", False, rng)
    grid = Grid(title="JF12: deflection times rigidity, rad EV")
    for name in ("R / EV", "regular, median", "CPU s for 49,152", "step error, median deg", "all fields, rms maximum", "all fields, rms median", "CPU s"):
        grid.add_column(name, justify="right")
    for rigidity in RIGIDITIES_EV:
        start = time.process_time()
        ends = backtrack(sky, rigidity, "jf12", False, rng).directions
        cost = time.process_time() - start
        fine = backtrack(sky[::16], rigidity, "jf12", False, rng, 0.0125).directions
        start = time.process_time()
        blurred = backtrack(np.repeat(coarse, 250, axis=0), rigidity, "jf12", True, rng).directions.reshape(len(coarse), 250, 3)
        random_cost = (time.process_time() - start) * len(sky) / len(coarse) / 250
        angle = np.deg2rad(angular_distance_deg(blurred, blurred.mean(axis=1, keepdims=True)))
        rms = rigidity * np.sqrt(np.mean(angle**2, axis=1))
        median = rigidity * np.median(np.deg2rad(angular_distance_deg(sky, ends)))
        error = np.median(angular_distance_deg(ends[::16], fine))
        grid.add_row(f"{rigidity:g}", f"{median:.2f}", f"{cost:.2f}", f"{error:.4f}", f"{rms.max():.2f}", f"{np.median(rms):.2f}", f"{random_cost:.2f}")
    console.print(grid)
    grid = Grid("field", "median deflection at 20 EV, deg", "at 60 EV, deg")
    for field in FIELDS:
        sky = pixel_centres(16)
        medians = [np.median(angular_distance_deg(sky, backtrack(sky, rigidity, field, False, rng).directions)) for rigidity in (20.0, 60.0)]
        grid.add_row(field, *(f"{median:.2f}" for median in medians))
    console.print(grid)


def realisations(console: Console, rng: np.random.Generator) -> None:
    """The random walk against realisations of the turbulence."""
    sky = random_directions(600, rng)
    sky = sky[np.abs(sky[:, 2]) > 0.3]
    lines = np.concatenate([small_deflections_rad_ev(part, kolmogorov_box(128, rng), rng) for part in np.array_split(sky, 3)])
    ratio = np.sum(lines**2, axis=1) / random_walk_rms_rad_ev(sky) ** 2
    console.print(f"mean square deflection in Kolmogorov boxes over that of the random walk: {ratio.mean():.3f} +- {ratio.std() / np.sqrt(len(sky)):.3f}")


def costs(console: Console, rng: np.random.Generator, build: bool) -> None:
    """Building, drawing, simulating."""
    if build:
        with TemporaryDirectory() as folder:
            start = time.process_time()
            build_lens(Path(folder) / "lens.npz", LensSettings(random=False, per_pixel=1))
            console.print(f"lens of the regular field, 49,152 pixels, 38 rigidities: {time.process_time() - start:.0f} CPU s")
    lens = load_lens(PACKAGED)
    sources = random_directions(100, rng)
    lens.beam(sources, np.arange(18))
    start = time.process_time()
    beam = lens.beam(sources, np.arange(6, 18))
    lens.draw(beam, rng.integers(0, 100, DRAWS), rng.integers(0, 12, DRAWS), rng)
    console.print(f"arrivals: {DRAWS / (time.process_time() - start):,.0f} a second")
    for composition in ("He", "mixed"):
        sky = Lensed(composition=composition, lens="packaged")
        theta = sky.prior(1000, rng)
        start = time.process_time()
        sky.simulate(theta, rng)
        console.print(f"skies of 1000 cosmic rays, {composition}: {1000 / (time.process_time() - start):,.0f} a second")


def main() -> None:
    """Run all and print."""
    options = tyro.cli(Options, description=__doc__)
    rng, console = np.random.default_rng(options.seed), Console()
    deflections(console, rng)
    realisations(console, rng)
    costs(console, rng, options.build)


if __name__ == "__main__":
    main()
