"""Default checks of an answer about theta: is it calibrated, each number by itself and all together, and does it tell more than the prior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from cloudchamber.schema import Column, Table
from cloudchamber.statistics.calibration import class_reliability, coverage, coverage_of_levels, ellipsoid_rank, joint_rank, posterior_rank, pulls, uneven
from cloudchamber.validate.check import Check
from cloudchamber.validate.numbers import chosen, entries, entry_names

LEVELS = (0.68, 0.95)
JOINT_LEVELS = (0.68, 0.9)
COVERAGE_LIMIT, RANK_LIMIT, PULL_LIMIT = 0.03, 0.03, 0.1
MOST_NUMBERS = 12
"""So many numbers are looked at one by one, spread evenly over all; together all count."""
DENSITY_RANK, LOG_PROB, OWN_LOG_PROB, PRIOR_LOG_PROB = "density_rank", "log_prob", "own_log_prob", "prior_log_prob"
"""What an answer with a density holds beside its draws, (events,): the share of its draws that are less probable than the truth; ln of its density at the
truth; the mean of that over its draws; and ln of the prior's density at the truth."""


def posterior_checks(theta: Mapping[str, Column], density: bool) -> Iterator[Check]:
    """Of answers about the columns ``theta``; with ``density`` also those of LOG_PROB and its companions."""
    names = entry_names(theta)
    for number in chosen(len(names), MOST_NUMBERS) if names else ():
        yield from _number_checks(theta, number, names[number])
    if names:
        for level in JOINT_LEVELS:
            why = f"how far the share of truths within the {level:.0%} most probable part of all numbers together is from that"
            yield Check(f"joint {level:.0%} coverage", why, partial(_joint_coverage_error, theta, level), COVERAGE_LIMIT, best=partial(_share_error, level))
        why = "how unevenly truth and draws lie about random points in all numbers together (TARP, KS)"
        yield Check("joint ranks", why, partial(_joint_error, theta), RANK_LIMIT, best=_ks_error)
    for name, column in theta.items():
        if column.categories and not column.shape:
            why = "mean distance of the probability of the likeliest class from how often it was true"
            yield Check(f"calibration of {name}", why, partial(_class_error, name), COVERAGE_LIMIT, best=partial(_share_error, 0.5))
    if density:
        why = "ln density of the truth, the prior's less the answer's (the prior as half of these truths tell it): below 0 where the events tell something"
        yield Check("log score", why, _log_score, 0.0, "nats", best=_own_log_score, promised=True)


def _number_checks(theta: Mapping[str, Column], number: int, name: str) -> Iterator[Check]:
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
    why = "mean of (answer - truth) / stated deviation: 0 where nothing is shifted"
    yield Check(f"pull of {name}", why, partial(_pull_error, theta, number), PULL_LIMIT, "deviations", best=partial(_normal_error, 1.0))
    why = "how far the spread of (answer - truth) / stated deviation is from 1"
    yield Check(f"pull width of {name}", why, partial(_width_error, theta, number), PULL_LIMIT, best=partial(_normal_error, 2.0))


def _coverage_error(theta: Mapping[str, Column], number: int, level: float, truth: Table, answer: Table) -> float:
    draws, true = entries(answer, theta, "_draws")[..., number], entries(truth, theta)[:, number]
    return float(abs(coverage(draws, true, [level]).fraction[0] - level))


def _joint_coverage_error(theta: Mapping[str, Column], level: float, truth: Table, answer: Table) -> float:
    rank = answer[DENSITY_RANK] if DENSITY_RANK in answer else ellipsoid_rank(entries(answer, theta, "_draws"), entries(truth, theta))
    return float(abs(coverage_of_levels(1 - rank, [level]).fraction[0] - level))


def _share_error(level: float, truth: Table, answer: Table) -> float:
    return float(np.sqrt(2 / np.pi * level * (1 - level) / len(next(iter(truth.values())))))


def _rank_error(theta: Mapping[str, Column], number: int, truth: Table, answer: Table) -> float:
    return uneven(posterior_rank(entries(answer, theta, "_draws")[..., number], entries(truth, theta)[:, number]))


def _joint_error(theta: Mapping[str, Column], truth: Table, answer: Table) -> float:
    return uneven(joint_rank(entries(answer, theta, "_draws"), entries(truth, theta)))


def _ks_error(truth: Table, answer: Table) -> float:
    # the mean of Kolmogorov's distribution, sqrt(pi / 2) ln 2
    return float(np.sqrt(np.pi / 2) * np.log(2) / np.sqrt(len(next(iter(truth.values())))))


def _pulls(theta: Mapping[str, Column], number: int, truth: Table, answer: Table) -> tuple[float, float]:
    draws, true = entries(answer, theta, "_draws")[..., number], entries(truth, theta)[:, number]
    # draws that are all the same state no deviation: any at all is far too small
    smallest = max(1e-6 * float(np.std(true)), float(np.finfo(float).tiny))
    found = pulls(draws.mean(axis=1), np.maximum(draws.std(axis=1, ddof=1), smallest), true)
    return abs(found.mean), abs(found.width - 1)


def _pull_error(theta: Mapping[str, Column], number: int, truth: Table, answer: Table) -> float:
    return _pulls(theta, number, truth, answer)[0]


def _width_error(theta: Mapping[str, Column], number: int, truth: Table, answer: Table) -> float:
    return _pulls(theta, number, truth, answer)[1]


def _normal_error(divisor: float, truth: Table, answer: Table) -> float:
    # mean distance of the mean (1), or of the deviation (2), of n standard normal pulls from its expectation
    return float(np.sqrt(2 / np.pi / divisor / len(next(iter(truth.values())))))


def _class_error(name: str, truth: Table, answer: Table) -> float:
    return class_reliability(answer[f"{name}_probability"], truth[name]).calibration_error


def _log_score(truth: Table, answer: Table) -> float:
    return float(np.mean(answer[PRIOR_LOG_PROB] - answer[LOG_PROB]))


def _own_log_score(truth: Table, answer: Table) -> float:
    """What it would be if the truth were drawn from the answer."""
    return float(np.mean(answer[PRIOR_LOG_PROB] - answer[OWN_LOG_PROB]))
