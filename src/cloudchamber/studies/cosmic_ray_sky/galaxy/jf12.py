"""The magnetic field of the Milky Way of Jansson and Farrar (2012): regular field, and the strength of the random and of the striated field.

Positions in kpc, Galactocentric: x points from the Sun to the centre, z to the Galactic north; the Sun is at (-8.5, 0, 0). Fields in microgauss.

References: [1] R. Jansson, G. R. Farrar, ApJ 757 (2012) 14 (regular field, best fit of table 1). [2] the same, ApJ 761 (2012) L11 (random and striated field,
table 1). The southern toroidal field ends at r_s > 16.7 kpc in [1], a lower limit. We take 17 kpc, like CRPropa; gammaALPs takes 16.7.
"""

from __future__ import annotations

from math import atan2, cos, exp, log, pi, sin, sqrt, tan

import numpy as np
from numba import njit

EARTH_X_KPC = -8.5
BOUNDARY_KPC = 20.0
"""The field is zero further from the Galactic centre than this ([1], section 5)."""
R_SOUTH_KPC = 17.0

# the disc, [1] section 5.1.1: eight logarithmic spirals, which cross the negative x axis at these radii, and a molecular ring
PITCH = np.deg2rad(11.5)
ARMS_KPC = np.array([5.1, 6.3, 7.1, 8.3, 9.8, 11.4, 12.7, 15.5])
ARMS_UG = np.array([0.1, 3.0, -0.9, -0.8, -2.0, -4.2, 0.0, 2.7])
"""Field of each arm at 5 kpc; the eighth balances the flux of the others."""
RING_UG = 0.1
RING_KPC = (3.0, 5.0)
DISC_HEIGHT_KPC, DISC_WIDTH_KPC = 0.40, 0.27

# the toroidal halo, [1] section 5.1.2
NORTH_UG, SOUTH_UG = 1.4, -1.1
R_NORTH_KPC, HALO_WIDTH_KPC, HALO_HEIGHT_KPC = 9.22, 0.20, 5.3

# the X-shaped halo, [1] section 5.1.3
X_UG, X_ELEVATION, X_INNER_KPC, X_SCALE_KPC = 4.6, np.deg2rad(49.0), 4.8, 2.9
HALO_FROM_KPC = 1.0
"""The halo field is left out within this distance of the centre."""

# the random field, [2] table 1: rms strengths
RANDOM_ARMS_UG = np.array([10.81, 6.96, 9.59, 6.96, 1.96, 16.34, 37.29, 10.35])
RANDOM_CENTRE_UG, RANDOM_DISC_HEIGHT_KPC = 7.63, 0.61
RANDOM_HALO_UG, RANDOM_HALO_RADIUS_KPC, RANDOM_HALO_HEIGHT_KPC = 4.68, 10.97, 2.84

STRIATION = sqrt(1.36)
"""rms strength of the striated field over that of the regular field, sqrt(beta) of [2]: it lies along the regular field with either sign."""

_SIN_PITCH, _COS_PITCH, _TAN_PITCH = sin(PITCH), cos(PITCH), tan(PITCH)
_TAN_X, _SIN_X, _COS_X = tan(X_ELEVATION), sin(X_ELEVATION), cos(X_ELEVATION)
_LN_ARMS = np.log(ARMS_KPC)
_SATURATED = 19.0
"""A logistic step this many half-widths from its middle is 0 or 1 in double precision."""


@njit(cache=True)
def _step(x: float, middle: float, width: float) -> float:
    """The logistic transition from 0 to 1 at a positive ``x`` of [1] equation 5."""
    argument = 2.0 * (x - middle) / width
    if argument > 2.0 * _SATURATED:
        return 1.0
    return 1.0 / (1.0 + exp(-argument))


@njit(cache=True)
def arm(r: float, phi: float) -> int:
    """Which of the eight spiral arms holds cylindrical radius ``r`` and azimuth ``phi``."""
    # follow the spiral to the negative x axis, where the arms are numbered, with as many turns as bring it inside the outermost arm
    crossing = log(r) - (phi - pi) * _TAN_PITCH
    while crossing > _LN_ARMS[7]:
        crossing -= 2.0 * pi * _TAN_PITCH
    index = 0
    while crossing > _LN_ARMS[index]:
        index += 1
    return index


@njit(cache=True)
def field(x: float, y: float, z: float, parameters: np.ndarray) -> tuple[float, float, float]:
    """The regular field (bx, by, bz); ``parameters[3]`` is the radius at which the southern toroidal field ends."""
    r, height = sqrt(x * x + y * y), abs(z)
    distance = sqrt(r * r + z * z)
    if distance > BOUNDARY_KPC:
        return 0.0, 0.0, 0.0
    b_r, b_phi, b_z = 0.0, 0.0, 0.0
    halo = _step(height, DISC_HEIGHT_KPC, DISC_WIDTH_KPC)
    if halo < 1.0 and r > RING_KPC[0]:
        strength = (1.0 - halo) * 5.0 / r
        if r < RING_KPC[1]:
            b_phi = RING_UG * strength
        else:
            spiral = ARMS_UG[arm(r, atan2(y, x))] * strength
            b_r, b_phi = spiral * _SIN_PITCH, spiral * _COS_PITCH
    if distance > HALO_FROM_KPC:
        strength, end = (NORTH_UG, R_NORTH_KPC) if z >= 0.0 else (SOUTH_UG, parameters[3])
        outside = _step(r, end, HALO_WIDTH_KPC)
        if outside < 1.0:
            b_phi += strength * halo * (1.0 - outside) * exp(-height / HALO_HEIGHT_KPC)
        outflow, b_z = _x_field(r, height)
        b_r += outflow if z >= 0.0 else -outflow
    if r == 0.0:
        return 0.0, 0.0, b_z
    return (b_r * x - b_phi * y) / r, (b_r * y + b_phi * x) / r, b_z


@njit(cache=True)
def _x_field(r: float, height: float) -> tuple[float, float]:
    """Radial and vertical X-shaped field at cylindrical radius ``r`` and ``height`` above the plane ([1] equations 6 to 10)."""
    inner = X_INNER_KPC + height / _TAN_X
    if r < inner:
        # straight field lines through the plane at r_p, of an elevation that falls from 90 deg at the centre
        r_p = r * X_INNER_KPC / inner
        strength = X_UG * exp(-r_p / X_SCALE_KPC) * (X_INNER_KPC / inner) ** 2
        rise = X_INNER_KPC * _TAN_X
        strength /= sqrt(r_p * r_p + rise * rise)
        return strength * r_p, strength * rise
    r_p = r - height / _TAN_X
    strength = X_UG * exp(-r_p / X_SCALE_KPC) * r_p / r
    return strength * _COS_X, strength * _SIN_X


@njit(cache=True)
def random_rms_ug(x: float, y: float, z: float) -> float:
    """rms strength of the random field, all three components together ([2] equations 1 to 3)."""
    r = sqrt(x * x + y * y)
    if r * r + z * z > BOUNDARY_KPC**2:
        return 0.0
    disc = 0.0
    # beyond eight scale heights the disc is below the double precision of the halo
    if abs(z) < 8.0 * RANDOM_DISC_HEIGHT_KPC:
        disc = RANDOM_CENTRE_UG if r < RING_KPC[1] else RANDOM_ARMS_UG[arm(r, atan2(y, x))] * 5.0 / r
        disc *= exp(-0.5 * (z / RANDOM_DISC_HEIGHT_KPC) ** 2)
    halo = RANDOM_HALO_UG * exp(-r / RANDOM_HALO_RADIUS_KPC - 0.5 * (z / RANDOM_HALO_HEIGHT_KPC) ** 2)
    return sqrt(disc * disc + halo * halo)
