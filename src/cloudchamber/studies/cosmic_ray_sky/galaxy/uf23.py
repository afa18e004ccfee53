"""The eight coherent magnetic fields of the Milky Way of Unger and Farrar (2023), behind the interface of ``jf12.field``.

Positions in kpc, Galactocentric: x points from the Sun to the centre, z to the Galactic north; the Sun is at (-8.2, 0, 0). Fields in microgauss.

References: M. Unger, G. R. Farrar, ApJ 970 (2024) 95 (arXiv:2311.12120); equation numbers are theirs, constants the best fits that they publish with the paper.
"""

from __future__ import annotations

from math import acos, atan2, cos, exp, log, pi, sin, sqrt, tan

import numpy as np
from numba import njit

EARTH_X_KPC = -8.2
BOUNDARY_KPC = 30.0

# columns of PARAMETERS after the head that all fields share
B1, B2, B3, PHASE1, PHASE2, PHASE3, PITCH, DISC_HEIGHT, DISC_WIDTH = range(4, 13)
X_B, X_POWER, X_RADIUS, X_WIDTH, X_HEIGHT, X_REACH, X_EXPONENTIAL = range(13, 20)
TORUS_NORTH, TORUS_SOUTH, TORUS_RADIUS, TORUS_WIDTH, TORUS_HEIGHT = range(20, 25)
SPUR_CENTRE, SPUR_LENGTH, SPUR_WIDTH, TWIST_MYR = range(25, 29)
SIZE = 29

_DEG = pi / 180.0
_FAR_KPC = 1e6
"""The reach a of the X-shaped field for a -> infinity (equation 38)."""

_DISC = ("B1", "B2", "B3", "PHASE1", "PHASE2", "PHASE3", "PITCH", "DISC_HEIGHT", "DISC_WIDTH")
_X = ("X_B", "X_POWER", "X_RADIUS", "X_WIDTH", "X_HEIGHT")
_TORUS = ("TORUS_NORTH", "TORUS_SOUTH", "TORUS_RADIUS", "TORUS_WIDTH", "TORUS_HEIGHT")
# microgauss, kpc, degrees: disc (_DISC), X-shaped halo (_X), toroidal halo (_TORUS)
_FITS: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    "base": (
        (1.0878565, 2.6605034, 3.1166311, 263.16589, 97.782269, 35.112281, 10.106900, 0.79408965, 0.10720909),
        (0.97775487, 1.4266186, 7.2925417, 0.11188158, 4.4597373),
        (3.2556760, -3.0914569, 10.193815, 1.6936993, 4.0242749),
    ),
    "neCL": (
        (1.4259645, 1.3543223, 3.4390669, 199.61898, 135.41461, 64.909767, 11.867859, 0.67405199, 0.061162799),
        (0.98387831, 1.6773615, 7.4084361, 0.14168192, 3.6521188),
        (2.6256593, -2.5699466, 10.134257, 1.1547728, 4.5585463),
    ),
    "expX": (
        (0.99258148, 2.1821124, 3.1197345, 247.45741, 98.578879, 34.884485, 10.027070, 0.71508681, 0.098524736),
        (5.8357990, 1.9510779, 2.4994376, 1.0, 6.1938701 * tan(20.926122 * _DEG)),
        (2.7077434, -2.5677104, 10.134022, 2.0956159, 5.4564991),
    ),
    "spur": (
        (-4.2993328, 0.0, 0.0, 155.89875, 0.0, 0.0, 12.074432, 0.75019749, 0.12263120),
        (0.99302987, 1.3982374, 7.1973387, 0.12262244, 4.4853270),
        (2.9286724, -2.5979895, 9.7536425, 1.4210055, 6.0941229),
    ),
    "cre10": (
        (1.2035697, 2.7478490, 3.2104342, 265.15882, 98.211313, 35.944588, 10.162759, 0.80844932, 0.10824003),
        (0.96938453, 1.4150957, 7.2987296, 0.10923051, 4.5748332),
        (3.7308133, -3.5039958, 10.407507, 1.7398375, 2.9272800),
    ),
    "synCG": (
        (0.81386878, 2.0586930, 2.9437335, 229.88551, 97.388282, 32.927367, 9.9034844, 0.62172353, 0.066517521),
        (0.80883734, 1.5820957, 7.4625235, 0.15003765, 3.5338550),
        (2.3991193, -2.0919944, 9.4227834, 0.91608418, 5.5844594),
    ),
    "twistX": (
        (1.3741995, 2.0089881, 1.5212463, 235.60316, 101.89856, 56.187572, 12.100979, 0.93806180, 0.14933338),
        (0.62793114, 2.3292519, 7.9212358, 0.29056201, 2.6274437),
        (0.0, 0.0, 1.0, 1.0, 1.0),
    ),
    "nebCor": (
        (1.4081935, 3.5292400, 4.1290147, 264.47529, 97.572660, 36.403798, 10.151183, 0.81151971, 0.11863734),
        (1.3485916, 1.3414395, 7.2473841, 0.14318227, 4.8242603),
        (4.6491142, -4.5006610, 10.205288, 1.7004868, 3.5557767),
    ),
}
_EXTRA = {
    "expX": {"X_REACH": 6.1938701, "X_EXPONENTIAL": 1.0},
    "spur": {"SPUR_CENTRE": 157.18686 * _DEG, "SPUR_LENGTH": 31.839577 * _DEG, "SPUR_WIDTH": 10.318114 * _DEG},
    "twistX": {"TWIST_MYR": 54.733549},
}
VARIANTS = tuple(_FITS)

# the spiral disc (equations 11 to 14): reference radius and, as the inner and outer edges, middle and width
_R_SPIRAL, _INNER, _OUTER, _EDGE_WIDTH = 5.0, 5.0, 20.0, 0.5
# the local spur (equations 16 to 18): reference radius, and the width of its ends
_R_SPUR, _SPUR_END = 8.2, 5.0 * _DEG
# Galactic rotation (equations 43 and 44): -240 km/s in kpc/Myr, radius and height of its change
_ROTATION_KPC_MYR = -240.0 / 3.0856775807e16 * 1e6 * 365.25 * 86400.0
_ROTATION_RADIUS, _ROTATION_HEIGHT = 1.6, 10.0


def parameters_of(variant: str) -> np.ndarray:
    """The (SIZE,) parameters from column 4 on, of one of ``VARIANTS``; the head is left zero."""
    if variant not in _FITS:
        raise ValueError(f"'{variant}' is not a variant of UF23; allowed: {', '.join(VARIANTS)}")
    disc, halo, torus = _FITS[variant]
    named = dict(zip(_DISC + _X + _TORUS, disc + halo + torus, strict=True)) | {"X_REACH": _FAR_KPC} | _EXTRA.get(variant, {})
    for name in ("PHASE1", "PHASE2", "PHASE3", "PITCH"):
        named[name] *= _DEG
    parameters = np.zeros(SIZE)
    for name, value in named.items():
        parameters[globals()[name]] = value
    return parameters


@njit(cache=True)
def _sigmoid(x: float, middle: float, width: float) -> float:
    return 1.0 / (1.0 + exp(-(x - middle) / width))


@njit(cache=True)
def field(x: float, y: float, z: float, parameters: np.ndarray) -> tuple[float, float, float]:
    """The coherent field (bx, by, bz)."""
    r, height = sqrt(x * x + y * y), abs(z)
    if r * r + z * z > BOUNDARY_KPC**2:
        return 0.0, 0.0, 0.0
    b_r, b_z = _x_field(r, z, parameters)
    if r == 0.0:
        return 0.0, 0.0, b_z
    halo = _sigmoid(height, parameters[DISC_HEIGHT], parameters[DISC_WIDTH])
    if parameters[TWIST_MYR] > 0.0:
        b_phi = parameters[TWIST_MYR] * _shear(r, z, b_r, b_z)
    else:
        # equation 21
        strength = parameters[TORUS_NORTH] if z >= 0.0 else parameters[TORUS_SOUTH]
        b_phi = strength * halo * exp(-height / parameters[TORUS_HEIGHT]) * (1.0 - _sigmoid(r, parameters[TORUS_RADIUS], parameters[TORUS_WIDTH]))
    if halo < 1.0:
        phi = atan2(y, x)
        disc = (1.0 - halo) * (_spur(r, phi, parameters) if parameters[SPUR_WIDTH] > 0.0 else _spiral(r, phi, parameters))
        b_r += disc * sin(parameters[PITCH])
        b_phi += disc * cos(parameters[PITCH])
    return (b_r * x - b_phi * y) / r, (b_r * y + b_phi * x) / r, b_z


@njit(cache=True)
def _spiral(r: float, phi: float, parameters: np.ndarray) -> float:
    """Strength along a logarithmic spiral of three Fourier modes (equations 10 to 14)."""
    phi_0 = phi - log(r / _R_SPIRAL) / tan(parameters[PITCH])
    modes = 0.0
    for m in range(3):
        modes += parameters[B1 + m] * cos((m + 1) * (phi_0 - parameters[PHASE1 + m]))
    inside = _sigmoid(r, _INNER, _EDGE_WIDTH) * (1.0 - _sigmoid(r, _OUTER, _EDGE_WIDTH))
    return modes * inside * (1.0 - exp(-r * r)) * _R_SPIRAL / r


@njit(cache=True)
def _spur(r: float, phi: float, parameters: np.ndarray) -> float:
    """Strength of a single spiral segment near the Sun (equations 16 to 18)."""
    if phi < 0.0:
        phi += 2.0 * pi
    tan_pitch, reference = tan(parameters[PITCH]), parameters[PHASE1]
    # only the turn of the spiral that holds the Sun carries a field
    here = abs(r - _R_SPUR * exp((phi - reference) * tan_pitch))
    for turn in (-1.0, 1.0):
        if abs(r - _R_SPUR * exp((phi - reference + turn * 2.0 * pi) * tan_pitch)) < here:
            return 0.0
    across = _separation(reference, phi - log(r / _R_SPUR) / tan_pitch) / parameters[SPUR_WIDTH]
    along = 1.0 - _sigmoid(_separation(parameters[SPUR_CENTRE], phi), parameters[SPUR_LENGTH], _SPUR_END)
    return parameters[B1] * exp(-0.5 * across * across) * along * _R_SPUR / r


@njit(cache=True)
def _separation(a: float, b: float) -> float:
    """Angle between two azimuths, 0 to pi."""
    return acos(max(-1.0, min(1.0, cos(a - b))))


@njit(cache=True)
def _x_field(r: float, z: float, parameters: np.ndarray) -> tuple[float, float]:
    """Radial and vertical X-shaped field (equations 28 to 38 for p = n)."""
    power, reach = parameters[X_POWER], parameters[X_REACH]
    height_power, reach_power, r_power = abs(z) ** power, reach**power, r**power
    slope = (reach / parameters[X_HEIGHT]) ** power
    difference = reach_power + slope * height_power - r_power
    root = sqrt(difference * difference + 4.0 * reach_power * r_power)
    # the field line through (r, z) crosses the plane at r / stretch; the form with a sum is free of cancellation for a far reach
    stretch_power = (root + difference) / (2.0 * reach_power)
    stretch = stretch_power ** (1.0 / power)
    crossing = r / stretch
    if parameters[X_EXPONENTIAL] > 0.0:
        strength = parameters[X_B] * exp(-crossing / parameters[X_RADIUS])
    else:
        strength = parameters[X_B] * (1.0 - _sigmoid(crossing, parameters[X_RADIUS], parameters[X_WIDTH]))
    b_z = strength * stretch_power / (stretch * stretch) * (r_power / stretch_power + reach_power) / root
    if z == 0.0:
        return 0.0, b_z
    return strength * slope * crossing / stretch * height_power / z / root, b_z


@njit(cache=True)
def _shear(r: float, z: float, b_r: float, b_z: float) -> float:
    """Toroidal field that differential rotation winds up from the poloidal one, per Myr (equations 43 to 47)."""
    inner = exp(-r / _ROTATION_RADIUS)
    grown = exp(2.0 * abs(z) / _ROTATION_HEIGHT)
    fall = 2.0 / (1.0 + grown)
    vertical = -_ROTATION_KPC_MYR * (1.0 - inner) / _ROTATION_HEIGHT * grown * fall * fall
    if z < 0.0:
        vertical = -vertical
    radial = _ROTATION_KPC_MYR * (inner / _ROTATION_RADIUS - (1.0 - inner) / r) * fall
    return b_z * vertical + b_r * radial
