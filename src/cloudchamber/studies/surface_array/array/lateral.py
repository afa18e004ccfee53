"""How many particles, of which kind, reach a station: S800 from energy and zenith angle, lateral distributions, and what Xmax and the muons change.

The mean proton shower has Telescope Array's S800 and lateral distribution (``ldf``), so that its standard fit of the mean proton gives the true energy. (The
energies of Telescope Array's simulated protons: it divides those of its data by 1.27 to match the fluorescence telescopes'.) A share of the signal are muons,
which follow theta's number; the rest are electrons and photons, which grow and decay with the depth beyond Xmax, here and there on the ground: a station on the
side that the shower comes from sees it younger. A younger shower is also steeper, by as much as a smaller zenith angle makes the mean shower younger and
steeper. At 800 m and 10^19 to 10^20 eV, iron leaves 4 % more than protons do, helium and nitrogen something between, photons a third less.

References: D. Ivanov, thesis, Rutgers University (2012) (energy, lateral distribution); N. Hayashida et al. (AGASA), J. Phys. G 21 (1995) 1101 (muons).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.atmosphere import vertical_depth_g_cm2
from cloudchamber.physics.gumbel import gumbel_mean
from cloudchamber.schema import Table
from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.fit.ldf import attenuation, ln_ldf, slope

Array = NDArray[Any]

MUON_SHARE, MUON_SHARE_SLOPE = 0.25, 0.8
"""Muons' share of a mean proton's signal at 800 m, vertical, and its relative growth with sec(zenith)."""
MUON_RADIUS_M, MUON_BEND_M = 266.0, 800.0
PEAK_G_CM2, START_G_CM2, DECAY_G_CM2 = 120.0, -600.0, 95.0
"""The electromagnetic signal far from the axis against the depth beyond Xmax: a Gaisser-Hillas function."""
MEAN_GROWTH = 0.973
"""Mean over the proton's Xmax of that signal, relative to its value for the mean Xmax."""
LEAST_SHARE = 0.05
"""The least electromagnetic share of the mean shower's signal."""
SMALLEST_RADIUS_M = 10.0
"""The lateral distribution's pole is cut here."""


class Footprint(NamedTuple):
    """What the densities of each event follow from, each (events,): S800 of the mean proton and its muon share, muons relative to that, slope of its lateral
    distribution at this age, depth beyond Xmax at the core and that of the mean proton, distance to Xmax along the axis."""

    s800: Array
    muon_share: Array
    muon_scale: Array
    eta: Array
    beyond_g_cm2: Array
    mean_beyond_g_cm2: Array
    distance_m: Array


def s800_vem_m2(energy_ev: Array, zenith_deg: Array) -> Array:
    """S800 of the mean proton shower: the inverse of ``ldf.energy_ev``."""
    return 1.22 * attenuation(zenith_deg) * (np.asarray(energy_ev, float) / 4.79e17) ** (1 / 1.03)


def footprints(theta: Table, grid: Grid) -> Footprint:
    """The footprint of each event; the air is flat, which is wrong by less than 1 % of the depth at 60 deg."""
    zenith_deg, energy_ev, xmax = (np.asarray(theta[name], float) for name in ("zenith_deg", "energy_ev", "xmax_g_cm2"))
    cosine = np.cos(np.radians(zenith_deg))
    ground = grid.vertical_depth_g_cm2 / cosine
    mean_beyond = ground - gumbel_mean(0.0, np.log10(energy_ev), "QGSJetII-04")
    beyond = ground - xmax
    altitudes, depths = _atmosphere()
    distance = (np.interp(xmax * cosine, depths, altitudes) - grid.altitude_m) / cosine
    eta = slope_of(1 / cosine + (beyond - mean_beyond) / grid.vertical_depth_g_cm2)
    share = np.minimum(MUON_SHARE * (1 + MUON_SHARE_SLOPE * (1 / cosine - 1)), 1 - LEAST_SHARE)
    return Footprint(s800_vem_m2(energy_ev, zenith_deg), share, np.exp(np.asarray(theta["ln_muon_scale"], float)), eta, beyond, mean_beyond, distance)


slope_of = np.vectorize(slope, otypes=[float])


@lru_cache(maxsize=1)
def _atmosphere() -> tuple[Array, Array]:
    """Altitudes and the vertical depths there, rising."""
    altitudes = np.linspace(60_000.0, -9_000.0, 2301)
    return altitudes, vertical_depth_g_cm2(altitudes)


@njit(cache=True)
def muon_ldf(r):  # type: ignore[no-untyped-def]
    """Muons relative to 800 m: R^-0.75 (1 + R)^-2.52 [1 + (r / 800 m)^3]^-0.6, R = r / 266 m."""
    ratio = (MUON_RADIUS_M + r) / (MUON_RADIUS_M + 800.0)
    return (r / 800.0) ** -0.75 * ratio**-2.52 * (0.5 + 0.5 * (r / MUON_BEND_M) ** 3) ** -0.6


@njit(cache=True)
def growth(beyond_g_cm2):  # type: ignore[no-untyped-def]
    """ln of the electromagnetic signal, relative to its maximum, at a depth beyond Xmax."""
    width = PEAK_G_CM2 - START_G_CM2
    age = max(beyond_g_cm2 - START_G_CM2, 1.0)
    return (width * math.log(age / width) + width - age) / DECAY_G_CM2


@njit(cache=True)
def densities(r, deeper_g_cm2, s800, muon_share, muon_scale, eta, beyond_g_cm2, mean_beyond_g_cm2):  # type: ignore[no-untyped-def]
    """(muons, electromagnetic part) in VEM/m2 at distance ``r`` from the axis, where the shower is ``deeper_g_cm2`` beyond its depth at the core."""
    r = max(r, SMALLEST_RADIUS_M)
    muons = s800 * muon_share * muon_ldf(r)
    total = s800 * math.exp(ln_ldf(r, eta))
    aged = math.exp(growth(beyond_g_cm2 + deeper_g_cm2) - growth(mean_beyond_g_cm2)) / MEAN_GROWTH
    return muons * muon_scale, max(total - muons, LEAST_SHARE * total) * aged
