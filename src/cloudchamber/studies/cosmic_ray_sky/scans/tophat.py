"""Top-hat scans: excess of cosmic rays in a disc above an energy threshold, blind over position, radius and threshold, or at a given place.

Local p-values are binomial: n or more of the N cosmic rays above the threshold in a disc that holds the fraction p of the exposure. What a minimum over the
scan means is for simulated isotropic skies to say (``statistics.significance``).

References: Pierre Auger Collaboration, ApJ 804 (2015) 15, section 4, and ApJ 935 (2022) 170, sections 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from cloudchamber.physics.sphere import pixel_centres
from cloudchamber.schema import Ragged
from cloudchamber.studies.cosmic_ray_sky.scans.scans import THRESHOLDS_EV, check_maps, check_thresholds

RADII_DEG = tuple(float(radius) for radius in range(3, 31, 3))

_LN_8 = math.log(8.0)


class Discs(NamedTuple):
    """Discs to scan: ``centres`` (centres, 3), rising ``radii_deg`` (radii,), and the ``fraction`` (centres, radii) of the exposure in each."""

    centres: np.ndarray
    radii_deg: np.ndarray
    fraction: np.ndarray


class Excess(NamedTuple):
    """The disc and threshold of the smallest local p-value, and the numbers of cosmic rays seen and expected there.

    Arrays (maps,), ``centre`` (maps, 3), from many maps; single values from one. The statistic of a scan is ``-ln_p``.
    """

    ln_p: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    centre: np.ndarray
    radius_deg: np.ndarray
    threshold_ev: np.ndarray


def discs(radii_deg: Sequence[float] = RADII_DEG, nside: int = 32, exposure_map: np.ndarray | None = None) -> Discs:
    """Discs around all pixel centres of ``nside`` (32: 1.8 deg apart); ``exposure_map``: relative exposure, nested order, None for uniform."""
    centres = pixel_centres(nside)
    return Discs(centres, np.asarray(radii_deg, dtype=np.float64), disc_fractions(centres, radii_deg, exposure_map))


def disc_fractions(centres: np.ndarray, radii_deg: Sequence[float] | np.ndarray, exposure_map: np.ndarray | None = None) -> np.ndarray:
    """Fraction (centres, radii) of the exposure within rising ``radii_deg`` of ``centres`` (centres, 3): the disc's area times its mean exposure."""
    radii = np.asarray(radii_deg, dtype=np.float64)
    if radii.ndim != 1 or len(radii) == 0 or np.any(np.diff(radii) <= 0) or not 0 < radii[0] <= radii[-1] <= 180:
        raise ValueError(f"radii_deg must rise within (0, 180], got {list(radii)}")
    area = np.sin(np.deg2rad(radii) / 2) ** 2
    if exposure_map is None:
        return np.tile(area, (len(centres), 1))
    exposure = np.asarray(exposure_map, dtype=np.float64)
    nside = math.isqrt(len(exposure) // 12)
    if len(exposure) != 12 * nside**2 or not np.all(exposure >= 0) or not exposure.any():
        raise ValueError(f"exposure_map must hold 12 nside^2 numbers that are not negative (nested order), got {exposure.shape}")
    pixels = np.ascontiguousarray(pixel_centres(nside))
    return np.asarray(area * _disc_means(np.ascontiguousarray(centres, dtype=np.float64), np.cos(np.deg2rad(radii)), pixels, exposure / exposure.mean()))


def tophat_scan(vectors: np.ndarray, energy_ev: np.ndarray, over: Discs, thresholds_ev: Sequence[float] = THRESHOLDS_EV) -> Excess:
    """Blind scan of one map: ``vectors`` (n, 3), ``energy_ev`` (n,)."""
    return Excess(*(values[0] for values in tophat_scans(Ragged.from_list([vectors]), Ragged.from_list([energy_ev]), over, thresholds_ev)))


def tophat_scans(vectors: Ragged, energy_ev: Ragged, over: Discs, thresholds_ev: Sequence[float] = THRESHOLDS_EV) -> Excess:
    """Blind scan of many maps: the smallest local p-value over all discs and thresholds."""
    check_maps(vectors, energy_ev)
    threshold = check_thresholds(thresholds_ev)
    rank = np.searchsorted(threshold, energy_ev.values, side="right") - 1
    fraction = np.clip(over.fraction, 0, 1 - 1e-12)
    with np.errstate(divide="ignore"):
        ln_inside, ln_outside = np.log(fraction), np.log1p(-fraction)
    ln_p, observed, best = _scan(
        np.ascontiguousarray(vectors.values.T, dtype=np.float32),
        rank,
        vectors.offsets,
        over.centres.astype(np.float32),
        np.cos(np.deg2rad(over.radii_deg)).astype(np.float32),
        fraction,
        ln_inside,
        ln_outside,
        len(threshold),
    )
    centre, radius, step = best.T
    above = np.array([np.sum(ranks >= lowest) for ranks, lowest in zip(Ragged(rank, energy_ev.offsets), step, strict=True)])
    return Excess(ln_p, observed, above * fraction[centre, radius], over.centres[centre], over.radii_deg[radius], threshold[step])


def targeted_tophat(vectors: np.ndarray, energy_ev: np.ndarray, centre: np.ndarray, radius_deg: float, threshold_ev: float, fraction: float) -> Excess:
    """Cosmic rays of one map in the disc about ``centre`` (3,) at or above ``threshold_ev``; ``fraction`` of the exposure lies in it (``disc_fractions``).

    Without a scan the local p-value is the p-value.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction: {fraction} of the exposure is outside the allowed (0, 1)")
    above = energy_ev >= threshold_ev
    inside = vectors[above] @ np.asarray(centre) >= np.cos(np.deg2rad(radius_deg))
    observed, total = int(inside.sum()), int(above.sum())
    ln_p = _ln_tail(observed, total, np.log(fraction), np.log1p(-fraction))
    return Excess(*(np.asarray(value) for value in (ln_p, observed, total * fraction, centre, radius_deg, threshold_ev)))


@njit(cache=True)
def _ln_tail(observed, total, ln_inside, ln_outside):  # type: ignore[no-untyped-def]
    """ln of the binomial probability of ``observed`` or more of ``total``."""
    if observed == 0:
        return 0.0
    ln_first = math.lgamma(total + 1.0) - math.lgamma(observed + 1.0) - math.lgamma(total - observed + 1.0)
    ln_first += observed * ln_inside + (total - observed) * ln_outside
    series, term, odds = 1.0, 1.0, math.exp(ln_inside - ln_outside)
    for n in range(observed, total):
        term *= (total - n) / (n + 1.0) * odds
        series += term
        # past the mode terms fall faster than a geometric series
        if term < 1e-12 * series and (total - n) * odds < n + 1.0:
            break
    return min(ln_first + math.log(series), 0.0)


@njit(cache=True)
def _scan(vectors, rank, offsets, centres, cos_radii, fraction, ln_inside, ln_outside, thresholds):  # type: ignore[no-untyped-def]
    """ln p (maps,), number observed (maps,), and centre, radius and threshold numbers (maps, 3); ``rank``: thresholds passed by each cosmic ray, less one."""
    maps, radii = len(offsets) - 1, len(cos_radii)
    ln_p, observed, best = np.zeros(maps), np.zeros(maps, np.int64), np.zeros((maps, 3), np.int64)
    ln = np.zeros(np.max(offsets[1:] - offsets[:-1]) + 1)
    for n in range(2, len(ln)):
        ln[n] = math.log(n)
    for m in range(maps):
        start, stop = offsets[m], offsets[m + 1]
        total = np.zeros(thresholds, np.int64)
        for i in range(start, stop):
            for e in range(rank[i] + 1):
                total[e] += 1
        x, y, z = vectors[0, start:stop], vectors[1, start:stop], vectors[2, start:stop]
        cosine, near = np.empty(stop - start, np.float32), np.empty(stop - start, np.int32)
        count = np.zeros((radii, thresholds), np.int64)
        for c in range(len(centres)):
            cx, cy, cz = centres[c, 0], centres[c, 1], centres[c, 2]
            for i in range(stop - start):
                cosine[i] = cx * x[i] + cy * y[i] + cz * z[i]
            count[:] = 0
            # without a branch, which a processor would often guess wrong
            found = 0
            for i in range(stop - start):
                near[found] = i
                found += cosine[i] >= cos_radii[radii - 1]
            for j in range(found):
                i = near[j]
                if rank[start + i] >= 0:
                    k = 0
                    for step in range(radii - 1):
                        k += cosine[i] < cos_radii[step]
                    count[k, rank[start + i]] += 1
            for k in range(radii):
                for e in range(thresholds - 2, -1, -1):
                    count[k, e] += count[k, e + 1]
                p = fraction[c, k]
                for e in range(thresholds):
                    if k > 0:
                        count[k, e] += count[k - 1, e]
                    n, rest = count[k, e], total[e] - count[k, e]
                    if n <= total[e] * p or p == 0.0:
                        continue
                    # the tail's first term is no less than exp(-deviance) sqrt(total / (8 n rest)) (Stirling), so that few tails need be summed
                    deviance = n * (ln[n] - ln_inside[c, k]) + rest * (ln[rest] - ln_outside[c, k]) - total[e] * ln[total[e]]
                    if 0.5 * (ln[total[e]] - _LN_8 - ln[n] - ln[rest]) - deviance < ln_p[m]:
                        tail = _ln_tail(n, total[e], ln_inside[c, k], ln_outside[c, k])
                        if tail < ln_p[m]:
                            ln_p[m], observed[m] = tail, n
                            best[m, 0], best[m, 1], best[m, 2] = c, k, e
    return ln_p, observed, best


@njit(cache=True)
def _disc_means(centres, cos_radii, pixels, exposure):  # type: ignore[no-untyped-def]
    """Mean of ``exposure`` over the pixels in each disc; the nearest pixel's where a disc holds none."""
    radii = len(cos_radii)
    means = np.empty((len(centres), radii))
    for c in range(len(centres)):
        total, number = np.zeros(radii), np.zeros(radii)
        nearest, place = -2.0, 0
        for i in range(len(pixels)):
            cosine = centres[c, 0] * pixels[i, 0] + centres[c, 1] * pixels[i, 1] + centres[c, 2] * pixels[i, 2]
            if cosine > nearest:
                nearest, place = cosine, i
            if cosine >= cos_radii[radii - 1]:
                k = 0
                while cosine < cos_radii[k]:
                    k += 1
                total[k] += exposure[i]
                number[k] += 1
        for k in range(1, radii):
            total[k] += total[k - 1]
            number[k] += number[k - 1]
        for k in range(radii):
            means[c, k] = total[k] / number[k] if number[k] > 0 else exposure[place]
    return means
