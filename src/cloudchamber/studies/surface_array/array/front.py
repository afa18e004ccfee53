"""When particles arrive at a station: a curved front, as thick as its distance from the axis makes it, with a ripple common to the particles of a station.

Times are in ns after a plane front through the core. The front's curvature is that of a sphere about a point above Xmax, from where most particles come
straight; muons come from further up than electrons and photons. Behind the sphere the delays follow gamma distributions whose scale is Linsley's thickness
(1 + r / 30 m)^1.5 ns times a constant, thicker the nearer Xmax is.

References: J. Linsley, J. Phys. G 12 (1986) 51; M. Teshima et al., J. Phys. G 12 (1986) 1097. The constants are tuned to Telescope Array's mean delay
(``ldf.delay_ns``) for protons of 10^19 to 10^20 eV.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy.special import gammaincinv

from cloudchamber.studies.surface_array.constants import LIGHT_M_NS

MUON_ABOVE_M, EM_ABOVE_M = 30_000.0, 9_000.0
"""How far above Xmax the centres of the spheres are."""
MUON_SHAPE, EM_SHAPE = 1.3, 2.0
MUON_THICKNESS, EM_THICKNESS = 1.25, 1.7
"""Shapes of the gamma distributions, and their scales in units of Linsley's thickness where ``THICKNESS_AT_M`` is 20 km from the ground."""
THICKNESS_AT_M, THICKNESS_EXPONENT = 14_000.0, 1.5
"""The height above Xmax of the point that the thickness depends on, and the power of its distance."""
RIPPLE = 0.55
"""Standard deviation of the ripple in units of (1 + r / 30 m)^1.5 ns at 1 VEM/m2; it falls as the density^-0.3."""
NODES = 4096


def quantiles(shape: float) -> np.ndarray:
    """Quantiles of the gamma distribution at equidistant u^(1 / shape), with which they rise almost linearly near 0; the tail ends at 1 - u = 2e-5."""
    u = np.linspace(0, 1, NODES + 1) ** shape
    return gammaincinv(shape, np.minimum(u, 1 - 2e-5))


MUON_QUANTILES, EM_QUANTILES = quantiles(MUON_SHAPE), quantiles(EM_SHAPE)


@njit(cache=True)
def linsley_ns(r):  # type: ignore[no-untyped-def]
    """(1 + r / 30 m)^1.5 ns."""
    return (1.0 + r / 30.0) ** 1.5


@njit(cache=True)
def sphere_ns(r, along_m, source_m):  # type: ignore[no-untyped-def]
    """Delay of a sphere about a point ``source_m`` up the axis from the core, where the plane front is ``along_m`` beyond the core."""
    source = source_m + along_m
    return (math.sqrt(source * source + r * r) - source) / LIGHT_M_NS


@njit(cache=True)
def thickness_factor(distance_m):  # type: ignore[no-untyped-def]
    """Thickness of the front of a shower with Xmax at ``distance_m`` along the axis."""
    return (20_000.0 / (distance_m + THICKNESS_AT_M)) ** THICKNESS_EXPONENT


@njit(cache=True)
def ripple_ns(r, density):  # type: ignore[no-untyped-def]
    """Standard deviation of the ripple where the signal density is ``density`` VEM/m2."""
    return RIPPLE * linsley_ns(r) * max(density, 0.05) ** -0.3


@njit(cache=True)
def delay(u, muon):  # type: ignore[no-untyped-def]
    """The quantile ``u`` of a particle's delay behind the sphere, in units of the scale."""
    table = MUON_QUANTILES if muon else EM_QUANTILES
    place = NODES * u ** (1.0 / (MUON_SHAPE if muon else EM_SHAPE))
    node = min(int(place), NODES - 1)
    return table[node] + (place - node) * (table[node + 1] - table[node])
