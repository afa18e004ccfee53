"""What the non-Poissonian template fit says of f_src: of skies whose diffuse emission is one of the built-in Galaxies, and of random ones.

$ python benchmarks/galactic_centre_sources.py --markdown sources.md

Of a known Galaxy all skies have an excess of 3e-7 / cm2 s, a disk of 1e-7 / cm2 s whose dN/dF breaks at 1e-9 / cm2 s, and ten years; of random ones all is of
the prior, but the share where it is told. The fit has the likeliest of the built-in Galaxies; skies that it is far off from, of which it says nothing, are
not counted: the number of skies is that of answers. Some 5 s of a core a sky of a known Galaxy, more of another.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from tables import markdown, show

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.diffuse.bubbles import USUAL_EDGE_DEG, USUAL_LOBES, bubble_map
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse
from cloudchamber.studies.galactic_centre.diffuse.sightlines import reference_region
from cloudchamber.studies.galactic_centre.findings import source_shares
from cloudchamber.studies.galactic_centre.fit.components import USUAL
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.studies.galactic_centre.sky.skies import simulated
from cloudchamber.studies.galactic_centre.sky.template_sky import TemplateSky

GALAXY = 1
"""Of the built-in ones: the standard one."""
KNOWN: Mapping[str, float] = {
    **USUAL,
    "excess_flux_cm2_s": 3e-7,
    "source_index_above": 4.0,
    "source_index_below": 0.0,
    "disk_flux_cm2_s": 1e-7,
    "disk_break_cm2_s": 1e-9,
    "disk_index_above": 2.8,
    "disk_index_below": 0.0,
    "extragalactic_scale": 1.0,
    "pi0_cm2_s_sr": 8e-6,
    "inverse_compton_cm2_s_sr": 4e-6,
    "bubbles_cm2_s_sr": 8e-7,
    "isotropic_cm2_s_sr": 8e-7,
}
DECIDED = 8.0
"""A logarithm of the likelihood that is 4 sigma, as one counts."""


@dataclass(frozen=True)
class Options:
    """How many skies."""

    n: int = 12
    """Of each kind."""
    nside: int = 128
    seed: int = 1
    """Same seed, same figures but for the time."""
    markdown: Path | None = None
    """Write the table there too."""


def known(share: float, at_break: float, options: Options) -> tuple[Table, np.ndarray]:
    """Maps of the Galaxy that the fit may take, with the published bubbles, and their true share."""
    sky = TemplateSky(nside=options.nside, years=(10.0, 10.0))
    values = {**KNOWN, "f_src": share, "source_break_cm2_s": at_break}
    theta = {name: np.full(options.n, value, np.float32) for name, value in values.items()}
    bubbles = bubble_map(USUAL_LOBES, USUAL_EDGE_DEG, options.nside)[None]
    shapes = (sky.shapes.pi0[GALAXY][None], sky.shapes.inverse_compton[GALAXY][None], bubbles / bubbles[:, reference_region(options.nside)].mean())
    repeated = Diffuse(*(np.repeat(each, options.n, axis=0) for each in shapes))
    return simulated(theta, repeated, sky, rng(options.seed, "known", f"{share} {at_break}")), np.full(options.n, share)


def random(share: float | None, options: Options) -> tuple[Table, np.ndarray]:
    """Maps of random Galaxies, all of the prior but the share, if one is given."""
    sky = RandomSky(nside=options.nside)
    theta = sky.prior(options.n, rng(options.seed, "theta"))
    if share is not None:
        theta["f_src"] = np.full(options.n, share, np.float32)
    return sky.simulate(theta, rng(options.seed, "random", str(share))), np.asarray(theta["f_src"], float)


def row(what: str, x: Table, truth: np.ndarray, options: Options) -> list[str]:
    """Of one kind of skies."""
    began = time.process_time()
    found = source_shares(x["counts"], x["exposure_cm2_s"], TemplateSky(nside=options.nside))
    cost = (time.process_time() - began) / len(truth)
    made = np.isfinite(found["f_src_mean"])
    truth, found = truth[made], {name: values[made] for name, values in found.items()}
    off, inside = found["f_src_mean"] - truth, (found["f_src_low"] <= truth) & (truth <= found["f_src_high"])
    width = (found["f_src_high"] - found["f_src_low"]) / 2
    figures = (found["f_src_mean"].mean(), off.mean(), np.sqrt(np.mean(off**2)), width.mean(), inside.mean(), np.mean(found["log_ratio"] > DECIDED), cost)
    return [f"{what} ({len(truth)})", *(f"{each:.2f}" for each in figures)]


def main(options: Options) -> None:
    """Answer, tell."""
    kinds = [(f"known Galaxy, f_src {share:g}, break {at_break:g} / cm2 s", known(share, at_break, options)) for share, at_break in
             ((0.0, 3e-10), (0.5, 3e-10), (1.0, 3e-10), (0.5, 3e-12))]  # fmt: skip
    kinds += [("random Galaxies, f_src 0", random(0.0, options)), ("random Galaxies, f_src of the prior", random(None, options))]
    rows = []
    for what, (x, truth) in kinds:
        rows.append(row(what, x, truth, options))
        print(" | ".join(rows[-1]), flush=True)
    heads = ["skies", "mean answer", "bias", "rms error", "half of the 68 %", "truth within", f"ln likelihood > {DECIDED:g} over none", "s a map"]
    show(markdown(heads, rows), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
