"""Does the answer have all of the truth's variety? Density and coverage, duplicates, copies of training events.

Every number is measured in standard deviations of the truth, so that units don't weigh. Neighbour searches slow down beyond some tens of
numbers an event: give observables, or the first principal components of a profile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.statistics.features import scaled, thinned


class DensityCoverage(NamedTuple):
    """``density``: 1 where answers lie among the truth, less outside it; ``coverage``: 1 - 2^-k if all of the truth is reached, less if some is missed."""

    density: float
    coverage: float


class Birthday(NamedTuple):
    """``duplicates`` pairs of answers no farther apart than the ``expected`` closest pairs of the truth.

    ``support`` is the number of equally likely different events that gives so many (a lower bound while ``p_value`` is not small).
    """

    duplicates: int
    expected: int
    support: float
    p_value: float


class Memorisation(NamedTuple):
    """``ratio`` of the median distances to the nearest training event, answers over held-out truth: 1 is right, below 1 memorised.

    ``close`` is the fraction of answers nearer to training than all but 1 % of held-out truth: 0.01 is right, more are copies.
    """

    ratio: float
    close: float


def density_coverage(truth: np.ndarray, answer: np.ndarray, neighbours: int = 5, max_events: int = 5000, seed: int = 0) -> DensityCoverage:
    """Density and coverage of rows (events, numbers), at most ``max_events`` of each (Naeem et al., ICML 2020, eqs. 6 and 7)."""
    from scipy.spatial import cKDTree

    truth, answer = scaled(truth, answer)
    truth, answer = thinned(truth, max_events, rng(seed, "truth")), thinned(answer, max_events, rng(seed, "answer"))
    if len(truth) <= neighbours:
        raise ValueError(f"{neighbours} neighbours need more than {neighbours} true events, got {len(truth)}")
    radius = cKDTree(truth).query(truth, neighbours + 1)[0][:, -1]
    tree = cKDTree(answer)
    inside = tree.query_ball_point(truth, radius, return_length=True)
    return DensityCoverage(float(inside.sum() / (neighbours * len(answer))), float(np.mean(tree.query(truth)[0] <= radius)))


def birthday_test(truth: np.ndarray, answer: np.ndarray, pairs: int = 10, max_events: int = 5000, seed: int = 0) -> Birthday:
    """Count near-duplicates among the answers, near meaning as close as the ``pairs`` closest pairs of as many true events.

    A support of N equally likely events gives n(n-1) / 2N duplicates among n (Arora and Zhang, arXiv:1706.08224). If answer and truth are alike,
    the closest pairs come from either with even odds, so duplicates follow a negative binomial law: ``p_value`` is its upper tail.
    """
    from scipy.spatial import cKDTree
    from scipy.stats import nbinom

    truth, answer = scaled(truth, answer)
    n = min(len(truth), len(answer), max_events)
    if n <= pairs:
        raise ValueError(f"the {pairs} closest pairs need more than {pairs} events of truth and answer, got {n}")
    truth, answer = thinned(truth, n, rng(seed, "truth")), thinned(answer, n, rng(seed, "answer"))
    distance, neighbour = cKDTree(truth).query(truth, pairs + 1)
    own = np.repeat(np.arange(n), pairs + 1)
    code = np.minimum(own, neighbour.ravel()) * n + np.maximum(own, neighbour.ravel())
    others = own != neighbour.ravel()
    _, first = np.unique(code[others], return_index=True)
    radius = np.sort(distance.ravel()[others][first])[pairs - 1]
    # the search compares squares: a hair of slack keeps the pair that set the radius
    tree = cKDTree(answer)
    duplicates = (int(tree.count_neighbors(tree, radius * (1 + 1e-12))) - n) // 2
    support = n * (n - 1) / 2 / duplicates if duplicates else np.inf
    return Birthday(duplicates, pairs, support, float(nbinom.sf(duplicates - 1, pairs, 0.5)))


def memorisation(training: np.ndarray, held_out: np.ndarray, answer: np.ndarray) -> Memorisation:
    """Compare how near answers and held-out truth come to their nearest training event; all are rows (events, numbers)."""
    from scipy.spatial import cKDTree

    held_out, training, answer = scaled(held_out, training, answer)
    tree = cKDTree(training)
    honest, own = tree.query(held_out)[0], tree.query(answer)[0]
    if np.median(honest) == 0:
        raise ValueError("most held-out events are exact copies of training events: hold out events that were not trained on")
    return Memorisation(float(np.median(own) / np.median(honest)), float(np.mean(own < np.quantile(honest, 0.01))))
