"""Distances between two samples: 0 where they follow one distribution, larger the more they differ.

References: Ramdas et al., Entropy 19 (2017) 47 (Wasserstein, energy, KS); Szekely and Rizzo, J. Stat. Plan. Inference 143 (2013) 1249 (energy);
Gretton et al., JMLR 13 (2012) 723, eq. 3 (MMD); Diefenbacher et al., JINST 15 (2020) P11004 (separation power as used for calorimeters).
"""

from __future__ import annotations

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.statistics.features import same_rows, thinned


def wasserstein(truth: np.ndarray, answer: np.ndarray) -> float:
    """Wasserstein-1 distance of two one-dimensional samples, in their unit."""
    truth, answer = _line(truth, answer)
    if len(truth) == len(answer):
        return float(np.mean(np.abs(np.sort(truth) - np.sort(answer))))
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(truth, answer))


def wasserstein_in_sigma(truth: np.ndarray, answer: np.ndarray) -> float:
    """Wasserstein-1 distance in standard deviations of the truth."""
    sigma = float(np.std(truth))
    if sigma == 0:
        raise ValueError("the truth has no spread to measure a distance by: every value is the same")
    return wasserstein(truth, answer) / sigma


def kolmogorov_smirnov(truth: np.ndarray, answer: np.ndarray) -> float:
    """Largest difference of the two empirical distribution functions, in [0, 1]."""
    truth, answer = _line(truth, answer)
    truth, answer = np.sort(truth), np.sort(answer)
    # in order: looked up at random, millions of numbers take ten times as long
    both = np.sort(np.concatenate([truth, answer]))
    below = [np.searchsorted(sample, both, side="right") / len(sample) for sample in (truth, answer)]
    return float(np.max(np.abs(below[0] - below[1])))


def kolmogorov_smirnov_p(truth: np.ndarray, answer: np.ndarray) -> float:
    """Probability of a Kolmogorov-Smirnov distance at least this large if both samples follow one distribution."""
    from scipy.stats import ks_2samp

    truth, answer = _line(truth, answer)
    return float(ks_2samp(truth, answer).pvalue)


def energy_distance(truth: np.ndarray, answer: np.ndarray, max_events: int = 2000, seed: int = 0) -> float:
    """Unbiased squared energy distance 2 E|X-Y| - E|X-X'| - E|Y-Y'| of rows (events, numbers); may fall below 0 by chance.

    At most ``max_events`` of each are compared. Numbers of different units weigh alike after ``features.scaled``.
    """
    from scipy.spatial.distance import cdist, pdist

    truth, answer = _thin(truth, answer, max_events, seed)
    return float(2 * cdist(truth, answer).mean() - pdist(truth).mean() - pdist(answer).mean())


def mmd(truth: np.ndarray, answer: np.ndarray, max_events: int = 2000, seed: int = 0) -> float:
    """Unbiased squared maximum mean discrepancy of rows (events, numbers) with the kernel exp(-d^2 / 2 h^2), h the median distance of all pairs.

    At most ``max_events`` of each are compared; may fall below 0 by chance.
    """
    from scipy.spatial.distance import cdist, pdist

    truth, answer = _thin(truth, answer, max_events, seed)
    across, first, second = cdist(truth, answer, "sqeuclidean"), pdist(truth, "sqeuclidean"), pdist(answer, "sqeuclidean")
    squared_width = float(np.median(np.concatenate([across.ravel(), first, second])))
    if squared_width == 0:
        raise ValueError("most events are exact copies of each other: the kernel has no width")
    kernel = [float(np.exp(-squared / (2 * squared_width)).mean()) for squared in (first, second, across)]
    return kernel[0] + kernel[1] - 2 * kernel[2]


def separation_power(truth: np.ndarray, answer: np.ndarray, bins: int | np.ndarray = 30) -> float:
    """Half the triangular discrimination, 1/2 sum (p-q)^2 / (p+q), of two histograms: 0 for equal ones, 1 for disjoint ones.

    ``bins`` counts bins of equal truth content, or gives edges; two more bins hold what lies beyond. Statistical noise adds about bins / (2 events).
    """
    truth, answer = _line(truth, answer)
    edges = np.unique(np.quantile(truth, np.linspace(0, 1, bins + 1)) if isinstance(bins, int) else np.asarray(bins, dtype=np.float64))
    if len(edges) < 2:
        raise ValueError(f"separation power needs at least one bin of finite width, got edges {edges}")
    # the last bin holds its upper edge
    edges[-1] = np.nextafter(edges[-1], np.inf)
    p, q = (np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1) / len(sample) for sample in (truth, answer))
    return float(triangular_discrimination(p, q))


def triangular_discrimination(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """1/2 sum (p-q)^2 / (p+q) over the last axis: the separation power of two histograms that each add up to 1."""
    both = p + q
    return 0.5 * np.sum(np.divide((p - q) ** 2, both, out=np.zeros_like(both), where=both > 0), axis=-1)


def _line(truth: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, answer = same_rows(truth, answer)
    if truth.shape[1] != 1:
        raise ValueError(f"this distance compares one number an event, got {truth.shape[1]}")
    return truth[:, 0], answer[:, 0]


def _thin(truth: np.ndarray, answer: np.ndarray, max_events: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    truth, answer = same_rows(truth, answer)
    return thinned(truth, max_events, rng(seed, "truth")), thinned(answer, max_events, rng(seed, "answer"))
