"""What is asked of a network that judges candidates: better than the matched filter alone, with probabilities and errors that are true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import auc
from cloudchamber.studies.bolometer.glitches.scores import Said, by_filter, by_network
from cloudchamber.validate.check import Check

Array = NDArray[Any]

LARGEST_PULL = 0.05
"""By how much the stated errors may be too small or too large, and probabilities off."""


def glitch_checks() -> Sequence[Check]:
    """Of candidates whose truth is known."""
    return [
        _check("noise and pulses, 1 - AUC over the filter's", "how often noise looks more like a pulse than a pulse does", _mixed, 1.0),
        _check("wrong families over the filter's", "pulses whose family is not the likeliest one", _wrong, 1.0),
        _check("error of the start over the filter's", "rms of pulses", _ratio("lag"), 1.0),
        _check("error of the height over the filter's", "rms of ln height of pulses", _ratio("height"), 1.0),
        _check("68 % coverage of the start", "|share - 0.68|", _coverage("lag_s"), LARGEST_PULL),
        _check("68 % coverage of the height", "|share - 0.68|", _coverage("height_w"), LARGEST_PULL),
        _check("calibration", "largest difference of stated probability and share of pulses, in fifths", _calibration, LARGEST_PULL),
    ]


def _check(name: str, why: str, value: Callable[[Table, Table], float], limit: float) -> Check:
    return Check(name, why, value, limit, bootstrap=20, best=lambda truth, answer: 0.0)


def _real(truth: Table) -> Array:
    return np.asarray(np.asarray(truth["glitch"]) > 0)


def _mixed(truth: Table, answer: Table) -> float:
    real = _real(truth)
    network, matched = (1 - auc(said.score[~real], said.score[real]).value for said in (by_network(answer), by_filter(truth)))
    return float(network / matched) if matched else np.nan


def _wrong(truth: Table, answer: Table) -> float:
    real = _real(truth)
    network, matched = (np.mean(said.family[real] != truth["glitch"][real] - 1) for said in (by_network(answer), by_filter(truth)))
    return float(network / matched) if matched else np.nan


def _ratio(number: str) -> Callable[[Table, Table], float]:
    def off(truth: Table, said: Said) -> float:
        real = _real(truth)
        if number == "lag":
            error = said.lag_s[real] - np.asarray(truth["lag_s"], float)[real]
        else:
            error = np.log(said.height_w[real] / np.asarray(truth["height_w"], float)[real])
        return float(np.sqrt(np.mean(np.square(error))))

    return lambda truth, answer: off(truth, by_network(answer)) / off(truth, by_filter(truth))


def _coverage(name: str) -> Callable[[Table, Table], float]:
    def value(truth: Table, answer: Table) -> float:
        """Ranks of the truth among the draws that are pulses."""
        real = _real(truth)
        draws, pulse = np.asarray(answer[f"{name}_draws"], float)[real], np.asarray(answer["glitch_draws"])[real] > 0
        below = np.sum(pulse & (draws < np.asarray(truth[name], float)[real][:, None]), axis=1) / np.maximum(pulse.sum(axis=1), 1)
        return float(abs(np.mean((below > 0.16) & (below < 0.84)) - 0.68))

    return value


def _calibration(truth: Table, answer: Table) -> float:
    said, real = 1 - np.asarray(answer["glitch_probability"], float)[:, 0], _real(truth)
    fifth = np.minimum((5 * said).astype(int), 4)
    off = [
        abs(said[fifth == number].mean() - real[fifth == number].mean()) * np.sqrt(np.mean(fifth == number)) for number in range(5) if np.any(fifth == number)
    ]
    return float(max(off))
