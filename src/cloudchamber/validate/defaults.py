"""Checks that a study gets without writing any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from cloudchamber.schema import Column, Table
from cloudchamber.statistics.repeats import repeated_difference
from cloudchamber.validate.check import Check, Groups

BINS = 15


def pixel_checks(columns: Mapping[str, Column], calibration: float = 0.02, skill: float = 0.0) -> list[Check]:
    """For each column of categories with a shape: how far stated probabilities are from frequencies, and that they tell more than the classes' shares."""
    checks = []
    for name, column in columns.items():
        if column.categories and column.shape:
            why = "a probability of 0.2 a pixel must be right in a fifth of such pixels"
            checks.append(Check(f"calibration of {name} a pixel", why, partial(calibration_error, name=name), limit=calibration))
            why = "the Brier score beside that of the classes' shares: below 1 the answer tells something"
            checks.append(Check(f"Brier score of {name} / of its shares", why, partial(brier_ratio, name=name), limit=1.0 - skill))
    return checks


def repeats_check(columns: Sequence[str], limit: float = 0.01, groups: Groups | None = None, bootstrap: int | None = None) -> Check:
    """That lines, zeros and edges of these columns are met as often as in the truth, to the last bit; of several columns the worst."""

    def value(truth: Table, answer: Table) -> float:
        return max(repeated_difference(np.asarray(truth[name]), np.asarray(answer[name])) for name in columns)

    return Check(
        "repeated values",
        f"lines, zeros and edges of {' and '.join(columns)} are hit as often, to the last bit",
        value,
        limit,
        groups=groups,
        bootstrap=bootstrap,
    )


def calibration_error(truth: Table, answer: Table, name: str) -> float:
    """Mean distance of stated probability and frequency over ``BINS`` bins of probability, weighted by their pixels.

    A truth in the answer's place states what is: probabilities 0 and 1. References: Naeini et al. (2015), AAAI, expected calibration error.
    """
    stated, happened = _stated(truth, answer, name)
    place = np.minimum((stated * BINS).astype(int), BINS - 1).ravel()
    count = np.bincount(place, minlength=BINS)
    said, seen = (np.bincount(place, values.ravel(), minlength=BINS) for values in (stated, happened))
    return float(np.abs(said - seen).sum() / count.sum())


def brier_ratio(truth: Table, answer: Table, name: str) -> float:
    """Mean squared distance of stated probabilities and what was, beside that of the shares that the classes have. References: Brier (1950)."""
    stated, happened = _stated(truth, answer, name)
    shares = happened.reshape(-1, happened.shape[-1]).mean(axis=0)
    return float(np.mean((stated - happened) ** 2) / max(float(np.mean((shares - happened) ** 2)), 1e-12))


def _stated(truth: Table, answer: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (events, ..., classes), and the truth one-hot."""
    probability = answer.get(f"{name}_probability")
    if probability is None:
        classes = int(max(truth[name].max(initial=0), answer[name].max(initial=0))) + 1
        probability = np.eye(classes)[answer[name]]
    return np.asarray(probability, float), np.eye(probability.shape[-1])[truth[name]]
