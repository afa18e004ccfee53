"""What drawn maps of the diffuse emission must keep: power by scale, values by latitude, what theta does, what chance adds, and that none tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import Trees, auc_of
from cloudchamber.statistics.distances import wasserstein_in_sigma
from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.surrogate.observables import (
    LATITUDES_DEG,
    WAVELENGTHS_DEG,
    WORDS,
    bands,
    coarse,
    fluctuations,
    logs,
    parameters,
    power,
    profiles,
    told,
)
from cloudchamber.validate.check import Check

Array = NDArray[Any]

POWER_LIMIT, W1_LIMIT, CORRELATION_LIMIT, SPREAD_LIMIT, AUC_LIMIT = 0.05, 0.03, 0.03, 0.05, 0.55
RESAMPLES, PIXELS, EVENTS = 8, 150, 5000
"""Pixels of a band at most, evenly spread, and events of a classifier at most."""


def shape_checks() -> Sequence[Check]:
    """The checks of runs whose target are ``SHAPES``."""
    found = [
        Check(f"power of gas, waves of {high:g} to {low:g} deg", "how much ln of the map varies on this scale, relative", _power(scale), POWER_LIMIT)
        for scale, (high, low) in enumerate(pairwise(WAVELENGTHS_DEG))
    ]
    found.append(Check("power of inverse Compton, worst scale", "the same of the smooth component, waves of 7.5 deg on", _light_power, POWER_LIMIT))
    for name, word in WORDS.items():
        for band, (low, high) in enumerate(pairwise(LATITUDES_DEG)):
            why = "distribution of ln of the map over pixels and events, in deviations"
            found.append(Check(f"{word}, |b| {low:g} to {high:g} deg, W1 / sigma", why, _values(name, band), W1_LIMIT))
    found += [
        Check("correlation with theta, rms", "what each parameter does to profiles in latitude and longitude", _correlation, CORRELATION_LIMIT),
        Check("spread about theta, rms", "how much profiles vary beyond what theta tells: turbulence, clouds, rings, arms; relative", _spread, SPREAD_LIMIT),
        Check("classifier AUC, numbers", "no network tells maps apart by means, power, skewness and kurtosis, given theta", _auc(told), AUC_LIMIT, bootstrap=0),
        Check("trees' AUC, numbers", "nor do trees", auc_of(told, parameters, EVENTS, Trees()), AUC_LIMIT, bootstrap=0, needs="sklearn"),
        Check("classifier AUC, pixels", "nor a network that sees the gas in 32 x 32 pixels", _auc(coarse), AUC_LIMIT, bootstrap=0),
    ]
    return found


def power_ratio(truth: Table, answer: Table, name: str) -> Array:
    """Mean power of the answer over that of the truth, (scales,), each about its own mean map."""
    one, two = (power(fluctuations(logs(table, name))).mean(axis=0) for table in (truth, answer))
    return np.asarray(two / one)


def _power(scale: int) -> Callable[[Table, Table], float]:
    return lambda truth, answer: float(abs(power_ratio(truth, answer, SHAPES[0])[scale] - 1))


def _light_power(truth: Table, answer: Table) -> float:
    # on smaller scales a map that is smooth has none
    return float(np.abs(power_ratio(truth, answer, SHAPES[1])[:3] - 1).max())


def _values(name: str, band: int) -> Callable[[Table, Table], float]:
    def values(table: Table) -> Array:
        flat = logs(table, name).reshape(len(table[name]), -1)
        part = list(bands(np.shape(table[name])[-1]).values())[band]
        return flat[:, part[:: -(-len(part) // PIXELS)]].ravel()

    return lambda truth, answer: wasserstein_in_sigma(values(truth), values(answer))


def _correlation(truth: Table, answer: Table) -> float:
    found = []
    for table in (truth, answer):
        given, seen = parameters(table), profiles(table)
        found.append(np.corrcoef(given.T, seen.T)[: given.shape[1], given.shape[1] :])
    return float(np.sqrt(np.mean((found[1] - found[0]) ** 2)))


def _spread(truth: Table, answer: Table) -> float:
    left = []
    for table in (truth, answer):
        given, seen = parameters(table), profiles(table)
        linear = np.concatenate([np.ones((len(given), 1)), given, given**2], axis=1)
        left.append((seen - linear @ np.linalg.lstsq(linear, seen, rcond=None)[0]).std(axis=0))
    return float(np.sqrt(np.mean((left[1] / left[0] - 1) ** 2)))


def _auc(features: Callable[[Table], Array]) -> Callable[[Table, Table], Any]:
    return auc_of(features, parameters, EVENTS)
