"""What a verdict on a sky must keep: it tells signals from isotropy, and its probabilities are what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.statistics.calibration import reliability
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SIGNAL
from cloudchamber.validate.check import Check

SIGNAL_RANGES = ((1, 19), (20, 29), (30, 39), (40, 59), (60, 10_000))
"""Ranges of the number of signal cosmic rays, both ends included, in which verdicts are judged."""
LARGEST_LOSS, LARGEST_CONFUSION = 0.95, 0.45
"""A verdict that tells hardly more than the kinds' shares, or than a coin, is no verdict."""
REDRAWS = 50


def checks() -> Sequence[Check]:
    """The checks of this study's reports."""
    return (
        Check("calibration of p(signal)", "of skies called 90 % signal, 90 % are", _calibration, 2.0, limit_in_floors=True, best=_calibration_of_the_exact),
        Check(
            "log loss / of the shares",
            "below 1 verdicts tell something; the floor is what they promise",
            _loss_ratio,
            LARGEST_LOSS,
            groups=of_both_kinds,
            best=_promised_ratio,
            promised=True,
        ),
        Check("1 - AUC", "how often an isotropic sky looks more like a signal: 1/2 by chance", _confusion, LARGEST_CONFUSION, groups=by_signal, best=_unknown),
    )


def signal_probability(answer: Table) -> np.ndarray:
    """p(signal), (events,)."""
    return np.asarray(answer["kind_probability"], dtype=np.float64)[:, SIGNAL]


def by_signal(table: Table) -> dict[str, np.ndarray]:
    """Isotropic skies together with those of each range of signal cosmic rays."""
    n, isotropic = np.asarray(table["n_signal"]), np.asarray(table["kind"]) == ISOTROPY
    masks = {}
    for low, high in SIGNAL_RANGES:
        signal = ~isotropic & (n >= low) & (n <= high)
        name = f"{low} to {high} signal" if high < SIGNAL_RANGES[-1][1] else f"{low} or more signal"
        # of one kind alone there is nothing to tell apart
        masks[name] = (isotropic | signal) & bool(isotropic.any() and signal.any())
    return masks


def of_both_kinds(table: Table) -> dict[str, np.ndarray]:
    """All skies, none where all are of one kind."""
    isotropic = np.asarray(table["kind"]) == ISOTROPY
    return {"": np.full(len(isotropic), bool(isotropic.any() and not isotropic.all()))}


def area_under_curve(score: np.ndarray, signal: np.ndarray) -> float:
    """The share of (signal, isotropy) pairs in which the signal scores higher, ties by half; NaN without both kinds."""
    from scipy.stats import rankdata

    positives = int(signal.sum())
    if positives in (0, len(signal)):
        return float("nan")
    return float((rankdata(score)[signal].sum() - 0.5 * positives * (positives + 1)) / (positives * (len(signal) - positives)))


def _confusion(truth: Table, answer: Table) -> float:
    return 1.0 - area_under_curve(signal_probability(answer), np.asarray(truth["kind"]) == SIGNAL)


def _calibration(truth: Table, answer: Table) -> float:
    return reliability(signal_probability(answer), np.asarray(truth["kind"]) == SIGNAL).calibration_error


def _calibration_of_the_exact(truth: Table, answer: Table) -> float:
    """The same gap, were the stated probabilities exact: skies redrawn from them."""
    probability, random = signal_probability(answer), rng(0, "calibration")
    return float(np.mean([reliability(probability, random.random(len(probability)) < probability).calibration_error for _ in range(REDRAWS)]))


def _loss_ratio(truth: Table, answer: Table) -> float:
    probability, signal = signal_probability(answer), np.asarray(truth["kind"]) == SIGNAL
    return _cross_entropy(signal, probability) / _shares_loss(signal)


def _promised_ratio(truth: Table, answer: Table) -> float:
    probability = signal_probability(answer)
    return _cross_entropy(probability, probability) / _shares_loss(np.asarray(truth["kind"]) == SIGNAL)


def _shares_loss(signal: np.ndarray) -> float:
    """What the kinds' shares alone cost, in nat; NaN where there is one kind only."""
    share = float(np.mean(signal))
    return _cross_entropy(signal, np.full(len(signal), share)) if 0 < share < 1 else float("nan")


def _cross_entropy(happened: np.ndarray, stated: np.ndarray) -> float:
    stated = np.clip(stated, 1e-12, 1 - 1e-12)
    return float(-np.mean(happened * np.log(stated) + (1 - happened) * np.log1p(-stated)))


def _unknown(truth: Table, answer: Table) -> float:
    """The best AUC depends on the law of deflection: `benchmarks/cosmic_ray_sky_sensitivity.py` states it where that is known."""
    return float("nan")
