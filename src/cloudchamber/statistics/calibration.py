"""Are stated uncertainties true? Coverage, simulation-based calibration ranks, pulls and the reliability of class probabilities.

References: Talts et al., arXiv:1804.06788 (ranks); Lemos et al., arXiv:2302.03026 (joint ranks at random points, TARP); Hermans et al., TMLR 2022,
arXiv:2110.06581 (coverage of highest-density regions); Guo et al., ICML 2017 (reliability, expected calibration error).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from cloudchamber.rng import rng

LEVELS = (0.5, 0.68, 0.9, 0.95)


class Coverage(NamedTuple):
    """The fraction of truths inside the interval of each level, with its binomial standard error; arrays (levels,)."""

    level: np.ndarray
    fraction: np.ndarray
    error: np.ndarray


class Ranks(NamedTuple):
    """Histogram of the truth's ranks among posterior draws: flat if calibrated, a hump if too wide, a bowl if too narrow."""

    counts: np.ndarray
    expected: float
    p_value: float


class Reliability(NamedTuple):
    """Stated probability and observed frequency in each filled bin, and the expected calibration error; arrays (filled bins,)."""

    probability: np.ndarray
    frequency: np.ndarray
    error: np.ndarray
    events: np.ndarray
    calibration_error: float


class Pulls(NamedTuple):
    """Mean (0 is right) and width (1 is right) of (estimate - truth) / stated error, each with its standard error."""

    mean: float
    mean_error: float
    width: float
    width_error: float


def posterior_rank(draws: np.ndarray, truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """The place of each truth (events,) among its posterior draws (events, draws), in (0, 1): uniform if the posterior is calibrated.

    Ranks are spread at random over their width, which keeps them exactly uniform for few draws and for ties. With log densities of the
    draws and of the truth in place of values, 1 - rank is the level of the highest-density region that just holds the truth.
    """
    draws, truth = _posterior(draws, truth)
    below = np.sum(draws < truth[:, None], axis=1)
    tied = np.sum(draws == truth[:, None], axis=1)
    rank: np.ndarray = (below + rng(seed, "rank").random(len(truth)) * (tied + 1)) / (draws.shape[1] + 1)
    return rank


def joint_rank(draws: np.ndarray, truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """The share of draws (events, draws, numbers) nearer to a random point than the truth (events, numbers): uniform for a calibrated posterior.

    The points are the truths of other events, and distances are in standard deviations of all truths.
    """
    random = rng(seed, "joint rank")
    scale = truth.std(axis=0)
    scale[scale == 0] = 1.0
    order, points = random.permutation(len(truth)), np.empty_like(truth)
    points[order] = truth[np.roll(order, 1)]
    distances = np.sqrt((((draws - points[:, None]) / scale) ** 2).sum(axis=2)), np.sqrt((((truth - points) / scale) ** 2).sum(axis=1))
    return posterior_rank(distances[0], distances[1], seed)


def ellipsoid_rank(draws: np.ndarray, truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """The share of draws (events, draws, numbers) that lie outside the ellipsoid of the truth (events, numbers): uniform for a calibrated posterior.

    Half of the draws tell centre and covariance, the others are ranked: so it is exact whatever the posterior's shape, and ``1 - rank`` is the level of the
    ellipsoid that just holds the truth, the highest-density region of a Gaussian.
    """
    count, numbers = draws.shape[1:]
    if count < 4:
        raise ValueError(f"an ellipsoid needs at least 4 draws, got {count}")
    learned, ranked = draws[:, : count // 2], draws[:, count // 2 :]
    centre = learned.mean(axis=1, keepdims=True)
    covariance = np.einsum("edi,edj->eij", learned - centre, learned - centre) / (count // 2)
    # few draws of many numbers leave directions without any spread
    variance = np.einsum("eii->ei", covariance)
    floor = np.maximum(variance, 1e-12 * np.where(truth.var(axis=0) > 0, truth.var(axis=0), 1.0))
    shrink = numbers / (numbers + count / 2)
    covariance = (1 - shrink) * covariance + shrink * floor[:, :, None] * np.eye(numbers)
    away = np.concatenate([ranked, truth[:, None]], axis=1) - centre
    distance = np.einsum("edi,edi->ed", away, np.linalg.solve(covariance, away.transpose(0, 2, 1)).transpose(0, 2, 1))
    return posterior_rank(-distance[:, :-1], -distance[:, -1], seed)


def uneven(rank: np.ndarray) -> float:
    """Largest distance of the distribution of ranks from the uniform one."""
    ordered, n = np.sort(rank), len(rank)
    return float(max(np.max(np.arange(1, n + 1) / n - ordered), np.max(ordered - np.arange(n) / n)))


def rank_test(rank: np.ndarray, bins: int = 20) -> Ranks:
    """Histogram ranks in (0, 1), with the chi-square probability of so uneven a histogram from uniform ranks."""
    from scipy.stats import chisquare

    if len(rank) < 5 * bins:
        raise ValueError(f"{bins} bins need at least {5 * bins} events for a chi-square test, got {len(rank)}")
    counts = np.histogram(rank, bins, (0.0, 1.0))[0]
    return Ranks(counts, len(rank) / bins, float(chisquare(counts).pvalue))


def coverage(draws: np.ndarray, truth: np.ndarray, levels: Sequence[float] = LEVELS, kind: Literal["central", "highest_density"] = "central") -> Coverage:
    """Coverage of the intervals from posterior draws (events, draws) of one parameter.

    The central one cuts equal tails; the highest-density one is the shortest that holds the level's share of draws and truth together, so that the
    choice of the shortest does not make it too short: the fraction is the level whatever the number of draws, if the posterior is calibrated.
    """
    draws, truth = _posterior(draws, truth)
    if kind == "central":
        return coverage_of_levels(np.abs(2 * posterior_rank(draws, truth) - 1), levels)
    level, random = _checked(levels), rng(0, "highest density")
    # truth and draws are alike if calibrated: the shortest interval that holds m of all D + 1 holds the truth with the probability m / (D + 1)
    pooled, place = np.sort(np.concatenate([draws, truth[:, None]], axis=1), axis=1), _places(draws, truth, random)
    inside = []
    for share in level:
        held = share * pooled.shape[1]
        size = np.clip(np.floor(held).astype(int) + (random.random(len(truth)) < held % 1), 1, pooled.shape[1])
        found = np.empty(len(truth), bool)
        for m in np.unique(size):
            chosen = size == m
            start = np.argmin(pooled[chosen, m - 1 :] - pooled[chosen, : pooled.shape[1] - m + 1], axis=1)
            found[chosen] = (start <= place[chosen]) & (place[chosen] < start + m)
        inside.append(found)
    return _coverage(level, np.array(inside))


def _places(draws: np.ndarray, truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The place of each truth among its draws once sorted, at random among ties."""
    below, tied = np.sum(draws < truth[:, None], axis=1), np.sum(draws == truth[:, None], axis=1)
    place: np.ndarray = below + np.floor(random.random(len(truth)) * (tied + 1)).astype(int)
    return place


def coverage_of_levels(needed: np.ndarray, levels: Sequence[float] = LEVELS) -> Coverage:
    """Coverage from the level (events,) each truth needs to be inside its region, such as 1 - ``posterior_rank`` of log densities."""
    level = _checked(levels)
    return _coverage(level, np.asarray(needed)[None] <= level[:, None])


def reliability(probability: np.ndarray, happened: np.ndarray, bins: int = 10) -> Reliability:
    """Compare stated probabilities (events,) of something with how often it ``happened`` (events,), in ``bins`` equal bins of [0, 1]."""
    probability, happened = np.asarray(probability, dtype=np.float64), np.asarray(happened, dtype=bool)
    if probability.ndim != 1 or probability.shape != happened.shape or len(probability) == 0:
        raise ValueError(f"probability and happened must both have shape (events,), got {probability.shape} and {happened.shape}")
    if not np.all((probability >= 0) & (probability <= 1)):
        raise ValueError(f"probabilities must lie in [0, 1], got {probability[~((probability >= 0) & (probability <= 1))][0]:g}")
    place = np.minimum((probability * bins).astype(int), bins - 1)
    events = np.bincount(place, minlength=bins)
    filled = events > 0
    stated = np.bincount(place, probability, bins)[filled] / events[filled]
    seen = np.bincount(place, happened, bins)[filled] / events[filled]
    gap = float(np.sum(events[filled] * np.abs(stated - seen)) / len(probability))
    return Reliability(stated, seen, _binomial_error(seen, events[filled]), events[filled], gap)


def class_reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> Reliability:
    """Reliability of the most likely class: ``probabilities`` (events, classes), true class numbers ``labels`` (events,)."""
    probabilities, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(f"need probabilities (events, classes) and labels (events,), got {probabilities.shape} and {labels.shape}")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise ValueError(f"class probabilities must add up to 1, got {probabilities.sum(axis=1)[np.argmax(np.abs(probabilities.sum(axis=1) - 1))]:g}")
    return reliability(np.clip(probabilities.max(axis=1), 0, 1), probabilities.argmax(axis=1) == labels, bins)


def pulls(mean: np.ndarray, std: np.ndarray, truth: np.ndarray) -> Pulls:
    """Pulls of estimates (events,) with stated standard deviations (events,)."""
    mean, std, truth = (np.asarray(values, dtype=np.float64) for values in (mean, std, truth))
    if not np.all(std > 0):
        raise ValueError(f"stated standard deviations must be positive, got {std[~(std > 0)][0]:g}")
    pull = (mean - truth) / std
    n, width = len(pull), float(pull.std(ddof=1))
    # the fourth moment keeps the width's error honest when the tails are not Gaussian
    spread = np.mean((pull - pull.mean()) ** 4) - width**4
    return Pulls(float(pull.mean()), width / np.sqrt(n), width, float(np.sqrt(max(spread, 0) / n) / (2 * width)))


def _posterior(draws: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    draws, truth = np.asarray(draws, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if draws.ndim != 2 or truth.shape != draws.shape[:1] or draws.shape[1] < 2:
        raise ValueError(f"need draws (events, draws) and truth (events,), got {draws.shape} and {truth.shape}")
    if not (np.isfinite(draws).all() and np.isfinite(truth).all()):
        raise ValueError("draws and truth must be finite: a NaN has no rank")
    return draws, truth


def _checked(levels: Sequence[float]) -> np.ndarray:
    level = np.asarray(levels, dtype=np.float64)
    if not np.all((level > 0) & (level < 1)):
        raise ValueError(f"levels must lie in (0, 1), got {levels}")
    return level


def _coverage(level: np.ndarray, inside: np.ndarray) -> Coverage:
    fraction = inside.mean(axis=1)
    return Coverage(level, fraction, _binomial_error(fraction, np.full(len(level), inside.shape[1])))


def _binomial_error(fraction: np.ndarray, events: np.ndarray) -> np.ndarray:
    # half an event added to either side, so that 0 of 10 is not certain
    smooth = (fraction * events + 0.5) / (events + 1)
    error: np.ndarray = np.sqrt(smooth * (1 - smooth) / events)
    return error
