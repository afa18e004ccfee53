"""Made-up answers about maps, as exact as one likes; nothing is learned."""

from __future__ import annotations

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.columns import PARAMETERS, TARGET


def truths(events: int, seed: int = 1) -> Table:
    """Of the prior."""
    random = rng(seed, "truth")
    return {name: _from_unit(name, random.random(events)) for name in TARGET}


def answered(truth: Table, width: float, stated: float = 1.0, draws: int = 200, seed: int = 1) -> Table:
    """Draws about a normal error of ``width`` in the logit of each number, with ``stated`` times the deviation that is true."""
    random = rng(seed, "answer")
    found: Table = dict(truth)
    for name in TARGET:
        place = _to_unit(name, np.asarray(truth[name], float))
        logit = np.log(place / (1 - place))
        # with a logistic prior of variance pi^2 / 3 weighted in: its normal approximation
        precision = 1 / width**2 + 3 / np.pi**2
        seen = logit + width * random.normal(size=len(logit))
        mean, deviation = seen / width**2 / precision, precision**-0.5
        drawn = mean[:, None] + stated * deviation * random.normal(size=(len(logit), draws))
        found[f"{name}_draws"] = _from_unit(name, 1 / (1 + np.exp(-drawn)))
        found[name] = np.median(found[f"{name}_draws"], axis=1)
    return found


def _from_unit(name: str, share: np.ndarray) -> np.ndarray:
    low, high = PARAMETERS[name][:2]
    return low * (high / low) ** share if PARAMETERS[name].logarithmic else low + (high - low) * share


def _to_unit(name: str, values: np.ndarray) -> np.ndarray:
    low, high = PARAMETERS[name][:2]
    share = np.log(values / low) / np.log(high / low) if PARAMETERS[name].logarithmic else (values - low) / (high - low)
    return np.clip(share, 1e-6, 1 - 1e-6)
