"""The US standard atmosphere in Linsley's five layers, seen along an inclined track over a round Earth.

References: J. Linsley, as tabulated in D. Heck et al., CORSIKA, FZKA 6019 (1998), appendix D, table D.1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

EARTH_RADIUS_M = 6.371e6
TOP_ALTITUDE_M = 112_829.2
_BASE_M = np.array([0.0, 4.0e3, 1.0e4, 4.0e4, 1.0e5])
_A_G_CM2 = np.array([-186.5562, -94.919, 0.61289, 0.0, 0.01128292])
_B_G_CM2 = np.array([1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0])
_C_M = np.array([9941.8638, 8781.5355, 6361.4304, 7721.7016, 1.0e7])


def vertical_depth_g_cm2(altitude_m: np.ndarray | float) -> np.ndarray:
    """Mass above an altitude; the lowest layer goes on below sea level, the depth is zero above 112.8 km."""
    altitude_m = np.asarray(altitude_m, dtype=float)
    layer = np.clip(np.searchsorted(_BASE_M, altitude_m, side="right") - 1, 0, 4)
    falling = _A_G_CM2[layer] + _B_G_CM2[layer] * np.exp(-altitude_m / _C_M[layer])
    linear = _A_G_CM2[4] - altitude_m / 1.0e7
    return np.where(altitude_m >= TOP_ALTITUDE_M, 0.0, np.where(layer == 4, linear, falling))


def density_g_cm3(altitude_m: np.ndarray | float) -> np.ndarray:
    """Air density at an altitude."""
    altitude_m = np.asarray(altitude_m, dtype=float)
    layer = np.clip(np.searchsorted(_BASE_M, altitude_m, side="right") - 1, 0, 4)
    slope = np.where(layer == 4, 1.0e-7, _B_G_CM2[layer] / _C_M[layer] * np.exp(-altitude_m / _C_M[layer]))
    return slope / 100.0


@lru_cache(maxsize=1)
def _altitudes() -> tuple[np.ndarray, np.ndarray]:
    altitude_m = np.concatenate([np.linspace(TOP_ALTITUDE_M, 4.0e4, 120, endpoint=False), np.linspace(4.0e4, -9.0e3, 700)])
    return altitude_m, vertical_depth_g_cm2(altitude_m)


def slant_depths_g_cm2(zenith_deg: np.ndarray, ground_altitude_m: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Altitudes (levels,), falling, and the slant depth of each level, (events, levels), for tracks that reach the ground at ``zenith_deg`` (events,)."""
    altitude_m, vertical = _altitudes()
    middle = 0.5 * (altitude_m[1:] + altitude_m[:-1])
    sine = (EARTH_RADIUS_M + ground_altitude_m) * np.sin(np.radians(np.asarray(zenith_deg, dtype=float)))[:, None] / (EARTH_RADIUS_M + middle)
    steps = np.diff(vertical) / np.sqrt(1.0 - sine**2)
    return altitude_m, np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)


def ground_depth_g_cm2(zenith_deg: np.ndarray, ground_altitude_m: float = 0.0) -> np.ndarray:
    """Slant depth at the ground, (events,)."""
    altitude_m, slant = slant_depths_g_cm2(zenith_deg, ground_altitude_m)
    order = altitude_m[::-1]
    return np.array([np.interp(ground_altitude_m, order, row[::-1]) for row in slant])


def density_along_track_g_cm3(zenith_deg: np.ndarray, depth_g_cm2: np.ndarray, ground_altitude_m: float = 0.0) -> np.ndarray:
    """Air density at slant depths ``depth_g_cm2`` (depths,) of tracks ``zenith_deg`` (events,), as (events, depths).

    The atmosphere goes on below the ground, so that a profile can be followed past it.
    """
    altitude_m, slant = slant_depths_g_cm2(zenith_deg, ground_altitude_m)
    # at the very top the depth vanishes: the first levels' density bounds it from below
    altitude = np.stack([np.interp(depth_g_cm2, row, altitude_m) for row in slant])
    return np.maximum(density_g_cm3(altitude), 1e-9)
