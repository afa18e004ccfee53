"""The non-Poissonian template likelihood: counts of a pixel given smooth templates and populations of point sources that follow templates of their own.

The counts of sources alone have the law q_k: of x_m sources that give a pixel m photons each, k q_k = sum over m of m x_m q_(k-m), and q_0 = exp(-sum x_m).
All terms are positive, so nothing cancels however many counts there are. With smooth emission, lambda, p_k is the sum over j of q_j Poisson(k - j; lambda).

Laws of sources are made for ``groups`` of pixels in which their templates and the exposure are nearly the same; what a pixel's template has beyond its
group's mean goes to lambda, so that every pixel's mean is exact and only the scatter beyond Poisson's is the group's. With a group for each pixel nothing is
approximate.

Pixels are taken as independent, as by everybody who uses this likelihood: a source whose photons lie in several pixels counts as if it were several
(``fit.source_share`` says by how much).

References: D. Malyshev, D. Hogg, ApJ 738 (2011) 181; S. Lee et al., PRL 116 (2016) 051103; S. Mishra-Sharma, N. Rodd, B. Safdi, AJ 153 (2017) 253, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.gamma.brightness import SourceCounts
from cloudchamber.studies.galactic_centre.fit.photon_shares import PhotonShares
from cloudchamber.studies.galactic_centre.fit.source_photons import SourcePhotons

Array = NDArray[Any]

GROUPS, EXPOSURES = 64, 2
STEPS, GAIN = 12, 0.2
"""Of Newton's method for amplitudes; a step that could gain less than half of this in the logarithm of the likelihood is not taken."""
ENOUGH = 1e-14
"""Terms smaller than this over their sum are left out once Poisson's probability falls."""
RIDGE = 1e-12
REACH = 7.0
"""Deviations of the smooth counts that are looked at."""
LEAST = 1e-6
NEVER = -1e6
"""ln p of counts whose probability underflows."""
_NONE = np.zeros((0, 1, 1))
"""Counts of smooth emission that a pixel has at the least."""


class SourceLaw(NamedTuple):
    """The law of the counts of sources alone by group of pixels: q_k (groups, most + 1) over exp(offset) (groups,), and its mean counts (groups,)."""

    q: Array
    offset: Array
    mean: Array


class Profile(NamedTuple):
    """Amplitudes that are likeliest (K,), the counts expected of them (pixels,), the logarithm of the likelihood, and the law of the sources' counts."""

    amplitudes: Array
    expected: Array
    log_likelihood: float
    law: SourceLaw


class NonPoissonian:
    """The likelihood of ``counts`` (pixels,).

    ``sources`` (P, pixels) are templates of populations: counts expected of an amplitude of 1, as the instrument spreads them; ``shares`` how it spreads
    a source of each; ``exposure`` (pixels,) relative to the one that laws are meant at. ``groups`` of pixels share a law, 0: each has its own; a quarter of
    them are for pixels that are ``apart`` (pixels,), true for those with far more counts than others like them, whose laws are long.
    ValueError for shapes that do not fit, counts that are no counts, and templates that are not above 0 everywhere.
    """

    def __init__(
        self, counts: Array, sources: Array, shares: Sequence[PhotonShares], exposure: Array, groups: int = GROUPS, apart: Array | None = None
    ) -> None:
        if sources.shape != (len(shares), len(counts)) or exposure.shape != counts.shape or counts.ndim != 1:
            raise ValueError(f"sources, shares, exposure: {sources.shape}, {len(shares)} and {exposure.shape} do not fit counts of {counts.shape}")
        if not (len(counts) and np.all(counts >= 0) and np.all(counts == np.floor(counts)) and np.isfinite(counts).all()):
            raise ValueError("counts: needs whole numbers that are not negative")
        if not (np.all(sources > 0) and np.all(exposure > 0) and np.isfinite(sources).all() and np.isfinite(exposure).all()):
            raise ValueError("sources, exposure: must be finite and above 0 in all pixels")
        self.counts = counts.astype(np.int64)
        near = exposure if groups == 0 else _near(exposure)
        self.group = np.arange(len(counts))
        if groups:
            keys, bright = np.log(np.vstack([near, sources])), np.zeros(len(counts), bool) if apart is None else apart
            self.group = _grouped(keys, ~bright, groups - groups // 4 * int(bright.any()))
            self.group += np.where(bright, _grouped(keys, bright, groups // 4) + self.group.max() + 1, 0)
        size = np.bincount(self.group)
        self.sources = np.stack([np.bincount(self.group, each) / size for each in sources])
        every, self._exposure_of = np.unique(np.round(np.bincount(self.group, near) / size, 12), return_inverse=True)
        self.exposures = every
        self.most = np.zeros(len(size), np.int64)
        np.maximum.at(self.most, self.group, self.counts)
        self.photons = [SourcePhotons(each, int(self.most.max())) for each in shares]

    def law(self, amplitudes: Array, brightness: Sequence[SourceCounts], expected: Array | None = None) -> SourceLaw:
        """Of populations with these amplitudes and laws (P,); where counts ``expected`` (pixels,) are known already, up to as many photons as then matter."""
        return self._law(np.asarray(amplitudes, float), self._rates(brightness), expected)

    def _rates(self, brightness: Sequence[SourceCounts]) -> Array:
        """x_m of an amplitude of 1, (P, groups, most + 1)."""
        found = np.empty((len(brightness), len(self.most), int(self.most.max()) + 1))
        for rates, template, photons, law in zip(found, self.sources, self.photons, brightness, strict=True):
            at = np.stack([photons.of(law._replace(break_counts=law.break_counts * e, least_counts=law.least_counts * e)) / e for e in self.exposures])
            np.multiply((template / float(law.mean_counts))[:, None], at[self._exposure_of], out=rates)
        return found

    def _law(self, amplitudes: Array, rates: Array, expected: Array | None) -> SourceLaw:
        mean = amplitudes @ self.sources
        most = self.most if expected is None else self._needed(self._smooth(expected, mean))
        q, offset = _source_counts(np.tensordot(amplitudes, rates, 1), most)
        return SourceLaw(q, offset, mean)

    def log_likelihood(self, expected: Array, law: SourceLaw) -> float:
        """Of counts whose mean, sources' and all, is ``expected`` (pixels,)."""
        return float(self.by_pixel(expected, law).sum())

    def by_pixel(self, expected: Array, law: SourceLaw) -> Array:
        """The same pixel by pixel, (pixels,)."""
        return np.asarray(_pixels(self.counts, self._smooth(expected, law.mean), self.group, law.q, law.offset, _NONE)[0])

    def best(
        self,
        templates: Array,
        mixing: Array,
        fixed: Array,
        brightness: Sequence[SourceCounts],
        known: Array,
        start: Array,
        wanted: float = -np.inf,
    ) -> Profile:
        """The likeliest amplitudes a (K,), none negative, of ``templates`` (K, pixels) of all that is expected beside ``known`` counts (pixels,).

        Populations of sources of laws ``brightness`` (P,) have the amplitudes ``mixing`` a + ``fixed``, with ``mixing`` (P, K). The search ends early where
        the logarithm of the likelihood will hardly come to what is ``wanted``.
        """
        rates, free = self._rates(brightness), np.flatnonzero(mixing.any(1))
        size = templates.sum(1)
        found, gradient, curvature = self._seen(np.asarray(start, float), templates, mixing, fixed, rates, free, known)
        step, share = self._step(found.amplitudes * size, gradient / size, curvature / np.outer(size, size)), 1.0
        for _ in range(STEPS):
            promised = float(gradient @ (step / size))
            if promised < GAIN or found.log_likelihood + 2 * promised < wanted:
                break
            tried, *slopes = self._seen(np.maximum(found.amplitudes + share * step / size, 0.0), templates, mixing, fixed, rates, free, known)
            if tried.log_likelihood < found.log_likelihood:
                share /= 4
                continue
            found, share, (gradient, curvature) = tried, 1.0, slopes
            step = self._step(found.amplitudes * size, gradient / size, curvature / np.outer(size, size))
        return found

    def _seen(self, amplitudes: Array, templates: Array, mixing: Array, fixed: Array, rates: Array, free: Array, known: Array) -> tuple[Profile, Array, Array]:
        """The likelihood of amplitudes, its slopes (K,), and the information as the scatter of the pixels' slopes (K, K)."""
        expected = amplitudes @ templates + known
        law = self._law(mixing @ amplitudes + fixed, rates, expected)
        smooth = self._smooth(expected, law.mean)
        changed = _changed(law.q, rates[free], self._needed(smooth))
        value, slope, curvature, through = _pixels(self.counts, smooth, self.group, law.q, law.offset, changed)
        # what goes to sources is taken from the smooth counts
        moved = templates - mixing[free].T @ self.sources[free][:, self.group]
        scores = moved * slope + mixing[free].T @ through
        # further off than the model scatters, slopes are larger than the information
        surplus = max(float(expected @ slope**2) / max(float(expected @ curvature), 1e-12), 1.0)
        return Profile(amplitudes, expected, float(value.sum()), law), scores.sum(1), scores @ scores.T / surplus

    @staticmethod
    def _step(at: Array, gradient: Array, curvature: Array) -> Array:
        """Newton's, to the top of the parabola among amplitudes that are not negative."""
        from scipy.linalg import solve_triangular
        from scipy.optimize import nnls

        curvature[np.diag_indices_from(curvature)] += RIDGE * np.trace(curvature)
        root = np.linalg.cholesky(curvature)
        return np.asarray(nnls(root.T, solve_triangular(root, curvature @ at + gradient, lower=True))[0] - at)

    def _smooth(self, expected: Array, mean: Array) -> Array:
        return np.maximum(expected - mean[self.group], LEAST)

    def _needed(self, smooth: Array) -> Array:
        """Photons of sources that some pixel of a group may have, (groups,)."""
        found = np.zeros(len(self.most), np.int64)
        np.maximum.at(found, self.group, np.minimum(self.counts, (self.counts - smooth + REACH * np.sqrt(smooth) + REACH**2 / 2).astype(np.int64)))
        return found


def _near(exposure: Array) -> Array:
    """Means of as many pixels each in the place of the exposure, ``EXPOSURES`` of them, (pixels,)."""
    found = np.empty_like(exposure)
    for part in np.array_split(np.argsort(exposure, kind="stable"), EXPOSURES):
        found[part] = exposure[part].mean()
    return found


def _grouped(keys: Array, among: Array, groups: int) -> Array:
    """Numbers of groups (pixels,) of those that are ``among`` them, 0 of others: those of one exposure, the first of the ``keys`` (n, pixels), are halved
    again and again where another is most spread.
    """
    parts = [np.flatnonzero(among & (keys[0] == each)) for each in np.unique(keys[0][among])]
    spread = [np.ptp(keys[1:, each], axis=1) for each in parts]
    while len(parts) < min(groups, int(among.sum())):
        widest = int(np.argmax([each.max() for each in spread]))
        if spread[widest].max() == 0:
            break
        part, key = parts.pop(widest), 1 + int(np.argmax(spread.pop(widest)))
        sorted_part = part[np.argsort(keys[key, part], kind="stable")]
        for half in np.array_split(sorted_part, 2):
            parts.append(half)
            spread.append(np.ptp(keys[1:, half], axis=1))
    found = np.zeros(keys.shape[1], np.int64)
    for number, part in enumerate(parts):
        found[part] = number
    return found


@njit(cache=True, fastmath={"reassoc", "contract"})
def _source_counts(rates: Array, most: Array) -> tuple[Array, Array]:
    """q_k over exp(offset) of rates (groups, most + 1) of sources of m photons, the sum of all of them in the first column."""
    groups, width = rates.shape
    q, offset, turned = np.zeros((groups, width)), np.empty(groups), np.empty(width)
    for g in range(groups):
        for m in range(width):
            turned[width - 1 - m] = m * rates[g, m]
        offset[g], q[g, 0] = -rates[g, 0], 1.0
        row = q[g]
        for k in range(1, most[g] + 1):
            total, first = 0.0, width - 1 - k
            for i in range(k):
                total += turned[first + i] * row[i]
            row[k] = total / k
            if row[k] > 1e60:
                for i in range(k + 1):
                    row[i] *= 1e-60
                offset[g] += 60 * np.log(10.0)
    return q, offset


@njit(cache=True, fastmath={"reassoc", "contract"})
def _changed(q: Array, rates: Array, most: Array) -> Array:
    """Derivatives of q_k by the amplitudes of populations whose ``rates`` (P, groups, most + 1) these are, (P, groups, most + 1)."""
    populations, groups, width = rates.shape
    found, turned = np.zeros(rates.shape), np.empty(width)
    for p in range(populations):
        for g in range(groups):
            for m in range(width):
                turned[width - 1 - m] = rates[p, g, m]
            row = q[g]
            for k in range(most[g] + 1):
                total, first = 0.0, width - 1 - k
                for i in range(k):
                    total += turned[first + i] * row[i]
                found[p, g, k] = total - rates[p, g, 0] * row[k]
    return found


@njit(cache=True)
def _pixels(counts: Array, smooth: Array, group: Array, q: Array, offset: Array, changed: Array) -> tuple[Array, Array, Array, Array]:
    """ln p_k, its derivative by the smooth counts and minus the second, each (pixels,), and by what ``changed`` q (P, groups, most + 1) changes with,
    (P, pixels).
    """
    populations = len(changed)
    value, slope, curvature = np.empty(len(counts)), np.zeros(len(counts)), np.zeros(len(counts))
    through, sums = np.zeros((populations, len(counts))), np.empty(populations)
    for pixel in range(len(counts)):
        k, mean, row = counts[pixel], smooth[pixel], q[group[pixel]]
        inverse = 1 / mean
        # Poisson's probability relative to the one of n = k - j photons where the sum begins: the first whose weight does not underflow
        n = float(k)
        if n > mean:
            peak = mean * np.log(mean) - mean - _log_gamma(mean + 1)
            while n > mean and n * np.log(mean) - mean - _log_gamma(n + 1.0) < peak - 300:
                n -= 1
        log_first, j = n * np.log(mean) - mean - _log_gamma(n + 1.0), k - int(n)
        weight, p0, p1, p2 = 1.0, 0.0, 0.0, 0.0
        sums[:] = 0.0
        while n >= 0:
            term = weight * row[j]
            one = n * inverse
            p0 += term
            p1 += term * one
            p2 += term * (one * one)
            for p in range(populations):
                sums[p] += weight * changed[p, group[pixel], j]
            if term < ENOUGH * p0 and n < mean:
                break
            weight *= one
            n -= 1
            j += 1
        if p0 > 0:
            first = p1 / p0
            value[pixel], slope[pixel] = np.log(p0) + log_first + offset[group[pixel]], first - 1
            # n (n - 1) = n^2 - n
            curvature[pixel] = first * first - p2 / p0 + first * inverse
            for p in range(populations):
                through[p, pixel] = sums[p] / p0
        else:
            value[pixel] = NEVER
    return value, slope, curvature, through


@njit(inline="always")
def _log_gamma(x: float) -> float:
    """Stirling's series from 10 on, to 1e-13."""
    shift = 0.0
    while x < 10.0:
        shift -= np.log(x)
        x += 1.0
    inverse = 1 / x
    square = inverse * inverse
    return shift + (x - 0.5) * np.log(x) - x + 0.9189385332046727 + inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
