"""What a posterior of one map of the Galactic Centre costs, and what nested sampling of template fits of the same map does, in one run on one core.

$ python benchmarks/galactic_centre_speed.py --markdown speed.md

Nested sampling is dynesty's (`pip install dynesty`), of 500 live points to a remainder of 0.1 in the evidence, its defaults else. The Poisson template fit
has the run's bins, all seven templates, and the study's ranges as uniform priors; it is run to its end. The non-Poissonian likelihood has nine parameters: six
amplitudes, the share of sources and two breaks of dN/dF. Its nested sampling is not run: its cost is that of one likelihood times the number that the Poisson
fit took, which has two parameters less. CPU seconds. The exit code is 1 where the posterior takes a second or more, or nested sampling less than 1000 times as
long.

References: J. Speagle, MNRAS 493 (2020) 3132; J. Skilling, Bayesian Analysis 1 (2006) 833.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from gates import Gate, told
from timing import least

from cloudchamber.hub import load
from cloudchamber.physics.gamma.face import within
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.columns import PLANE_DEG, REGION_DEG
from cloudchamber.studies.galactic_centre.findings import classical_fit, instrument_of
from cloudchamber.studies.galactic_centre.fit.components import SMOOTH, SOURCES, component_templates
from cloudchamber.studies.galactic_centre.fit.source_share import SkyLikelihood, source_share
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.studies.galactic_centre.sky.skies import prior_of

SECOND, TIMES = 1.0, 1000.0
"""The posterior is to take less than this, nested sampling so many times as long."""


@dataclass(frozen=True)
class Options:
    """What to time."""

    run: str = "galactic_centre"
    """The trained model."""
    draws: int = 1000
    """Of the posterior."""
    live: int = 500
    """Points of nested sampling."""
    rounds: int = 5
    """The fastest counts, but of nested sampling, which is run once."""
    seed: int = 1
    """Same seed, same map."""
    markdown: Path | None = None
    """Write the table there too."""


def nested(log_likelihood: Callable[[np.ndarray], float], low: np.ndarray, high: np.ndarray, options: Options) -> tuple[float, int]:
    """CPU seconds, and likelihoods evaluated, of nested sampling within a box."""
    try:
        from dynesty import NestedSampler
    except ImportError:
        raise SystemExit("nested sampling needs dynesty, which is not installed: pip install dynesty") from None
    began = time.process_time()
    sampler = NestedSampler(log_likelihood, lambda unit: low + (high - low) * unit, len(low), nlive=options.live, rstate=rng(options.seed, "nested"))
    sampler.run_nested(dlogz=0.1, print_progress=False)
    return time.process_time() - began, int(np.sum(sampler.results.ncall))


def main(options: Options) -> int:
    """Time, print; 1 where a limit is missed."""
    import torch

    torch.set_num_threads(1)
    model = load(options.run)
    instrument = instrument_of(model)
    sky = RandomSky(edges_gev=instrument.edges_gev, events=instrument.events, nside=instrument.nside)
    event = sky.simulate(sky.prior(1, rng(options.seed, "theta")), rng(options.seed, "map"))
    given = {name: event[name] for name in model.given}
    posterior = least(lambda: model.posterior(given, options.draws, 1, outside="answer"), options.rounds)

    counts, exposure = event["counts"][0], np.asarray(event["exposure_cm2_s"][0], float)
    classical = classical_fit(counts, exposure, instrument)
    per_bin = exposure / instrument.exposure_cm2_s
    region = np.broadcast_to(within(instrument.nside, REGION_DEG, PLANE_DEG), counts.shape)
    made = component_templates(instrument, classical.shapes, {"years": 1.0})
    templates = np.stack([(made[name] * per_bin[:, None, None])[region] for name in (*SMOOTH, *SOURCES)])
    seen = counts[region].astype(float)
    prior = prior_of(instrument.bins)
    low, high = np.array([prior[name][:2] for name in (*SMOOTH, *SOURCES)]).T

    def poisson(amplitudes: np.ndarray) -> float:
        expected = amplitudes @ templates
        return float(seen @ np.log(expected) - expected.sum())

    middle = 0.5 * (low + high)
    one = least(lambda: poisson(middle), 100)
    cost, calls = nested(poisson, low, high, options)

    sources = SkyLikelihood(counts, exposure, instrument, classical.shapes)
    at = [middle[[*SMOOTH, *SOURCES].index(name)] for name in sources.names]
    breaks = [float(np.sqrt(np.prod(prior[name][:2]))) for name in ("source_break_cm2_s", "disk_break_cm2_s")]
    # each break a little off the last one: no law is in the tables already
    steps = iter(1 + 1e-6 * np.arange(1, 1000))
    single = least(lambda: sources.log_likelihood(np.array(at), 0.5, breaks[0] * next(steps), breaks[1] * next(steps)), 20)
    quick = least(lambda: source_share(counts, exposure, instrument, classical.shapes), 1)

    gates = [
        Gate(f"posterior of one map, {options.draws} draws", posterior, f"< {SECOND:g}", posterior, SECOND, "s"),
        Gate(f"the Poisson template fit's likelihood, {region.sum():,} numbers, {len(low)} amplitudes", 1e3 * one, unit="ms"),
        Gate(f"nested sampling of it, {calls:,} likelihoods", cost, unit="s"),
        Gate("over the posterior", cost / posterior, f"≥ {TIMES:g}", TIMES * posterior / cost, 1.0),
        Gate("the non-Poissonian likelihood, all bins together", 1e3 * single, unit="ms"),
        Gate("nested sampling of it: the same number of likelihoods, not run", calls * single, unit="s"),
        Gate("over the posterior, as estimated", calls * single / posterior),
        Gate("f_src of the non-Poissonian likelihood on a grid (`infer`)", quick, unit="s"),
    ]
    gates.append(Gate(f"load of the machine's {os.cpu_count()} cores meanwhile", os.getloadavg()[1]))
    return told(gates, options.markdown)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
