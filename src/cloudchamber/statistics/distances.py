"""Distances between two samples: 0 where they follow one distribution, larger the more they differ.

References: Ramdas et al., Entropy 19 (2017) 47 (Wasserstein, energy, KS); Szekely and Rizzo, J. Stat. Plan. Inference 143 (2013) 1249 (energy);
Gretton et al., JMLR 13 (2012) 723, eq. 3 (MMD); Diefenbacher et al., JINST 15 (2020) P11004 (separation power as used for calorimeters).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.statistics.features import same_rows, thinned
from cloudchamber.statistics.measured import Measured

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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
    """The value of ``measured_separation``: 0 for equal distributions, 1 for disjoint ones; may fall below 0 by chance."""
    return measured_separation(truth, answer, bins).value


def measured_separation(truth: np.ndarray, answer: np.ndarray, bins: int | np.ndarray = 30) -> Measured:
    """Half the triangular discrimination, 1/2 sum (p-q)^2 / (p+q), of the distributions behind two samples, without what chance adds to it; and its error.

    Samples are (events,), or (events, values) where an event has several of a kind, which share one histogram. ``bins`` counts bins of equal content of
    both samples together, or gives edges; two more bins hold what lies beyond. Histograms alone would give about filled bins / (2 events) for equal
    distributions; but where c is the variance of p - q by chance, (p-q)^2 - c and (p+q)^2 - c have the means that are meant. Equally many events are taken as
    pairs, which may share theta, and c is that of their differences: the mean for equal distributions is exactly 0. Of unequally many it is nearly so, a
    twentieth of what histograms alone would give. The error is right to a tenth or two, and too small, by two fifths at worst, where very different
    distributions fill their bins with a few events each. ValueError without a bin of finite width.
    """
    truth, answer = same_rows(truth, answer)
    if isinstance(bins, int):
        bins = np.quantile(np.concatenate([truth, answer]), np.linspace(0, 1, bins + 1))
    edges = np.unique(np.asarray(bins, dtype=np.float64))
    if len(edges) < 2:
        raise ValueError(f"separation power needs at least one bin of finite width, got edges {edges}")
    # the last bin holds its upper edge
    edges[-1] = np.nextafter(edges[-1], np.inf)
    first, second = (_shares(sample, edges) for sample in (truth, answer))
    p, q = (shares.mean(axis=0) for shares in (first, second))
    both, apart = p + q, p - q
    if len(truth) == len(answer):
        moved = first - second
        chance = (moved.T @ moved).toarray() / len(truth) ** 2
    else:
        chance = _chance(first, p) + _chance(second, q)
    own = np.diag(chance)
    # of a bin with one event nothing is known
    known = both**2 > own * (1 + 1e-9)
    value = 0.5 * np.sum(both * np.divide(apart**2 - own, both**2 - own, out=np.zeros_like(both), where=known))
    return Measured(float(value), _separation_error(first, second, both, apart, chance))


def triangular_discrimination(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """1/2 sum (p-q)^2 / (p+q) over the last axis: the separation power of two histograms that each add up to 1."""
    both = p + q
    return 0.5 * np.sum(np.divide((p - q) ** 2, both, out=np.zeros_like(both), where=both > 0), axis=-1)


def _shares(sample: np.ndarray, edges: np.ndarray) -> csr_array:
    """Which share of an event's values lies below, between and above the edges, (events, bins)."""
    from scipy.sparse import csr_array

    events, values = sample.shape
    place = np.searchsorted(edges, sample.ravel(), side="right")
    return csr_array((np.full(place.size, 1 / values), place, np.arange(0, place.size + 1, values)), shape=(events, len(edges) + 1))


def _chance(shares: csr_array, mean: np.ndarray) -> np.ndarray:
    """Covariance of the mean share, (bins, bins)."""
    events = shares.shape[0]
    return ((shares.T @ shares).toarray() / events - np.outer(mean, mean)) / max(events - 1, 1)


def _separation_error(first: csr_array, second: csr_array, both: np.ndarray, apart: np.ndarray, chance: np.ndarray) -> float:
    """Standard deviation over samples: what is left for equal distributions, and beyond it how the value moves with each event (the delta method)."""
    scale = np.divide(1.0, both, out=np.zeros_like(both), where=both > 0)
    equal = 0.5 * float(np.sum(np.outer(scale, scale) * chance**2))
    ratio = apart * scale
    pulls = [first @ (ratio - 0.5 * ratio**2), second @ (-ratio - 0.5 * ratio**2)]
    if first.shape == second.shape:
        pulls = [pulls[0] + pulls[1]]
    moves = sum(float(np.var(pull)) / len(pull) for pull in pulls)
    # for equal distributions chance moves the value twice as much: once by this sample, once by the next one
    return float(np.sqrt(max(moves - equal, equal)))


def _line(truth: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, answer = same_rows(truth, answer)
    if truth.shape[1] != 1:
        raise ValueError(f"this distance compares one number an event, got {truth.shape[1]}")
    return truth[:, 0], answer[:, 0]


def _thin(truth: np.ndarray, answer: np.ndarray, max_events: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    truth, answer = same_rows(truth, answer)
    return thinned(truth, max_events, rng(seed, "truth")), thinned(answer, max_events, rng(seed, "answer"))
