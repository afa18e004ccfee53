"""How many signal cosmic rays a method needs to find a source, beside the least that any method can: exact p-values where the likelihood is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table, concatenate
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SIGNAL
from cloudchamber.studies.cosmic_ray_sky.lensed import Lensed
from cloudchamber.studies.cosmic_ray_sky.observables import area_under_curve
from cloudchamber.studies.cosmic_ray_sky.toy import Toy
from cloudchamber.validate.significance import Crossing, Normalisation, map_significance, normalisation, signal_at_sigma

OPTIMUM = "optimum (Neyman-Pearson)"
_LEAST_LOG = -1e4

Score = Callable[[Table], np.ndarray]
"""A statistic of skies, (events,), that grows with the signal."""
LogBayesFactors = Callable[[Table, int], np.ndarray]
"""ln p(sky | so many signal cosmic rays) / p(sky | isotropy), (events,)."""


@dataclass(frozen=True)
class Sensitivity:
    """Median significance of each method at each number of signal cosmic rays, (counts,), inf beyond what the skies support; where 5 sigma is crossed, None
    where that is outside; and E[1/BF] over all skies, 1 for exact Bayes factors."""

    medians: Mapping[str, np.ndarray]
    needed: Mapping[str, Crossing | None]
    check: Normalisation


def draw_skies(law: Toy | Lensed, n_signal: int, skies: int, seed: int) -> Table:
    """``skies`` with ``n_signal`` signal cosmic rays each (0: isotropic), theta and x."""
    random = rng(seed, "sensitivity", n_signal)
    theta = replace(law, signal=(max(n_signal, 1), max(n_signal, 1))).prior(skies, random)
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


def measure(sample: Sample, scores: Mapping[str, np.ndarray]) -> Sensitivity:
    """The sensitivity of methods by their ``scores`` (events,) of the skies of a sample, and of the optimum.

    References: ``validate.significance`` (importance sampling by the balance heuristic).
    """
    medians: dict[str, np.ndarray] = {}
    needed: dict[str, Crossing | None] = {}
    for name in (OPTIMUM, *scores):
        significances = []
        for column in range(1, sample.log_bf.shape[1]):
            statistic = sample.log_bf[:, column] if name == OPTIMUM else scores[name]
            significances.append(map_significance(statistic[sample.drawn_at == column], statistic, sample.log_bf, sample.drawn_at))
        medians[name] = np.array([np.sort(values)[len(values) // 2] for values in significances])
        try:
            needed[name] = signal_at_sigma(sample.counts, significances)
        except ValueError:
            needed[name] = None
    return Sensitivity(medians, needed, normalisation(sample.log_bf, sample.drawn_at))


def tagging(skies: Table, marks: Sequence[np.ndarray] | Ragged) -> float:
    """How well ``marks`` (one a cosmic ray, sky by sky) single out the cosmic rays of sources: the mean over skies of the area under the curve."""
    return float(np.mean([area_under_curve(np.asarray(mark), signal == 1) for mark, signal in zip(marks, skies["from_source"], strict=True)]))


def classical_methods(law: Toy, exposure_map: np.ndarray | None = None) -> dict[str, Score]:
    """The likelihood-ratio scan that knows the law, the same without the coherent direction, the blind top-hat scan and the autocorrelation."""
    from cloudchamber.studies.cosmic_ray_sky.autocorrelation import autocorrelation_scans, pair_fractions
    from cloudchamber.studies.cosmic_ray_sky.lr_scan import likelihood_ratio_scans
    from cloudchamber.studies.cosmic_ray_sky.tophat import discs, tophat_scans

    over, pairs = discs(exposure_map=exposure_map), pair_fractions(exposure_map=exposure_map)
    return {
        "likelihood-ratio scan": lambda skies: likelihood_ratio_scans(vectors(skies), skies["energy_ev"], law).ln_ratio,
        "likelihood-ratio scan, direction ignored": lambda skies: likelihood_ratio_scans(vectors(skies), skies["energy_ev"], law, coherent=False).ln_ratio,
        "blind top-hat scan": lambda skies: -tophat_scans(vectors(skies), skies["energy_ev"], over).ln_p,
        "autocorrelation": lambda skies: -autocorrelation_scans(vectors(skies), skies["energy_ev"], pairs).ln_p,
    }


def vectors(skies: Table) -> Ragged:
    """Unit vectors of all cosmic rays, ragged over the skies."""
    from cloudchamber.physics.sphere import unit_vectors

    return Ragged(unit_vectors(skies["lon_deg"].values, skies["lat_deg"].values), skies["lon_deg"].offsets)
