"""Which share of a toy source's cosmic rays is seen, relative to an isotropic flux: the norm of its density behind an exposure.

It depends on the source's declination and on the angle chi between psi and the direction to the celestial north pole. The exposure smoothed by the von
Mises-Fisher distribution follows from its Legendre series, term l times I_(l+1/2)(kappa) / I_(1/2)(kappa).

References: K. V. Mardia and P. E. Jupp, Directional Statistics (2000), section 9.3.2 (the series of the von Mises-Fisher distribution).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cloudchamber.physics.exposure import exposure_at_sine
from cloudchamber.physics.sphere import EQUATORIAL_TO_GALACTIC
from cloudchamber.studies.cosmic_ray_sky.skies.composition import shares
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy

_TERMS, _ENERGIES = 160, 32
_DEC_DEG, _CHI_DEG = np.linspace(-90, 90, 181), np.linspace(0, 180, 73)


def seen_share(toy: Toy, frames: np.ndarray, psi_rad: np.ndarray) -> np.ndarray:
    """Share (...,) for sources with ``frames`` (..., 3, 3): direction, tangent vectors to the north and to the east; ``psi_rad`` broadcasts with them."""
    shape = np.broadcast_shapes(frames.shape[:-2], psi_rad.shape)
    if toy.exposure == "uniform":
        return np.ones(shape)
    from scipy.ndimage import map_coordinates

    sine, north, east = np.moveaxis(frames @ EQUATORIAL_TO_GALACTIC[:, 2], -1, 0)
    towards = (north * np.cos(psi_rad) + east * np.sin(psi_rad)) / np.maximum(np.hypot(north, east), 1e-12)
    dec, chi = np.arcsin(np.clip(sine, -1, 1)), np.arccos(np.clip(towards, -1, 1))
    places = [np.broadcast_to((dec / np.pi + 0.5) * (len(_DEC_DEG) - 1), shape), chi / np.pi * (len(_CHI_DEG) - 1)]
    return map_coordinates(_table(toy), places, order=1, mode="nearest")


@lru_cache(maxsize=8)
def _table(toy: Toy) -> np.ndarray:
    """Share over (declination, chi): the mean over the spectrum and the composition."""
    from scipy.special import ive

    degree = np.arange(_TERMS + 1)
    nodes, weights = np.polynomial.legendre.leggauss(1000)
    series = (degree + 0.5) * ((weights * exposure_at_sine(nodes, toy.exposure)) @ np.polynomial.legendre.legvander(nodes, _TERMS))
    grid = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 721))
    polynomials = np.polynomial.legendre.legvander(grid, _TERMS)
    energies = 1e-18 * toy.spectrum.quantiles((np.arange(_ENERGIES) + 0.5) / _ENERGIES, toy.emin_ev, toy.emax_ev)
    dec, chi = np.deg2rad(_DEC_DEG)[:, None], np.deg2rad(_CHI_DEG)
    table = np.zeros((len(_DEC_DEG), len(_CHI_DEG)))
    for charge, share in shares(toy.composition).items():
        for energy in energies:
            kappa, alpha = (energy / charge / toy.blur_rad_ev) ** 2, toy.coherent_rad_ev * charge / energy
            smoothed = polynomials @ (series * ive(degree + 0.5, kappa) / ive(0.5, kappa))
            centre = np.cos(alpha) * np.sin(dec) + np.sin(alpha) * np.cos(dec) * np.cos(chi)
            table += share / _ENERGIES * np.interp(centre, grid, smoothed)
    return np.maximum(table, 1e-6)
