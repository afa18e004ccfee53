"""The Galaxy's hydrogen and cosmic rays: surface densities, heights, arms, as functions of the Galactocentric radius.

Atomic and ionised hydrogen, vertical: Dickey & Lockman (1990), ARA&A 28, 215 (two Gaussians and an exponential: the mean of 4 to 8 kpc), and the warm
ionised layer of Gaensler et al. (2008), PASA 25, 184 (0.014 cm^-3, 1.83 kpc), all of which flares as exp((R - R_sun) / 9.8 kpc), Kalberla & Dedes (2008),
A&A 487, 951. Radial: flat between 4 and 13 kpc and low in the centre, round numbers after Nakanishi & Sofue (2016), PASJ 68, 5.
Molecular hydrogen: Bronfman et al. (1988), ApJ 324, 248, as in Ferriere (2001), Rev. Mod. Phys. 73, 1031, section III: a ring at 4.5 kpc of width 2.9 kpc and
height 81 pc (R / R_sun)^0.58.
Central molecular zone: a Gaussian of 130 pc by 30 pc, round numbers after Ferriere, Gillard & Jean (2007), A&A 467, 611.
Arms: four logarithmic spirals, Vallee (2017), Astron. Rev. 13, 113; here a cosine, and none within about 3 kpc, where the bar rules.
Cosmic rays: exponential in R and flat within 2 kpc (a round number); Strong, Moskalenko & Ptuskin (2007), Annu. Rev. Nucl. Part. Sci. 57, 285.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.galactic_centre.diffuse.sightlines import SUN_KPC

Array = NDArray[Any]

FLARE_KPC = 9.8
HOLE_KPC, HOLE_EDGE_KPC, HOLE_FLOOR = 3.5, 0.6, 0.15
OUTER_KPC, OUTER_SCALE_KPC = 13.0, 4.0
RING_KPC, RING_WIDTH_KPC = 4.5, 2.9
MOLECULAR_KPC, MOLECULAR_FLARE = 0.081, 0.58
ZONE_LENGTH_KPC, ZONE_HEIGHT_KPC = 0.13, 0.03
ARMS, ARMLESS_KPC = 4, 3.0
CORE_KPC = 2.0

GAUSSIANS_CM3 = ((0.395, 0.212), (0.107, 0.530))
"""Densities and full widths at half maximum in kpc."""
EXPONENTIALS_CM3 = ((0.064, 0.403), (0.014, 1.83))
"""Densities and scales in kpc: atomic, ionised."""


def atomic_vertical(height_kpc: Array) -> Array:
    """Density of atomic and ionised hydrogen in cm^-3 at the Sun's radius."""
    z = np.abs(height_kpc)
    return sum((n * np.exp(-4 * np.log(2) * (z / w) ** 2) for n, w in GAUSSIANS_CM3), start=np.zeros(np.shape(z))) + sum(
        n * np.exp(-z / h) for n, h in EXPONENTIALS_CM3
    )


ATOMIC_COLUMN = sum(n * w * np.sqrt(np.pi / np.log(2)) / 2 for n, w in GAUSSIANS_CM3) + sum(2 * n * h for n, h in EXPONENTIALS_CM3)
"""The integral of ``atomic_vertical`` over all heights, in kpc cm^-3."""


def atomic_surface(radius_kpc: Array) -> Array:
    """Surface density over that between 4 and 13 kpc."""
    r = np.asarray(radius_kpc, float)
    return (HOLE_FLOOR + (1 - HOLE_FLOOR) / (1 + np.exp((HOLE_KPC - r) / HOLE_EDGE_KPC))) * np.exp(-np.maximum(r - OUTER_KPC, 0) / OUTER_SCALE_KPC)


def molecular_surface(radius_kpc: Array) -> Array:
    """Surface density over that of the ring."""
    return np.asarray(np.exp(-(((np.asarray(radius_kpc, float) - RING_KPC) / RING_WIDTH_KPC) ** 2)))


def atomic_flare(radius_kpc: Array) -> Array:
    """Height over that at the Sun's radius."""
    return np.asarray(np.exp((np.asarray(radius_kpc, float) - SUN_KPC) / FLARE_KPC))


def molecular_height_kpc(radius_kpc: Array) -> Array:
    """Where a Gaussian exp(-(z / h)^2) has fallen by e; no thinner than at 1 kpc."""
    return np.asarray(MOLECULAR_KPC * (np.maximum(radius_kpc, 1.0) / SUN_KPC) ** MOLECULAR_FLARE)


def arms(radius_kpc: Array, azimuth_rad: Array, pitch_rad: float, phase_rad: float) -> Array:
    """Density's excess over its mean around the centre, for a contrast of 1."""
    r = np.maximum(radius_kpc, 0.1)
    return np.asarray((1 - np.exp(-((r / ARMLESS_KPC) ** 2))) * np.cos(ARMS * (azimuth_rad - np.log(r) / np.tan(pitch_rad)) - phase_rad))


def nuclei(radius_kpc: Array, scale_kpc: float) -> Array:
    """Density of cosmic-ray nuclei in the plane, over that at the Sun."""
    return np.asarray(np.exp((np.hypot(SUN_KPC, CORE_KPC) - np.hypot(radius_kpc, CORE_KPC)) / scale_kpc))


def halo(height_kpc: Array, scale_kpc: float) -> Array:
    """Density of cosmic rays over that in the plane, sech^2."""
    return np.asarray(1 / np.cosh(np.minimum(np.abs(height_kpc) / scale_kpc, 40.0)) ** 2)


def within_orbit_kpc2(surface: Array, radius_kpc: Array) -> float:
    """Integral of an axisymmetric surface density over the disk, given at the middles of equal steps in radius."""
    return float(2 * np.pi * np.sum(surface * radius_kpc) * (radius_kpc[1] - radius_kpc[0]))
