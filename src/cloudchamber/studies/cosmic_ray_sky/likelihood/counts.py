"""From one cosmic ray to a sky: the density ratio of n cosmic rays of which k come from a source, given each one's own,
r_i = p(i | source) / p(i | isotropy).

binomial: each comes from the source with probability k/n, so the ratio is prod_i (1 + (r_i - 1) k/n).
fixed: exactly k do, each subset equally likely, so the ratio is e_k(r) / C(n, k), e_k the elementary symmetric polynomial.

Both follow from sum_i ln(1 + t r_i) at tilts t about t_0 = k / (n - k).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

STEPS = np.array([0.5, 1.1, 2.3, 5.0])
"""The tilts, over t_0, at which ``log_fixed_estimate`` wants the sums."""
_LOG_RANGE = (math.log(0.3), math.log(10.0))
_TO_CUBIC = np.linalg.inv(np.vander(np.log(STEPS), increasing=True))


def first_tilt(n_signal: int, n: int) -> float:
    """t_0 = k / (n - k); ValueError for a count outside [1, n - 1]."""
    if not 1 <= n_signal < n:
        raise ValueError(f"n_signal: {n_signal} is outside the allowed [1, {n - 1}] of {n} cosmic rays")
    return n_signal / (n - n_signal)


def log_binomial(log_product: np.ndarray, n_signal: int, n: int) -> np.ndarray:
    """ln of the binomial law's density ratio from sum_i ln(1 + t_0 r_i) (...,)."""
    return log_product + n * math.log1p(-n_signal / n)


def log_fixed_estimate(log_products: np.ndarray, n_signal: int, n: int) -> np.ndarray:
    """ln of the fixed law's density ratio (...,) to about 0.1, from sum_i ln(1 + t r_i) at the tilts t_0 ``STEPS`` (len(STEPS), ...).

    Saddle point: e_k = min_t exp(sum_i ln(1 + t r_i)) t^-k / sqrt(2 pi sigma^2), sigma^2 the sum's second derivative in ln t, a cubic through the four tilts.
    References: H. E. Daniels, Ann. Math. Stat. 25 (1954) 631, eq. 2.6.
    """
    c0, c1, c2, c3 = np.tensordot(_TO_CUBIC, log_products, axes=1)
    lack = n_signal - c1
    root = np.sqrt(np.maximum(c2**2 + 3.0 * c3 * lack, 0.0))
    x = np.clip(lack / np.maximum(c2 + root, 1e-9), *_LOG_RANGE)
    variance = np.maximum(2.0 * c2 + 6.0 * c3 * x, 0.05)
    log_polynomial = c0 + x * (c1 + x * (c2 + x * c3)) - n_signal * (x + math.log(first_tilt(n_signal, n))) - 0.5 * np.log(2 * np.pi * variance)
    return log_polynomial - _log_subsets(n_signal, n)


def log_fixed(ratios: np.ndarray, n_signal: int) -> np.ndarray:
    """ln of the fixed law's density ratio (hypotheses,), exact, from ``ratios`` (hypotheses, n); minus infinity where fewer than k of them are above 0."""
    n = ratios.shape[1]
    return _log_polynomials(np.ascontiguousarray(ratios, float), n_signal, first_tilt(n_signal, n)) - _log_subsets(n_signal, n)


def log_products(ratios: np.ndarray, n_signal: int, steps: np.ndarray) -> np.ndarray:
    """sum_i ln(1 + t r_i), (steps, hypotheses), at t_0 times ``steps``."""
    tilts = first_tilt(n_signal, ratios.shape[1]) * steps
    return np.stack([np.log1p(tilt * ratios).sum(axis=1) for tilt in tilts])


def memberships(ratios: np.ndarray, n_signal: int, binomial: bool) -> np.ndarray:
    """Probability of each cosmic ray to come from the source (hypotheses, n), ``ratios`` alike: t r / (1 + t r).

    binomial: t = t_0, exact. fixed: the t for which the probabilities sum to k, the saddle point's leading term.
    """
    tilt = np.full(len(ratios), first_tilt(n_signal, ratios.shape[1]))
    if not binomial:
        tilt = _tilts(np.ascontiguousarray(ratios, float), float(n_signal), tilt)
    odds = tilt[:, None] * ratios
    return odds / (1.0 + odds)


def _log_subsets(n_signal: int, n: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(n_signal + 1) - math.lgamma(n - n_signal + 1)


@njit(cache=True)
def _tilts(ratios, wanted, start):  # type: ignore[no-untyped-def]
    """t (hypotheses,) with sum_i t r_i / (1 + t r_i) = wanted: Newton steps in ln t, bisection where they leave the bracket."""
    result = np.empty(len(ratios))
    for h in range(len(ratios)):
        low, high, log_t = -80.0, 80.0, math.log(start[h])
        for _ in range(60):
            t, total, slope = math.exp(log_t), 0.0, 0.0
            for i in range(ratios.shape[1]):
                p = t * ratios[h, i] / (1.0 + t * ratios[h, i])
                total += p
                slope += p * (1.0 - p)
            if abs(total - wanted) < 1e-9 * wanted:
                break
            if total < wanted:
                low = log_t
            else:
                high = log_t
            log_t += (wanted - total) / max(slope, 1e-30)
            if not low < log_t < high:
                log_t = 0.5 * (low + high)
        result[h] = math.exp(log_t)
    return result


@njit(cache=True)
def _log_polynomials(ratios, degree, tilt):  # type: ignore[no-untyped-def]
    """ln e_k(r) (hypotheses,) by the recursion e_j <- e_j + r e_(j-1), written for p = t r / (1 + t r): a Poisson-binomial distribution, free of overflow."""
    result = np.empty(len(ratios))
    e = np.empty(degree + 1)
    for h in range(len(ratios)):
        e[:] = 0.0
        e[0] = 1.0
        log_norm = 0.0
        for i in range(ratios.shape[1]):
            odds = tilt * ratios[h, i]
            if odds < 1e-9:
                continue
            p = odds / (1.0 + odds)
            q = 1.0 - p
            log_norm += math.log1p(odds)
            for j in range(degree, 0, -1):
                e[j] = e[j] * q + e[j - 1] * p
            e[0] *= q
        result[h] = math.log(e[degree]) + log_norm - degree * math.log(tilt) if e[degree] > 0 else -np.inf
    return result
