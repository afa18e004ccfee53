"""Telescope Array's average shower on the ground, as its standard fit uses it: lateral distribution, delay behind the plane front, error bars, energy.

Distances are in m from the axis, signals densities in VEM/m2, times in ns. The compiled functions take and return single numbers.

References: D. Ivanov, thesis, Rutgers University (2012); T. Abu-Zayyad et al. (2013), ApJ 768, L1; AGASA: M. Teshima et al. (1986), J. Phys. G 12, 1097.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

REFERENCE_M = 800.0
MOLIERE_M, OUTER_M, FRONT_M = 90.0, 1000.0, 30.0
DELAY_NS = 0.67
LATEST_SECANT = 2.2
"""The slope of the lateral distribution is linear in sec(zenith); beyond 63 deg, where nothing was fitted, it stays."""


@njit(cache=True, inline="always")
def slope(secant):  # type: ignore[no-untyped-def]
    """eta of the lateral distribution."""
    return 3.97 - 1.79 * (min(secant, LATEST_SECANT) - 1.0)


@njit(cache=True)
def ln_ldf(r, eta):  # type: ignore[no-untyped-def]
    """ln of the lateral distribution relative to 800 m: f(r) = (r/90)^-1.2 (1 + r/90)^-(eta - 1.2) (1 + (r/1000)^2)^-0.6."""
    return (
        -1.2 * math.log(r / REFERENCE_M)
        - (eta - 1.2) * math.log((MOLIERE_M + r) / (MOLIERE_M + REFERENCE_M))
        - 0.6 * math.log((OUTER_M**2 + r * r) / (OUTER_M**2 + REFERENCE_M**2))
    )


@njit(cache=True)
def ln_ldf_slopes(r, eta):  # type: ignore[no-untyped-def]
    """Derivatives of ``ln_ldf`` with respect to r and to eta."""
    by_r = -1.2 / r - (eta - 1.2) / (MOLIERE_M + r) - 1.2 * r / (OUTER_M**2 + r * r)
    return by_r, -math.log((MOLIERE_M + r) / (MOLIERE_M + REFERENCE_M))


@njit(cache=True)
def delay_ns(r, ln_density_ratio, curvature):  # type: ignore[no-untyped-def]
    """How long after the plane front a station first sees particles: 0.67 a (1 + r/30)^1.5 LDF^-1/2."""
    return DELAY_NS * curvature * (1.0 + r / FRONT_M) ** 1.5 * math.exp(-0.5 * ln_density_ratio)


@njit(cache=True)
def mean_curvature(zenith_deg):  # type: ignore[no-untyped-def]
    """a(zenith) of the mean shower; the curvature parameter starts at 1.3 a / sqrt(S800)."""
    if zenith_deg < 25.0:
        return 3.3836 - 0.01848 * zenith_deg
    if zenith_deg < 35.0:
        return 6.511268e-5 * (zenith_deg - 0.2615) * (zenith_deg**2 - 134.7902 * zenith_deg + 4558.524)
    return math.exp(2.0 - 0.032 * zenith_deg)


def attenuation(zenith_deg: ArrayLike) -> np.ndarray:
    """S800 of a shower relative to the same shower's at 28.65 deg."""
    return np.exp(-1.32589555e-7 * (np.asarray(zenith_deg, float) ** 4 - 28.65**4))


def energy_ev(s800: ArrayLike, zenith_deg: ArrayLike) -> np.ndarray:
    """Energy of S800 [VEM/m2] and zenith angle."""
    return 4.79e17 * (np.asarray(s800, float) / 1.22 / attenuation(zenith_deg)) ** 1.03
