"""The matched filter: pulses of known shapes in white noise, the largest first, each taken away before the next is looked for.

A pulse that starts between two samples is the sum of the detector's exponentials, each lowered by what the wait until the next sample costs. So the data's
products with the exponentials from one sample on, a few numbers, tell how likely a pulse of any family is that starts anywhere before that sample: no grid of
templates is needed. What is constant over the window, slow drifts and the tails of unseen pulses, is projected out.

References: J. Högbom, A&AS 15 (1974) 417 (the largest first); Y. Pati et al., Asilomar (1993) 40 (fitted again together).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.detector import Detector

Array = NDArray[Any]

BEFORE, AFTER = 16, 64
"""Samples of the window before and from a pulse's first sample on."""
PHASES = 8
FINE = 16
"""Starts between two samples that are tried everywhere; about found ones so many steps, ``REFINEMENTS`` times finer each time."""
NEAR = 2
"""Samples by which a pulse may move when it is fitted again."""
ROUNDS, DOWN = 16, 0.2
"""How often pulses are looked for at most, each time down to such a share of the most significant."""
SWEEPS, SETTLED_SIGMA = 12, 0.1
"""Those found are then fitted again, one after the other without the others, so many times at most, until no height moves by more."""
REFINEMENTS = 4
FOLLOWED_SIGMA, FELT_SIGMA = 1e-3, 0.01
"""A pulse is taken away until it is so small; while others are still to be found, what is smaller than the second moves none of them."""
JUMP_SIGMA = 8.0
"""A rise by so much from sample to sample is a pulse; where too little follows to tell which, data end before it: it would be taken for many others."""
MOST_SHARE = 0.25
"""Of samples that start a pulse, at most."""


class Shapes(NamedTuple):
    """The families' ``shares`` of the exponentials (families, constants), what these keep from sample to sample, and ln of how often a family comes."""

    shares: Array
    keep: Array
    log_rate: Array


class Pulses(NamedTuple):
    """Pulses in order of their first sample, each (pulses,): ``lead`` is by how much of a sample they start before it, ``height`` in units of the noise,
    ``significance`` its value over its error."""

    sample: Array
    lead: Array
    height: Array
    family: Array
    significance: Array


@dataclass(frozen=True)
class Found:
    """Pulses of one bolometer's data, and the data without them, in units of the noise."""

    pulses: Pulses
    residual: Array


def shapes_of(detector: Detector, rate_hz: float) -> Shapes:
    """Of the hits on a bolometer of its own, sampled at ``rate_hz``; ValueError where there are none, or data are no sums of exponentials."""
    own = [family for family in detector.families if family.name != "wafer" and family.area_mm2 > 0]
    if not own or len(own) < len(detector.families):
        raise ValueError("pulses are looked for where each hit is one bolometer's, as on Planck; this detector shares a wafer's hits")
    if detector.decimation > 1 or detector.saturation_w > 0:
        raise ValueError("pulses are looked for in every sample as it is: this detector's data are decimated, or bent by its response")
    keep = np.exp(-1 / (rate_hz * np.array(detector.time_constants_s)))
    area = np.array([family.area_mm2 for family in own])
    return Shapes(np.array([family.near for family in own]), keep, np.log(area / area.sum()))


def noise_of(data: Array) -> Array:
    """White noise of data (bolometers, samples), from the median of second differences, which pulses hardly move; 0 where there is none."""
    from scipy.special import ndtri

    return np.asarray(np.median(np.abs(np.diff(data, 2, axis=1)), axis=1) / (float(ndtri(0.75)) * 6**0.5))


def find_pulses(data: Array, shapes: Shapes, threshold: float) -> Found:
    """Pulses above ``threshold`` in a bolometer's ``data`` (samples,) in units of their noise; none in the first ``BEFORE`` and the last ``AFTER``."""
    residual = np.array(data, float)
    looked = residual[: _end(residual)]
    most = max(int(MOST_SHARE * len(residual)), 1)
    table, overlap = _window(shapes.keep)
    found = np.zeros((most, 5))
    n = _find(looked, shapes.shares, shapes.keep, shapes.log_rate, table, overlap, threshold, found)
    found = found[:n][np.argsort(found[:n, 0], kind="stable")]
    return Found(Pulses(found[:, 0].astype(int), found[:, 1], found[:, 2], found[:, 3].astype(int), found[:, 4]), residual)


def _end(data: Array) -> int:
    """How many samples to look at."""
    stop = len(data)
    while len(jumps := np.flatnonzero(np.diff(data[max(stop - AFTER - 1, 0) : stop]) > JUMP_SIGMA)):
        stop = max(stop - AFTER - 1, 0) + 1 + int(jumps[0])
    return stop


def _window(keep: Array) -> tuple[Array, Array]:
    """The exponentials without their mean over the window, (samples, constants), and their products."""
    table = np.concatenate([np.zeros((BEFORE, len(keep))), keep ** np.arange(AFTER)[:, None]])
    table = table - table.mean(axis=0)
    return table, table.T @ table


@njit(cache=True)
def _products(data: Array, sample: int, table: Array, into: Array) -> None:
    into[:] = 0.0
    first = sample - BEFORE
    for k in range(len(table)):
        for m in range(len(into)):
            into[m] += table[k, m] * data[first + k]


@njit(cache=True)
def _best(
    products: Array, shares: Array, keep: Array, log_rate: Array, overlap: Array, phases: int, low: float, high: float
) -> tuple[float, float, float, int]:
    """(significance, height, lead, family) of the likeliest pulse whose lead is between two."""
    best, significance, height, lead, family = -1e300, 0.0, 0.0, 0.5, 0
    constants = len(keep)
    waited, shape = np.empty(constants), np.empty(constants)
    for step in range(phases):
        # from the middle outwards: where the data cannot tell, the middle it is
        away = (step + 1) // 2 if step % 2 else -(step // 2)
        at = 0.5 * (low + high) + away * (high - low) / phases
        at = min(max(at, 0.0), 1.0)
        for m in range(constants):
            waited[m] = keep[m] ** at
        for f in range(len(shares)):
            product, norm = 0.0, 0.0
            for m in range(constants):
                shape[m] = shares[f, m] * waited[m]
                product += shape[m] * products[m]
            if product <= 0.0:
                continue
            for m in range(constants):
                for k in range(constants):
                    norm += shape[m] * overlap[m, k] * shape[k]
            value = 0.5 * product * product / norm + log_rate[f]
            if value > best + 1e-9 * abs(best):
                best, significance, height, lead, family = value, product / np.sqrt(norm), product / norm, at, f
    return significance, height, lead, family


@njit(cache=True)
def _add(data: Array, sample: int, height: float, lead: float, shares: Array, keep: Array) -> int:
    """Add a pulse; the first sample where it is not felt."""
    level = height * shares * keep**lead
    k = felt = sample
    while k < len(data):
        total = 0.0
        for m in range(len(level)):
            total += level[m]
            level[m] *= keep[m]
        data[k] += total
        k += 1
        if abs(total) > FELT_SIGMA:
            felt = k
        if abs(total) < FOLLOWED_SIGMA:
            break
    return felt


@njit(cache=True)
def _scores(data: Array, first: int, stop: int, log_rate: Array, table: Array, grid: Array, norm: Array, into: Array) -> None:
    """Significance of the likeliest pulse of the ``grid`` (families, phases, constants) at each sample of a range."""
    families, phases, constants = grid.shape
    products = np.empty(constants)
    for sample in range(max(first, BEFORE), min(stop, len(data) - AFTER + 1)):
        _products(data, sample, table, products)
        best, significance = -1e300, 0.0
        for f in range(families):
            for p in range(phases):
                product = 0.0
                for m in range(constants):
                    product += grid[f, p, m] * products[m]
                if product <= 0.0:
                    continue
                value = 0.5 * product * product / norm[f, p] + log_rate[f]
                if value > best:
                    best, significance = value, product / np.sqrt(norm[f, p])
        into[sample] = significance


@njit(cache=True)
def _fitted(data: Array, sample: int, shares: Array, keep: Array, log_rate: Array, table: Array, overlap: Array) -> tuple[float, float, float, int]:
    products = np.empty(len(keep))
    _products(data, sample, table, products)
    found = _best(products, shares, keep, log_rate, overlap, PHASES, 0.0, 1.0)
    width = 1.0 / PHASES
    for _ in range(REFINEMENTS):
        found = _best(products, shares, keep, log_rate, overlap, FINE + 1, found[2] - width, found[2] + width)
        width /= FINE / 2
    return found


@njit(cache=True)
def _note(row: Array, sample: int, lead: float, height: float, family: int, significance: float) -> None:
    row[0] = sample
    row[1] = lead
    row[2] = height
    row[3] = family
    row[4] = significance


@njit(cache=True)
def _find(data: Array, shares: Array, keep: Array, log_rate: Array, table: Array, overlap: Array, threshold: float, found: Array) -> int:
    """Takes the pulses away from ``data`` and writes them into ``found``: sample, lead, height, family, significance. How many there are."""
    score = np.zeros(len(data))
    grid = np.empty((len(shares), PHASES, len(keep)))
    norm = np.zeros((len(shares), PHASES))
    for f in range(len(shares)):
        for p in range(PHASES):
            grid[f, p] = shares[f] * keep ** ((p + 0.5) / PHASES)
            norm[f, p] = (overlap @ grid[f, p]) @ grid[f, p]
    n = 0
    for _ in range(ROUNDS):
        _scores(data, 0, len(data), log_rate, table, grid, norm, score)
        level = max(threshold, DOWN * score.max())
        before = n
        while n < len(found):
            sample = int(np.argmax(score))
            if score[sample] < level:
                break
            significance, height, lead, family = _fitted(data, sample, shares, keep, log_rate, table, overlap)
            _note(found[n], sample, lead, height, family, significance)
            n += 1
            end = _add(data, sample, -height, lead, shares[family], keep)
            _scores(data, sample - AFTER, end + BEFORE, log_rate, table, grid, norm, score)
        if n == before:
            break
        n = _refit(data, found, n, shares, keep, log_rate, table, overlap, threshold)
    return n


@njit(cache=True)
def _refit(data: Array, found: Array, n: int, shares: Array, keep: Array, log_rate: Array, table: Array, overlap: Array, threshold: float) -> int:
    """Fit each pulse again without the others; those that fall below the threshold are left in the data. How many are left."""
    order = np.argsort(found[:n, 0])
    found[:n] = found[:n][order]
    products = np.empty(len(keep))
    for _ in range(SWEEPS):
        kept, moved = 0, 0.0
        for pulse in range(n):
            sample, family, height = int(found[pulse, 0]), int(found[pulse, 3]), found[pulse, 2]
            _add(data, sample, height, found[pulse, 1], shares[family], keep)
            best_sample = sample
            _products(data, sample, table, products)
            most = _best(products, shares, keep, log_rate, overlap, PHASES, 0.0, 1.0)[0]
            for other in range(max(sample - NEAR, BEFORE), min(sample + NEAR, len(data) - AFTER) + 1):
                _products(data, other, table, products)
                tried = _best(products, shares, keep, log_rate, overlap, PHASES, 0.0, 1.0)[0]
                if tried > most:
                    best_sample, most = other, tried
            best = _fitted(data, best_sample, shares, keep, log_rate, table, overlap)
            if best[0] < threshold:
                moved = np.inf
                continue
            moved = max(moved, abs(best[1] - height))
            _note(found[kept], best_sample, best[2], best[1], best[3], best[0])
            kept += 1
            _add(data, best_sample, -best[1], best[2], shares[best[3]], keep)
        n = kept
        if moved < SETTLED_SIGMA:
            break
    return n
