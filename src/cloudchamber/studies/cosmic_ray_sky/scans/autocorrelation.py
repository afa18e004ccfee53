"""Autocorrelation scan: pairs of cosmic rays closer than an angle, above an energy threshold, against an isotropic sky.

The mean and the variance of the number of pairs follow exactly from the exposure; the local p-value takes the number as Poisson after both number and mean
are divided by variance / mean. What a minimum over the scan means is for simulated isotropic skies to say (``statistics.significance``).

References: Pierre Auger Collaboration, ApJ 804 (2015) 15, section 4.2 (the scan).
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
from cloudchamber.studies.cosmic_ray_sky.scans.tophat import disc_fractions

ANGLES_DEG = tuple(float(angle) for angle in range(3, 46, 3))


class PairFractions(NamedTuple):
    """Of two isotropic cosmic rays: the probability to lie within each of rising ``angles_deg``, and its variance over where the first one lies; (angles,)."""

    angles_deg: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


class PairExcess(NamedTuple):
    """Angle and threshold of the smallest local p-value, and the numbers of pairs seen and expected there; arrays (maps,), or single values of one map.

    The statistic of a scan is ``-ln_p``.
    """

    ln_p: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    angle_deg: np.ndarray
    threshold_ev: np.ndarray


def pair_fractions(angles_deg: Sequence[float] = ANGLES_DEG, exposure_map: np.ndarray | None = None) -> PairFractions:
    """Tabulate the pairs of an isotropic sky; ``exposure_map``: relative exposure, nested order (nside 32 is fine enough), None for uniform."""
    angles = np.asarray(angles_deg, dtype=np.float64)
    if exposure_map is None:
        return PairFractions(angles, disc_fractions(np.eye(3)[:1], angles)[0], np.zeros(len(angles)))
    exposure = np.asarray(exposure_map, dtype=np.float64)
    near = disc_fractions(pixel_centres(math.isqrt(len(exposure) // 12)), angles, exposure)
    mean = np.average(near, axis=0, weights=exposure)
    return PairFractions(angles, mean, np.average((near - mean) ** 2, axis=0, weights=exposure))


def autocorrelation_scan(vectors: np.ndarray, energy_ev: np.ndarray, pairs: PairFractions, thresholds_ev: Sequence[float] = THRESHOLDS_EV) -> PairExcess:
    """Scan of one map: ``vectors`` (n, 3), ``energy_ev`` (n,)."""
    return PairExcess(*(values[0] for values in autocorrelation_scans(Ragged.from_list([vectors]), Ragged.from_list([energy_ev]), pairs, thresholds_ev)))


def autocorrelation_scans(vectors: Ragged, energy_ev: Ragged, pairs: PairFractions, thresholds_ev: Sequence[float] = THRESHOLDS_EV) -> PairExcess:
    """Scan of many maps: the smallest local p-value over angles and thresholds."""
    from scipy.special import gammainc

    check_maps(vectors, energy_ev)
    threshold = check_thresholds(thresholds_ev)
    rank = np.searchsorted(threshold, energy_ev.values, side="right") - 1
    cos_angles = np.cos(np.deg2rad(pairs.angles_deg)).astype(np.float32)
    total, observed = _count_pairs(np.ascontiguousarray(vectors.values.T, dtype=np.float32), rank, vectors.offsets, cos_angles, len(threshold))
    number = total[:, None, :].astype(np.float64)
    mean, spread = pairs.mean[:, None], pairs.variance[:, None]
    all_pairs = number * (number - 1) / 2
    expected = all_pairs * mean
    # pairs without a common cosmic ray are independent, pairs that share one correlate where the exposure is uneven
    dispersion = (1 - mean) + 2 * np.maximum(number - 2, 0) * spread / mean
    possible = observed > 0
    p = np.where(possible, gammainc(np.where(possible, observed, 1) / dispersion, expected / dispersion), 1.0)
    ln_p = np.log(np.maximum(p, 1e-300)).reshape(len(total), -1)
    best = np.argmin(ln_p, axis=1)
    angle, step = np.unravel_index(best, (len(pairs.angles_deg), len(threshold)))
    every = np.arange(len(total))
    return PairExcess(ln_p[every, best], observed[every, angle, step], expected[every, angle, step], pairs.angles_deg[angle], threshold[step])


@njit(cache=True)
def _count_pairs(vectors, rank, offsets, cos_angles, thresholds):  # type: ignore[no-untyped-def]
    """Cosmic rays (maps, thresholds) and pairs (maps, angles, thresholds); ``rank``: thresholds passed by each cosmic ray, less one."""
    maps, angles = len(offsets) - 1, len(cos_angles)
    total, pairs = np.zeros((maps, thresholds), np.int64), np.zeros((maps, angles, thresholds), np.int64)
    for m in range(maps):
        order = offsets[m] + np.argsort(-rank[offsets[m] : offsets[m + 1]], kind="mergesort")
        chosen, passed = vectors[:, order], rank[order]
        x, y, z = chosen[0], chosen[1], chosen[2]
        cosine = np.empty(len(order), np.float32)
        for i in range(len(order)):
            if passed[i] < 0:
                break
            for e in range(passed[i] + 1):
                total[m, e] += 1
            for j in range(i):
                cosine[j] = x[i] * x[j] + y[i] * y[j] + z[i] * z[j]
            for j in range(i):
                if cosine[j] >= cos_angles[angles - 1]:
                    k = 0
                    while cosine[j] < cos_angles[k]:
                        k += 1
                    # the pair passes what its weaker member passes, the later one
                    pairs[m, k, passed[i]] += 1
        for k in range(angles):
            for e in range(thresholds - 2, -1, -1):
                pairs[m, k, e] += pairs[m, k, e + 1]
            if k > 0:
                pairs[m, k] += pairs[m, k - 1]
    return total, pairs
