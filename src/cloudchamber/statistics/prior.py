"""How probable true values are beforehand, as other true values tell: what an answer must beat.

References: Nelsen (2006), An Introduction to Copulas, 2nd ed. (the Gaussian copula).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cloudchamber.rng import rng

EVENTS_A_BIN = 25


def prior_log_prob(numbers: np.ndarray, classes: Sequence[np.ndarray], seed: int = 0) -> np.ndarray:
    """ln of the prior's density at true ``numbers`` (events, numbers) and ``classes``, arrays (events,) each: (events,).

    The events are cut in two halves, and the density fitted to one is that of the other, so that no event is told its own. It has each number's histogram in
    bins of equal contents, tied together as the ranks of a Gaussian, and the classes' shares, for themselves. What depends in other ways it misses, and is
    then lower than the prior's.
    """
    events = len(numbers)
    if events < 8:
        raise ValueError(f"the prior's density needs at least 8 events, got {events}")
    order = rng(seed, "prior").permutation(events)
    found = np.zeros(events)
    low, high = (numbers.min(axis=0), numbers.max(axis=0)) if numbers.shape[1] else (np.zeros(0), np.zeros(0))
    for learned, scored in ((order[: events // 2], order[events // 2 :]), (order[events // 2 :], order[: events // 2])):
        if numbers.shape[1]:
            found[scored] += _numbers_log_prob(numbers[learned], numbers[scored], low, high)
        for codes in classes:
            share = (np.bincount(codes[learned], minlength=int(codes.max()) + 1) + 0.5) / (len(learned) + 0.5 * (codes.max() + 1))
            found[scored] += np.log(share[codes[scored]])
    return found


def _numbers_log_prob(learned: np.ndarray, scored: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    total, scores = np.zeros(len(scored)), []
    for number in range(learned.shape[1]):
        edges = np.quantile(learned[:, number], np.linspace(0, 1, max(len(learned) // EVENTS_A_BIN, 2) + 1))
        edges[0], edges[-1] = low[number], high[number]
        width = np.maximum(np.diff(edges), max(1e-9 * (high[number] - low[number]), np.finfo(float).tiny))
        place = np.clip(np.searchsorted(edges, scored[:, number], side="right") - 1, 0, len(width) - 1)
        total -= np.log(len(width) * width[place])
        scores.append([_normal_scores(values[:, number], edges) for values in (learned, scored)])
    if len(scores) > 1:
        there, here = (np.stack([each[side] for each in scores], axis=1) for side in (0, 1))
        # towards independence, where few events tell of many numbers
        weight = len(there) / (len(there) + 2 * there.shape[1])
        ties = weight * np.corrcoef(there.T) + (1 - weight) * np.eye(there.shape[1])
        total -= 0.5 * np.linalg.slogdet(ties)[1] + 0.5 * np.einsum("ei,ij,ej->e", here, np.linalg.inv(ties) - np.eye(len(ties)), here)
    return total


def _normal_scores(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri

    margin = 0.5 / (EVENTS_A_BIN * len(edges))
    scores: np.ndarray = ndtri(np.clip(np.interp(values, edges, np.linspace(0, 1, len(edges))), margin, 1 - margin))
    return scores
