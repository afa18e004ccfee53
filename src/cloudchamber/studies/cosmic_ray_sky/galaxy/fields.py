"""The Galactic magnetic fields by name, behind one compiled function, so that all that follows a particle is compiled once."""

from __future__ import annotations

import numpy as np
from numba import njit

from cloudchamber.studies.cosmic_ray_sky.galaxy import jf12, uf23

FIELDS = ("jf12", *(f"uf23-{variant}" for variant in uf23.VARIANTS))
KIND, EARTH_X, BOUNDARY, R_SOUTH = range(4)
"""The head of every field's parameters: 0 for JF12 and 1 for UF23, Earth's x and the end of the field [kpc], JF12's southern radius [kpc]."""


def field_parameters(name: str) -> np.ndarray:
    """The parameters of one of ``FIELDS``, to be handed to ``field``."""
    if name not in FIELDS:
        raise ValueError(f"field: '{name}' is not known; allowed: {', '.join(FIELDS)}")
    if name == "jf12":
        parameters = np.zeros(uf23.SIZE)
        parameters[:4] = 0.0, jf12.EARTH_X_KPC, jf12.BOUNDARY_KPC, jf12.R_SOUTH_KPC
        return parameters
    parameters = uf23.parameters_of(name.removeprefix("uf23-"))
    parameters[:3] = 1.0, uf23.EARTH_X_KPC, uf23.BOUNDARY_KPC
    return parameters


@njit(cache=True)
def field(x: float, y: float, z: float, parameters: np.ndarray) -> tuple[float, float, float]:
    """The coherent field (bx, by, bz) [microgauss] at a Galactocentric position [kpc]."""
    if parameters[KIND] == 0.0:
        return jf12.field(x, y, z, parameters)
    return uf23.field(x, y, z, parameters)


@njit(cache=True)
def fields_at(positions: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """The coherent field (n, 3) at ``positions`` (n, 3)."""
    values = np.empty_like(positions)
    for i in range(len(positions)):
        values[i] = field(positions[i, 0], positions[i, 1], positions[i, 2], parameters)
    return values


@njit(cache=True)
def random_rms_at(positions: np.ndarray) -> np.ndarray:
    """rms strength of the random field (n,) [microgauss] at ``positions`` (n, 3)."""
    values = np.empty(len(positions))
    for i in range(len(positions)):
        values[i] = jf12.random_rms_ug(positions[i, 0], positions[i, 1], positions[i, 2])
    return values
