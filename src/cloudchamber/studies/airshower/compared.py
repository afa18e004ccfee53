"""Numbers about two samples of showers of many primaries, energies and angles: about the truth's trend, and a primary at a time.

Over all energies a spread is that of the energies: Xmax moves by 60 g/cm2 a decade, as much as protons fluctuate. So the trend of a least-squares fit to
the truth, in lg E and sec(zenith), is taken out of both truth and answer, each primary by its own; what an answer's trend is off stays in its residuals.
Values of several primaries are means over them, weighted by their showers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import MASS_NUMBER, PRIMARIES
from cloudchamber.validate.check import MIN_EVENTS

Observable = Callable[[Table], np.ndarray]
"""A number of each shower, (events,), NaN where it has none."""
Compare = Callable[[Table, Table], float]

_SHOWERS_A_TERM = 10
"""A trend has a term for so many showers, and no more than five."""
LEAST_DECADES = 0.5
"""Energies that span less have no trend to speak of."""


class Pair(NamedTuple):
    """One primary's residuals about the truth's trend, (events,) each; ``share`` is that of its showers, ``values`` the truth's own."""

    share: float
    values: np.ndarray
    truth: np.ndarray
    answer: np.ndarray
    lg_energy: np.ndarray
    """Of the answer's showers."""
    primary: int


def pairs(truth: Table, answer: Table, observable: Observable) -> list[Pair]:
    """Each primary of ten showers or more in truth and answer; where none has so many, all showers together.

    Residuals are scaled for the terms of the fit: without that the truth's are too small and the answer's too large.
    """
    values = [np.asarray(observable(table), dtype=float) for table in (truth, answer)]
    found = []
    for primary, masks in _strata(truth, answer, [np.isfinite(each) for each in values]):
        (own, other), sizes = (each[mask] for each, mask in zip(values, masks, strict=True)), [int(mask.sum()) for mask in masks]
        designs = _designs(*(_conditions(table)[mask] for table, mask in zip((truth, answer), masks, strict=True)))
        trend, _, terms, _ = np.linalg.lstsq(designs[0], own, rcond=None)
        rests = own - designs[0] @ trend, other - designs[1] @ trend
        scales = np.sqrt(sizes[0] / (sizes[0] - terms)), np.sqrt(sizes[0] / (sizes[0] + terms))
        energies = np.asarray(answer["lg_energy_ev"], dtype=float)[masks[1]]
        found.append(Pair(sizes[0], own, rests[0] * scales[0], rests[1] * scales[1], energies, primary))
    total = sum(pair.share for pair in found)
    return [pair._replace(share=pair.share / total) for pair in found]


def shift(observable: Observable, middle: Callable[[np.ndarray], float] = np.mean) -> Compare:
    """|difference of the means| (or medians)."""
    return lambda truth, answer: _size((pair.share, middle(pair.answer) - middle(pair.truth)) for pair in pairs(truth, answer, observable))


def relative_shift(observable: Observable, middle: Callable[[np.ndarray], float] = np.mean) -> Compare:
    """The same over the truth's mean."""

    def value(truth: Table, answer: Table) -> float:
        found = pairs(truth, answer, observable)
        return _size((pair.share, (middle(pair.answer) - middle(pair.truth)) / middle(pair.values)) for pair in found)

    return value


def spread(observable: Observable) -> Compare:
    """|difference of the standard deviations|."""
    return lambda truth, answer: _size((pair.share, np.std(pair.answer) - np.std(pair.truth)) for pair in pairs(truth, answer, observable))


def relative_spread(observable: Observable, width: Callable[[np.ndarray], float] = np.std) -> Compare:
    """|ratio of the widths - 1|, over primaries the geometric mean: a ratio's own mean is too large where there are few showers."""

    def value(truth: Table, answer: Table) -> float:
        total = 0.0
        for pair in pairs(truth, answer, observable):
            own, other = width(pair.truth), width(pair.answer)
            if own != other:
                total += pair.share * (np.log(other / own) if own > 0 and other > 0 else np.inf)
        return float(abs(np.expm1(total)))

    return value


def distance(observable: Observable) -> Compare:
    """Wasserstein distance of the residuals."""
    from cloudchamber.statistics.distances import wasserstein

    return lambda truth, answer: _size((pair.share, wasserstein(pair.truth, pair.answer)) for pair in pairs(truth, answer, observable))


def trend(observable: Observable) -> Compare:
    """|difference of the slopes| in lg E, a decade; NaN where the showers are of about one energy."""

    def value(truth: Table, answer: Table) -> float:
        wide = [pair for pair in pairs(truth, answer, observable) if np.ptp(pair.lg_energy) >= LEAST_DECADES]
        return _size((pair.share / sum(each.share for each in wide), _slope(pair.lg_energy, pair.answer)) for pair in wide) if wide else np.nan

    return value


def mass_trend(observable: Observable) -> Compare:
    """|difference of the slopes| in ln A over the nuclei; NaN where there is one nucleus only."""

    def value(truth: Table, answer: Table) -> float:
        nuclei = [pair for pair in pairs(truth, answer, observable) if pair.primary >= 0 and PRIMARIES[pair.primary] != "photon"]
        if len(nuclei) < 2:
            return np.nan
        ln_a, shift, weight = np.array([[np.log(MASS_NUMBER[PRIMARIES[pair.primary]]), pair.answer.mean(), pair.share] for pair in nuclei]).T
        return abs(_slope(ln_a, shift, weight))

    return value


def correlation(first: Observable, second: Observable) -> Compare:
    """|difference of the correlations| of two observables' residuals."""

    def value(truth: Table, answer: Table) -> float:
        both = zip(pairs(truth, answer, first), pairs(truth, answer, second), strict=True)
        return _size((one.share, np.corrcoef(one.answer, two.answer)[0, 1] - np.corrcoef(one.truth, two.truth)[0, 1]) for one, two in both)

    return value


def bands(truth: Table, answer: Table, lines: Callable[[Table, np.ndarray], np.ndarray]) -> float:
    """Largest |relative difference|, primaries' mean, of ``lines`` (table, mask) -> (places,), where the truth's are above a tenth of their largest.

    Lines are NaN where they are not known; places count where they are for at least half of the showers.
    """
    total, weight = list[np.ndarray](), list[np.ndarray]()
    for _, masks in _strata(truth, answer, [np.ones(len(table["primary"]), bool) for table in (truth, answer)]):
        expected, found = lines(truth, masks[0]), lines(answer, masks[1])
        known = np.isfinite(expected) & np.isfinite(found)
        used = known & (np.where(known, expected, 0.0) > 0.1 * np.max(expected, where=known, initial=0.0))
        total.append(masks[0].sum() * np.where(used, found / np.where(used, expected, 1.0) - 1.0, 0.0))
        weight.append(masks[0].sum() * used)
    showers = np.sum(weight, axis=0)
    most = showers >= max(0.5 * showers.max(), 1)
    return float(np.max(np.abs(np.sum(total, axis=0)[most] / showers[most]))) if most.any() else np.inf


def _size(parts: Iterator[tuple[float, float]]) -> float:
    return float(abs(sum(share * value for share, value in parts)))


def _strata(truth: Table, answer: Table, usable: list[np.ndarray]) -> list[tuple[int, list[np.ndarray]]]:
    codes = [np.asarray(table["primary"]) for table in (truth, answer)]
    found = [(code, [good & (each == code) for good, each in zip(usable, codes, strict=True)]) for code in range(len(PRIMARIES))]
    return [(code, masks) for code, masks in found if min(mask.sum() for mask in masks) >= MIN_EVENTS] or [(-1, usable)]


def _conditions(table: Table) -> np.ndarray:
    """lg E and sec(zenith), (events, 2)."""
    return np.stack([np.asarray(table["lg_energy_ev"], dtype=float), 1.0 / np.cos(np.radians(np.asarray(table["zenith_deg"], dtype=float)))], axis=1)


def _designs(truth: np.ndarray, answer: np.ndarray) -> list[np.ndarray]:
    """1, lg E, sec(zenith) and their squares about the truth's means, (events, terms) of each."""
    terms = min(max(len(truth) // _SHOWERS_A_TERM, 1), 5)
    centre, designs = truth.mean(axis=0), []
    for table in (truth, answer):
        energy, slant = (table - centre).T
        designs.append(np.stack([np.ones_like(energy), energy, slant, energy**2, slant**2][:terms], axis=1))
    return designs


def _slope(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    weight = np.ones_like(x) if weight is None else weight
    away = x - np.average(x, weights=weight)
    return float(np.sum(weight * away * y) / np.sum(weight * away**2))
