"""Energy that charged particles leave in silicon: mean (Bethe, with the density effect) and most probable (Landau, Vavilov, Bichsel).

References: S. Navas et al. (PDG), PRD 110 (2024) 030001, ch. 34; R. Sternheimer et al., Atom. Data Nucl. Data Tabl. 30 (1984) 261 (density effect).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.flux.spectra import CHARGE, NUCLEONS, PROTON_MASS_GEV

Array = NDArray[Any]

ELECTRON_MEV = 0.51099895
K_MEV_CM2_MOL = 0.307075
Z_OVER_A = 14 / 28.0855
EXCITATION_MEV = 173e-6
DENSITY_G_CM3 = 2.329
STERNHEIMER_C, X0, X1, A, POWER, D0 = 4.4355, 0.2015, 2.8716, 0.14921, 3.2546, 0.14
"""Of silicon."""
NUCLEON_MEV = 1e3 * PROTON_MASS_GEV


class Kinematics(NamedTuple):
    """beta^2, beta gamma and the largest energy that an electron can be given, MeV."""

    beta2: Array
    beta_gamma: Array
    largest_mev: Array


def kinematics(energy_mev: Array, species: Array | int = 0) -> Kinematics:
    """Of nuclei with this kinetic energy per nucleon; ``species`` is 0 for protons, 1 for helium."""
    gamma = 1 + np.asarray(energy_mev, float) / NUCLEON_MEV
    beta_gamma = np.sqrt(gamma**2 - 1)
    ratio = ELECTRON_MEV / (NUCLEON_MEV * np.asarray(NUCLEONS)[species])
    largest = 2 * ELECTRON_MEV * beta_gamma**2 / (1 + 2 * gamma * ratio + ratio**2)
    return Kinematics((beta_gamma / gamma) ** 2, beta_gamma, largest)


def density_effect(beta_gamma: Array) -> Array:
    """delta of silicon."""
    x = np.log10(beta_gamma)
    middle = 2 * np.log(10) * x - STERNHEIMER_C + A * np.maximum(X1 - x, 0.0) ** POWER
    return np.where(x >= X0, middle, D0 * 10 ** (2 * (x - X0)))


def mean_loss_mev_cm2_g(energy_mev: Array, species: Array | int = 0) -> Array:
    """Bethe's -dE/dx."""
    k, charge = kinematics(energy_mev, species), np.asarray(CHARGE)[species]
    logarithm = 0.5 * np.log(2 * ELECTRON_MEV * k.beta_gamma**2 * k.largest_mev / EXCITATION_MEV**2)
    return K_MEV_CM2_MOL * charge**2 * Z_OVER_A / k.beta2 * (logarithm - k.beta2 - 0.5 * density_effect(k.beta_gamma))


def landau_width_mev(energy_mev: Array, path_um: Array, species: Array | int = 0) -> Array:
    """xi of a path in silicon."""
    charge = np.asarray(CHARGE)[species]
    return 0.5 * K_MEV_CM2_MOL * charge**2 * Z_OVER_A * DENSITY_G_CM3 * np.asarray(path_um) * 1e-4 / kinematics(energy_mev, species).beta2


def most_probable_mev(energy_mev: Array, path_um: Array, species: Array | int = 0) -> Array:
    """Most probable deposit of a path in silicon; below some keV, where formulas of thin layers end, it may be negative."""
    k, width = kinematics(energy_mev, species), landau_width_mev(energy_mev, path_um, species)
    logarithms = np.log(2 * ELECTRON_MEV * k.beta_gamma**2 / EXCITATION_MEV) + np.log(width / EXCITATION_MEV)
    return width * (logarithms + 0.2 - k.beta2 - density_effect(k.beta_gamma))
