"""How many signal cosmic rays a method needs to find a source, beside the least that any method can: exact p-values where the likelihood is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table, concatenate
from cloudchamber.statistics.significance import FIVE_SIGMA, Crossing, map_significance, p_from_sigma, signal_at_sigma
from cloudchamber.statistics.splitting import SplitTail, redraw, split
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SEEN, SIGNAL
from cloudchamber.studies.cosmic_ray_sky.observables import area_under_curve
from cloudchamber.studies.cosmic_ray_sky.skies.arrivals import Sky, draw_background, sky_table
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.skies.universe import Universe

OPTIMUM = "optimum (Neyman-Pearson)"
CLASSICAL = {
    "lr-scan": "likelihood-ratio scan, the law known",
    "lr-scan-radial": "the same, directions ignored",
    "tophat": "blind top-hat scan",
    "autocorrelation": "autocorrelation",
}
_LEAST_LOG = -1e4

Score = Callable[[Table], np.ndarray]
"""A statistic of skies, (events,), that grows with the signal."""
LogBayesFactors = Callable[[Table, int], np.ndarray]
"""ln p(sky | so many signal cosmic rays) / p(sky | isotropy), (events,)."""


class Found(NamedTuple):
    """Median significance (counts,) of a method at each number of signal cosmic rays, inf beyond what is known; where 5 sigma is crossed, None if unknown."""

    medians: np.ndarray
    needed: Crossing | None


def draw_skies(law: Toy | Lensed | Universe, n_signal: int, skies: int, seed: int) -> Table:
    """``skies`` with ``n_signal`` signal cosmic rays each (0: isotropic; all of a universe's), theta and x."""
    random = rng(seed, "sensitivity", n_signal)
    strength = law if isinstance(law, Universe) else replace(law, signal=(max(n_signal, 1), max(n_signal, 1)))
    theta = strength.prior(skies, random)
    kind = ISOTROPY if n_signal == 0 else SIGNAL
    theta |= {"kind": np.full(skies, kind), "n_signal": np.full(skies, n_signal)}
    return theta | law.simulate(theta, random)


@dataclass(frozen=True)
class Sample:
    """Skies at no signal and at each of ``counts`` signal cosmic rays: theta and x, the position ``drawn_at`` (events,) in (0, *counts), and ln BF at each of
    these, ``log_bf`` (events, 1 + counts)."""

    counts: tuple[int, ...]
    skies: Table
    drawn_at: np.ndarray
    log_bf: np.ndarray


def draw_sample(law: Toy | Lensed, log_bf: LogBayesFactors, counts: Sequence[int], skies: int, seed: int) -> Sample:
    """``skies`` skies at each count and as many isotropic ones, with their Bayes factors."""
    strengths = (0, *counts)
    everything = concatenate([draw_skies(law, count, skies, seed) for count in strengths])
    # a ratio too small for a number has no part in any sum
    factors = [np.maximum(log_bf(everything, count), _LEAST_LOG) for count in counts]
    drawn_at = np.repeat(np.arange(len(strengths)), skies)
    return Sample(tuple(counts), everything, drawn_at, np.stack([np.zeros(len(drawn_at)), *factors], axis=1))


def by_sampling(sample: Sample, scores: np.ndarray | None = None) -> Found:
    """The sensitivity of a method by its ``scores`` (events,) of a sample's skies, without them of the optimum, importance-sampled.

    References: ``statistics.significance`` (balance heuristic).
    """
    significances = []
    for column in range(1, sample.log_bf.shape[1]):
        statistic = sample.log_bf[:, column] if scores is None else scores
        significances.append(map_significance(statistic[sample.drawn_at == column], statistic, sample.log_bf, sample.drawn_at))
    return Found(np.array([_median(values) for values in significances]), _crossing(sample.counts, significances, 5.0))


def by_splitting(counts: Sequence[int], scores: Sequence[np.ndarray], tail: SplitTail) -> Found:
    """The sensitivity of a method by its ``scores`` (skies,) at each of ``counts``, the null tail of its statistic given.

    5 sigma is where the median score crosses the tail's threshold; the tail's error is in that of the crossing.
    """
    medians = tail.significance(np.array([_median(values) for values in scores]))
    try:
        threshold = tail.threshold(FIVE_SIGMA)
    except ValueError:
        return Found(medians, None)
    p, error = tail.p_value(threshold)
    found = _crossing(counts, scores, threshold)
    lower = _crossing(counts, scores, tail.threshold(min(FIVE_SIGMA * float(1 + error[0] / p[0]), 0.5)))
    if found is None or lower is None:
        return Found(medians, None)
    return Found(medians, Crossing(found.signal, float(np.hypot(found.error, found.signal - lower.signal))))


def null_tail(law: Sky, score: Score, seed: int, particles: int = 200, until: float = 5.5, progress: Callable[[int, float], None] | None = None) -> SplitTail:
    """The tail of ``score`` to ``until`` sigma, over isotropic skies of the number, spectrum and exposure of ``law``; nothing else of it matters."""

    def draw(n: int, random: np.random.Generator) -> Table:
        skies = sky_table(draw_background(law, n * law.n, random), np.zeros((n, law.n), bool), law.exposure)
        return {name: skies[name] for name in SEEN}

    return split(draw, redraw(draw), score, float(p_from_sigma(until)), seed, particles=particles, progress=progress)


def tagging(skies: Table, marks: Sequence[np.ndarray] | Ragged) -> float:
    """How well ``marks`` (one a cosmic ray, sky by sky) single out the cosmic rays of sources: the mean over skies of the area under the curve."""
    return float(np.mean([area_under_curve(np.asarray(mark), signal == 1) for mark, signal in zip(marks, skies["from_source"], strict=True)]))


def classical_methods(law: Toy, exposure_map: np.ndarray | None = None) -> dict[str, Score]:
    """By names of ``CLASSICAL``."""
    from cloudchamber.studies.cosmic_ray_sky.scans.autocorrelation import autocorrelation_scans, pair_fractions
    from cloudchamber.studies.cosmic_ray_sky.scans.lr_scan import likelihood_ratio_scans
    from cloudchamber.studies.cosmic_ray_sky.scans.tophat import discs, tophat_scans

    over, pairs = discs(exposure_map=exposure_map), pair_fractions(exposure_map=exposure_map)
    return {
        "lr-scan": lambda skies: likelihood_ratio_scans(vectors(skies), skies["energy_ev"], law).ln_ratio,
        "lr-scan-radial": lambda skies: likelihood_ratio_scans(vectors(skies), skies["energy_ev"], law, coherent=False).ln_ratio,
        "tophat": lambda skies: -tophat_scans(vectors(skies), skies["energy_ev"], over).ln_p,
        "autocorrelation": lambda skies: -autocorrelation_scans(vectors(skies), skies["energy_ev"], pairs).ln_p,
    }


def vectors(skies: Table) -> Ragged:
    """Unit vectors of all cosmic rays, ragged over the skies."""
    from cloudchamber.physics.sphere import unit_vectors

    return Ragged(unit_vectors(skies["lon_deg"].values, skies["lat_deg"].values), skies["lon_deg"].offsets)


def _crossing(counts: Sequence[int], values: Sequence[np.ndarray], level: float) -> Crossing | None:
    try:
        return signal_at_sigma(counts, values, level)
    except ValueError:
        return None


def _median(values: np.ndarray) -> float:
    # the higher of the two middle values, as either may be inf
    return float(np.sort(values)[len(values) // 2])
