"""Default checks of a surrogate: do its draws look like the truth's, number by number, in pairs, and to a classifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import prod

import numpy as np

from cloudchamber.schema import Column, Schema, Table
from cloudchamber.statistics.classifier import Trees, auc_of
from cloudchamber.statistics.distances import wasserstein_in_sigma
from cloudchamber.statistics.repeats import repeated_difference
from cloudchamber.validate.check import Check, Groups
from cloudchamber.validate.numbers import chosen, entries, entry_names

SIGMA_LIMIT, AUC_LIMIT, CORRELATION_LIMIT, SHARE_LIMIT = 0.05, 0.55, 0.05, 0.03
AUC_EVENTS = 5000
MOST_NUMBERS = 12
"""So many numbers are looked at one by one, spread evenly over all; the classifier sees all."""


def surrogate_checks(schema: Schema, target: Mapping[str, Column]) -> Iterator[Check]:
    """Of draws of the columns ``target`` of x."""
    names = entry_names(target)
    for number in chosen(len(names), MOST_NUMBERS) if names else ():
        why = "Wasserstein distance in standard deviations of the truth"
        yield Check(f"distribution of {names[number]}", why, partial(_marginal, target, number), SIGMA_LIMIT)
    for name, column in target.items():
        if column.categories:
            yield Check(f"shares of {name}", "largest difference of a class's share", partial(_shares, name, len(column.categories)), SHARE_LIMIT)
        elif column.ragged:
            yield Check(f"elements of {name}", "Wasserstein distance of how many an event has", partial(_elements, name), SIGMA_LIMIT, "deviations")
            for entry in chosen(prod(column.shape), MOST_NUMBERS):
                word = f"distribution of {name}" + (f"[{entry}]" if prod(column.shape) > 1 else "")
                yield Check(word, "Wasserstein distance over the elements of all events", partial(_pooled, name, entry), SIGMA_LIMIT, "deviations")
    if len(names) > 1:
        yield Check("correlations", "largest difference of two numbers' correlation", partial(_correlation, target), CORRELATION_LIMIT)
    if names:
        value = auc_of(lambda table: entries(table, target), lambda table: _conditions(table, schema.theta), AUC_EVENTS)
        yield Check("classifier", "AUC of a network that tells answers from truth, given theta: 0.5 where it cannot", value, AUC_LIMIT, bootstrap=0)
        trees = auc_of(lambda table: entries(table, target), lambda table: _conditions(table, schema.theta), AUC_EVENTS, Trees())
        yield Check("trees", "the same of boosted trees, which see edges and spikes", trees, AUC_LIMIT, bootstrap=0, needs="sklearn")
    if plain := [name for name, column in target.items() if not column.categories and not column.ragged]:
        yield repeats_check(plain)


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


def _marginal(x: Mapping[str, Column], number: int, truth: Table, answer: Table) -> float:
    return _distance(entries(truth, x)[:, number], entries(answer, x)[:, number])


def _shares(name: str, classes: int, truth: Table, answer: Table) -> float:
    shares = [np.bincount(np.ravel(table[name]), minlength=classes) / np.size(table[name]) for table in (truth, answer)]
    return float(np.abs(shares[0] - shares[1]).max())


def _elements(name: str, truth: Table, answer: Table) -> float:
    return _distance(*(np.diff(table[name].offsets).astype(float) for table in (truth, answer)))


def _pooled(name: str, entry: int, truth: Table, answer: Table) -> float:
    pooled = [np.asarray(table[name].values, float).reshape(len(table[name].values), -1)[:, entry] for table in (truth, answer)]
    if not all(map(len, pooled)):
        return 0.0 if not any(map(len, pooled)) else float("inf")
    return _distance(*pooled)


def _distance(truth: np.ndarray, answer: np.ndarray) -> float:
    if np.ptp(truth) == 0:
        return 0.0 if np.all(answer == truth[0]) else float("inf")
    return wasserstein_in_sigma(truth, answer)


def _correlation(x: Mapping[str, Column], truth: Table, answer: Table) -> float:
    both = []
    for table in (truth, answer):
        numbers = entries(table, x)
        spread = numbers.std(axis=0)
        # a number that does not vary goes with no other
        scaled = (numbers - numbers.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        both.append(scaled.T @ scaled / len(scaled))
    return float(np.abs(both[0] - both[1])[~np.eye(len(both[0]), dtype=bool)].max())


def _conditions(table: Mapping[str, np.ndarray], theta: Mapping[str, Column]) -> np.ndarray:
    parts = [np.asarray(table[name], float).reshape(len(table[name]), -1) for name, column in theta.items() if not column.ragged]
    return np.concatenate([np.empty((len(next(iter(table.values()))), 0)), *parts], axis=1)
