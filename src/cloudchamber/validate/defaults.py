"""Checks that a study gets without writing any."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import numpy as np

from cloudchamber.schema import Column, Schema, Table
from cloudchamber.validate.check import Check
from cloudchamber.validate.posterior import posterior_checks
from cloudchamber.validate.surrogate import surrogate_checks

BINS = 15


def default_checks(schema: Schema, target: Collection[str], density: bool = False) -> list[Check]:
    """The checks of what answers with the columns ``target``: of an inference where one is of theta, else of a surrogate.

    ``density`` tells whether the answers hold what validate/posterior.py reads of a density.
    """
    theta = {name: column for name, column in schema.theta.items() if name in target}
    if not theta:
        return list(surrogate_checks(schema, {name: column for name, column in schema.x.items() if name in target}))
    return [*posterior_checks(theta, density), *pixel_checks(theta)]


def pixel_checks(columns: Mapping[str, Column], calibration: float = 0.02, skill: float = 0.05) -> list[Check]:
    """For each column of categories with a shape: how far stated probabilities are from frequencies, and that they tell more than the classes' shares."""
    checks = []
    for name, column in columns.items():
        if column.categories and column.shape:
            why = "a probability of 0.2 a pixel must be right in a fifth of such pixels"
            checks.append(Check(f"calibration of {name} a pixel", why, partial(calibration_error, name=name), limit=calibration))
            why = "the Brier score beside that of the classes' shares: at 1 the answer tells nothing"
            checks.append(Check(f"Brier score of {name} / of its shares", why, partial(brier_ratio, name=name), limit=1.0 - skill))
    return checks


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
