"""Depths of the air showers of photons, by electromagnetic cascade theory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RADIATION_LENGTH_G_CM2 = 36.62
CONVERSION_LENGTH_G_CM2 = 9 / 7 * RADIATION_LENGTH_G_CM2
CRITICAL_ENERGY_EV = 87.92e6
LPM_EV_G_CM2 = 19 * 7.7e12 * RADIATION_LENGTH_G_CM2 * 6.6e5
"""Half-suppression scale: Migdal's pair production falls as (1 + k / 19 E_LPM)^(-1/2) within 4 %, E_LPM = 7.7 TeV/cm x X0 / density, scale height 6.6 km."""

Array = NDArray[np.float64]


def photon_depths(lg_energy_ev: Array, cosine: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(Xmax, X1) in g/cm2, (events,) each: <Xmax> = X0 (ln(E / Ec) + 1/2), with the fluctuation and the Landau-Pomeranchuk-Migdal delay of the first six
    generations; no preshower in the Earth's field.

    Generation n of 2^n particles of energy E / 2^n goes on by the mean of 2^n exponentials of 9/7 X0. With air density X cos(zenith) / 6.6 km the conversion
    length at X is longer by (1 + c X)^(1/2), c = E cos(zenith) / LPM_EV_G_CM2: integrated, sqrt(1 + c X) grows by c/2 times the undelayed step.

    References: PDG review "Passage of particles through matter" (Xmax of a cascade); S. Klein, Rev. Mod. Phys. 71 (1999) 1501 (LPM).
    """
    energy = 10**lg_energy_ev
    depth = np.zeros_like(energy)
    for generation in range(6):
        particles = 2.0**generation
        step = CONVERSION_LENGTH_G_CM2 * rng.gamma(particles, 1 / particles, len(energy))
        c = energy / particles * cosine / LPM_EV_G_CM2
        depth = depth + step * np.sqrt(1 + c * depth) + c * step**2 / 4
        if generation == 0:
            first = depth
    return RADIATION_LENGTH_G_CM2 * (np.log(energy / CRITICAL_ENERGY_EV) + 0.5) + depth - 6 * CONVERSION_LENGTH_G_CM2, first
