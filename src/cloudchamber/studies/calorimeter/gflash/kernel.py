"""GFlash's formulas for homogeneous media in loops for numba.

Depths along the axis are in radiation lengths, radii in Moliere radii, energies in MeV; GFlash's y is E / Ec.

References: G. Grindhammer and S. Peters, hep-ex/0001020, sections 3 and appendix A (mean values, fluctuations, radial profiles and numbers of spots).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

STEP_X0 = 0.5
LEAST_DECAY = 0.25
"""Slowest decay of a shower's tail, per X0. The tail are photons of a few MeV, the least attenuated (0.3 per X0), with their build-up; where the fitted
fluctuations ask for a slower one (alpha near 1 below 1 GeV) they leave their range. The value is the best one against Geant4 in CsI, 0.2 to 5 GeV."""

PAIR_SHIFT = -0.5
"""A photon's shower is that of an electron and a positron that share its energy evenly on average: mean ln(share), weighted by energy, is -1/2."""


@njit(cache=True)
def showers(photon, energy_mev, impact_mm, polar, azimuth, array, medium, rng):  # type: ignore[no-untyped-def]
    """Deposits (events, cells) [MeV]. ``array``: (n, layers, pitch, length); ``medium``: (Z, critical energy, radiation length, Moliere radius)."""
    n, layers, pitch, length = array
    z_medium, critical_mev, x0_mm, moliere_mm = medium
    result = np.zeros((len(energy_mev), layers * n * n))
    for event in range(len(energy_mev)):
        sine, cosine = math.sin(polar[event]), math.cos(polar[event])
        axis = (sine * math.cos(azimuth[event]), sine * math.sin(azimuth[event]), cosine)
        # two unit vectors across the axis
        across = (cosine * math.cos(azimuth[event]), cosine * math.sin(azimuth[event]), -sine)
        other = (-math.sin(azimuth[event]), math.cos(azimuth[event]), 0.0)
        start = 9.0 / 7.0 * rng.standard_exponential() if photon[event] else 0.0
        gev, log_y = energy_mev[event] / 1000.0, math.log(energy_mev[event] / critical_mev)
        maximum, alpha, mean_alpha = longitudinal(log_y, PAIR_SHIFT if photon[event] else 0.0, z_medium, rng)
        decay = (alpha - 1.0) / maximum
        if decay < LEAST_DECAY:
            decay = LEAST_DECAY
            maximum = (alpha - 1.0) / decay
        spots = 93.0 * math.log(z_medium) * gev**0.876
        spot_alpha = max(alpha * (0.639 + 0.00334 * z_medium), 1.01)
        spot_decay = (spot_alpha - 1.0) / (maximum * (0.698 + 0.00212 * z_medium))
        age_scale = (alpha - 1.0) / (alpha * maximum) * mean_alpha / (mean_alpha - 1.0)
        deposited, placed, depth = 0.0, 0.0, 0.0
        while deposited < 0.9999:
            centre = (start + depth) * x0_mm
            if centre * axis[2] > length + 4.0 * moliere_mm:
                break
            depth += STEP_X0
            share = gamma_share(alpha, decay * depth)
            spot_share = gamma_share(spot_alpha, spot_decay * depth)
            count = max(1, int(spots * (spot_share - placed) + rng.random()))
            spot_mev = energy_mev[event] * (share - deposited) / count
            deposited, placed = share, spot_share
            core, tail, core_share = radial((depth - 0.5 * STEP_X0) * age_scale, math.log(gev), z_medium)
            for _ in range(count):
                u = rng.random()
                radius = (core if rng.random() < core_share else tail) * math.sqrt(u / (1.0 - u)) * moliere_mm
                turn = 2.0 * math.pi * rng.random()
                along = centre + STEP_X0 * x0_mm * rng.random()
                a, b = radius * math.cos(turn), radius * math.sin(turn)
                x = impact_mm[event, 0] + along * axis[0] + a * across[0] + b * other[0]
                y = impact_mm[event, 1] + along * axis[1] + a * across[1] + b * other[1]
                z = along * axis[2] + a * across[2]
                column, row, layer = math.floor(x / pitch + 0.5 * n), math.floor(y / pitch + 0.5 * n), math.floor(z / length * layers)
                if 0 <= column < n and 0 <= row < n and 0 <= layer < layers:
                    result[event, (layer * n + row) * n + column] += spot_mev
    return result


@njit(cache=True)
def longitudinal(log_y, shift, z_medium, rng):  # type: ignore[no-untyped-def]
    """(T, alpha, exp<ln alpha>) of one shower: depth of its maximum and shape, correlated log-normals whose means belong to ln y + ``shift``."""
    mean_maximum = math.log(log_y + shift - 0.812)
    mean_alpha = math.log(0.81 + (0.458 + 2.26 / z_medium) * (log_y + shift))
    sigma_maximum = 1.0 / (-1.4 + 1.26 * log_y)
    sigma_alpha = 1.0 / (-0.58 + 0.86 * log_y)
    correlation = 0.705 - 0.023 * log_y
    common = math.sqrt(0.5 * (1.0 + correlation)) * rng.standard_normal()
    apart = math.sqrt(0.5 * (1.0 - correlation)) * rng.standard_normal()
    maximum = math.exp(mean_maximum + sigma_maximum * (common + apart))
    alpha = math.exp(mean_alpha + sigma_alpha * (common - apart))
    return maximum, max(alpha, 1.1), math.exp(mean_alpha)


@njit(cache=True)
def radial(age, log_gev, z_medium):  # type: ignore[no-untyped-def]
    """(core radius, tail radius, core's share) at a shower age."""
    core = 0.0251 + 0.00319 * log_gev + (0.1162 - 0.000381 * z_medium) * age
    tail = (0.659 - 0.00309 * z_medium) * (math.exp(-2.59 * (age - 0.645)) + math.exp((0.3585 + 0.0412 * log_gev) * (age - 0.645)))
    x = (0.401 + 0.00187 * z_medium - age) / (1.313 - 0.0686 * log_gev)
    return core, tail, min(max((2.632 - 0.00094 * z_medium) * math.exp(x - math.exp(x)), 0.0), 1.0)


@njit(cache=True)
def gamma_share(a, x):  # type: ignore[no-untyped-def]
    """The regularised lower incomplete gamma function P(a, x), by its power series, or from x = a + 1 on by its continued fraction."""
    if x <= 0.0:
        return 0.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = 1.0 / a
        total, k = term, a
        while term > 1e-10 * total:
            k += 1.0
            term *= x / k
            total += term
        return scale * total
    # Lentz's method
    b = x + 1.0 - a
    c, d = 1e300, 1.0 / b
    fraction, i = d, 0
    while True:
        i += 1
        numerator = -i * (i - a)
        b += 2.0
        d = 1.0 / (numerator * d + b)
        c = b + numerator / c
        fraction *= c * d
        if abs(c * d - 1.0) < 1e-10:
            return 1.0 - scale * fraction
