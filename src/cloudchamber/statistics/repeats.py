"""Values that repeat: lines, zeros, edges. A density over the reals may have their neighbourhood right and never hit one."""

from __future__ import annotations

import numpy as np

FEWEST = 10
"""A value that is met less often, in truth and answer alike, is taken for one of many."""


def repeats(truth: np.ndarray, answer: np.ndarray, fewest: int = FEWEST) -> dict[float, tuple[float, float]]:
    """Each value that repeats in either, to the last bit, with its share of the truth and of the answer, the largest difference first."""
    shares: dict[float, list[float]] = {}
    for side, values in enumerate((truth, answer)):
        found, counts = np.unique(np.ravel(values), return_counts=True)
        for value, count in zip(found[counts >= fewest].tolist(), counts[counts >= fewest].tolist(), strict=True):
            shares.setdefault(value, [0.0, 0.0])[side] = count / values.size
    for value, share in shares.items():
        for side, values in enumerate((truth, answer)):
            if not share[side]:
                share[side] = float(np.mean(values == value))
    return {value: (share[0], share[1]) for value, share in sorted(shares.items(), key=lambda each: -abs(each[1][0] - each[1][1]))}


def repeated_difference(truth: np.ndarray, answer: np.ndarray, fewest: int = FEWEST) -> float:
    """The share of numbers that would have to move for the repeated values to be met equally often: total variation, the rest as one, from 0 to 1."""
    shares = np.array(list(repeats(truth, answer, fewest).values())).reshape(-1, 2)
    excess = shares[:, 0] - shares[:, 1]
    return float(max(excess.clip(0).sum(), (-excess).clip(0).sum()))
