"""Power at a detector as the temperature of the sky that would give it: thermodynamic, relative to the cosmic microwave background, and Rayleigh-Jeans.

One mode and one polarisation of a band with straight sides: dP/dT = eta k int x^2 e^x / (e^x - 1)^2 dnu with x = h nu / k T, and eta k dnu for Rayleigh-Jeans.
Temperature of the background: D. Fixsen, ApJ 707 (2009) 916.
"""

from __future__ import annotations

import numpy as np

CMB_K = 2.7255
BOLTZMANN_J_K, PLANCK_J_S = 1.380649e-23, 6.62607015e-34
NODES = 64


def watts_per_kelvin(center_ghz: float, width_ghz: float, efficiency: float = 1.0, rayleigh_jeans: bool = False) -> float:
    """Power in W that a kelvin of the sky gives through a band of this centre and full width; ValueError for what is no band."""
    if not (np.isfinite(center_ghz) and np.isfinite(width_ghz) and 0 < width_ghz < 2 * center_ghz):
        raise ValueError(f"a band of {center_ghz:g} GHz, {width_ghz:g} GHz wide, is none: its width is above 0 and below twice its centre")
    if not 0 < efficiency <= 1:
        raise ValueError(f"efficiency: {efficiency:g} is outside the allowed (0, 1]")
    if rayleigh_jeans:
        return efficiency * BOLTZMANN_J_K * width_ghz * 1e9
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = PLANCK_J_S * 1e9 * (center_ghz + 0.5 * width_ghz * nodes) / (BOLTZMANN_J_K * CMB_K)
    # x / (2 sinh(x / 2)), squared
    response = np.square(0.5 * x / np.sinh(0.5 * x))
    return float(efficiency * BOLTZMANN_J_K * 0.5 * width_ghz * 1e9 * (weights * response).sum())
