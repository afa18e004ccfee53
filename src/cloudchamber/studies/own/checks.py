"""Default checks: is an answer calibrated, each number by itself and all together; do a surrogate's draws look like the truth's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from math import prod

import numpy as np

from cloudchamber.schema import Column, Schema, Table
from cloudchamber.statistics.calibration import class_reliability, coverage, joint_rank, posterior_rank, uneven
from cloudchamber.statistics.classifier import auc_of
from cloudchamber.statistics.distances import wasserstein_in_sigma
from cloudchamber.validate.check import Check

LEVELS = (0.68, 0.95)
COVERAGE_LIMIT, RANK_LIMIT, SIGMA_LIMIT, AUC_LIMIT, CORRELATION_LIMIT = 0.03, 0.03, 0.05, 0.55, 0.05
AUC_EVENTS = 5000


def checks_of(schema: Schema, target: Collection[str]) -> list[Check]:
    """The checks of what answers with ``target``: of an inference where that is theta, else of a surrogate."""
    theta = {name: column for name, column in schema.theta.items() if name in target}
    return list(_inference(theta) if theta else _surrogate(schema))


def entries(table: Mapping[str, np.ndarray], columns: Mapping[str, Column], suffix: str = "") -> np.ndarray:
    """The numbers of some columns side by side: (events, numbers), of draws (events, draws, numbers); categories left out."""
    parts = [table[f"{name}{suffix}"] for name, column in columns.items() if not column.categories and not column.ragged]
    leading = 2 if suffix else 1
    return np.concatenate([np.asarray(part, float).reshape(*part.shape[:leading], -1) for part in parts], axis=-1)


def entry_names(columns: Mapping[str, Column]) -> list[str]:
    """Names of those numbers."""
    chosen = [(name, prod(column.shape)) for name, column in columns.items() if not column.categories and not column.ragged]
    return [name if size == 1 else f"{name}[{entry}]" for name, size in chosen for entry in range(size)]


def _inference(theta: Mapping[str, Column]) -> Iterator[Check]:
    for number, name in enumerate(entry_names(theta)):
        for level in LEVELS:
            yield Check(
                f"{level:.0%} coverage of {name}",
                f"how far the share of true values within the central {level:.0%} of the draws is from that",
                partial(_coverage_error, theta, number, level),
                COVERAGE_LIMIT,
                # mean distance of a share of n events from its expectation
                best=partial(_share_error, level),
            )
        yield Check(f"ranks of {name}", "how unevenly the truth lies among its draws (KS)", partial(_rank_error, theta, number), RANK_LIMIT, best=_ks_error)
    if entry_names(theta):
        why = "how unevenly truth and draws lie about random points in all numbers together (TARP, KS)"
        yield Check("joint coverage", why, partial(_joint_error, theta), RANK_LIMIT, best=_ks_error)
    for name, column in theta.items():
        if column.categories and not column.shape:
            why = "mean distance of the probability of the likeliest class from how often it was true"
            yield Check(f"calibration of {name}", why, partial(_class_error, name), COVERAGE_LIMIT, best=partial(_share_error, 0.5))


def _surrogate(schema: Schema) -> Iterator[Check]:
    for number, name in enumerate(entry_names(schema.x)):
        why = "Wasserstein distance in standard deviations of the truth"
        yield Check(f"distribution of {name}", why, partial(_marginal, schema.x, number), SIGMA_LIMIT)
    if len(entry_names(schema.x)) > 1:
        yield Check("correlations", "largest difference of two numbers' correlation", partial(_correlation, schema.x), CORRELATION_LIMIT)
    if entry_names(schema.x):
        value = auc_of(lambda table: entries(table, schema.x), lambda table: _conditions(table, schema.theta), AUC_EVENTS)
        yield Check("classifier", "AUC of a network that tells answers from truth, given theta: 0.5 where it cannot", value, AUC_LIMIT, bootstrap=0)


def _coverage_error(theta: Mapping[str, Column], number: int, level: float, truth: Table, answer: Table) -> float:
    draws, true = entries(answer, theta, "_draws")[..., number], entries(truth, theta)[:, number]
    return float(abs(coverage(draws, true, [level]).fraction[0] - level))


def _share_error(level: float, truth: Table, answer: Table) -> float:
    return float(np.sqrt(2 / np.pi * level * (1 - level) / len(next(iter(truth.values())))))


def _rank_error(theta: Mapping[str, Column], number: int, truth: Table, answer: Table) -> float:
    return uneven(posterior_rank(entries(answer, theta, "_draws")[..., number], entries(truth, theta)[:, number]))


def _joint_error(theta: Mapping[str, Column], truth: Table, answer: Table) -> float:
    return uneven(joint_rank(entries(answer, theta, "_draws"), entries(truth, theta)))


def _ks_error(truth: Table, answer: Table) -> float:
    # the mean of Kolmogorov's distribution, sqrt(pi / 2) ln 2
    return float(np.sqrt(np.pi / 2) * np.log(2) / np.sqrt(len(next(iter(truth.values())))))


def _class_error(name: str, truth: Table, answer: Table) -> float:
    return class_reliability(answer[f"{name}_probability"], truth[name]).calibration_error


def _marginal(x: Mapping[str, Column], number: int, truth: Table, answer: Table) -> float:
    return wasserstein_in_sigma(entries(truth, x)[:, number], entries(answer, x)[:, number])


def _correlation(x: Mapping[str, Column], truth: Table, answer: Table) -> float:
    both = [np.nan_to_num(np.corrcoef(entries(table, x).T)) for table in (truth, answer)]
    return float(np.abs(both[0] - both[1]).max())


def _conditions(table: Mapping[str, np.ndarray], theta: Mapping[str, Column]) -> np.ndarray:
    return np.concatenate([np.asarray(table[name], float).reshape(len(table[name]), -1) for name in theta], axis=1)
