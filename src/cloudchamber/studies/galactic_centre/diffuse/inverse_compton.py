"""Inverse Compton emission: electrons times the energy density of the light that they scatter, along the line of sight.

At one gamma-ray energy in the Thomson limit electrons of index p give an emissivity as light's energy density times its photon energy to the (p - 3) / 2:
for p near 3 all light counts alike (Blumenthal & Gould 1970, Rev. Mod. Phys. 42, 237); the Klein-Nishina limit, which takes a part of the starlight's, is
left out. The light, in eV cm^-3, in round numbers after Porter, Johannesson & Moskalenko (2017), ApJ 846, 67, and Popescu et al. (2017), MNRAS 470, 2539:
the disk's stars and its infrared exponential in R and z, the bulge's as 1 / (r^2 + core^2), the cosmic microwave background 0.26.
Electrons: exponential in R and flat in the centre, with a hole as sources have it (Case & Bhattacharya 1998, ApJ 504, 761); sech^2 in z.
Rings differ, as fits of rings to the sky find (Ackermann et al. 2012, ApJ 750, 3): the logarithm gets a value at each of ``KNOTS_KPC``, straight between.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cloudchamber.studies.galactic_centre.diffuse import galaxy
from cloudchamber.studies.galactic_centre.diffuse.sightlines import SUN_KPC, Lines, lines_of_sight, pixel_sines, pixels

Array = NDArray[Any]

LONGITUDES, LATITUDES, STEPS = 25, 25, 64

BACKGROUND_EV_CM3 = 0.26
STARS_EV_CM3, STARS_KPC, STARS_HEIGHT_KPC = 0.5, 5.0, 1.2
INFRARED_EV_CM3, INFRARED_KPC, INFRARED_HEIGHT_KPC = 0.3, 5.0, 1.0
BULGE_CORE_KPC = 1.0
HOLE_KPC, CORE_KPC = (3.0, 6.5), 1.0
KNOTS_KPC = (0.0, 2.5, 4.0, 5.5, 7.0, 9.0)


def light_ev_cm3(radius_kpc: Array, height_kpc: Array) -> tuple[Array, Array]:
    """Energy density of all light but the bulge's, and of the bulge's for a ``bulge_light`` of 1."""
    r, z = np.asarray(radius_kpc, float), np.abs(height_kpc)
    inward = r - SUN_KPC
    stars = STARS_EV_CM3 * np.exp(-inward / STARS_KPC - z / STARS_HEIGHT_KPC)
    infrared = INFRARED_EV_CM3 * np.exp(-inward / INFRARED_KPC - z / INFRARED_HEIGHT_KPC)
    centre = STARS_EV_CM3 * np.exp(SUN_KPC / STARS_KPC)
    return BACKGROUND_EV_CM3 + stars + infrared, centre / (1 + (r**2 + z**2) / BULGE_CORE_KPC**2)


class Electrons(NamedTuple):
    """Scales in radius and height, share that the centre lacks and the hole's radius, logarithms at ``KNOTS_KPC``."""

    scale_kpc: float
    height_kpc: float
    hole: float
    hole_kpc: float
    knots: Array


def electrons_in_plane(radius_kpc: Array, law: Electrons) -> Array:
    """Density over that at the Sun but for the hole's rest there and for the knots."""
    r = np.asarray(radius_kpc, float)
    fall = np.exp((np.hypot(SUN_KPC, CORE_KPC) - np.hypot(r, CORE_KPC)) / law.scale_kpc)
    return np.asarray(fall * (1 - law.hole * np.exp(-((r / law.hole_kpc) ** 2))) * np.exp(np.interp(r, KNOTS_KPC, law.knots)))


@cache
def compton_lines() -> Lines:
    """The lines of sight that the emission is summed along: one side of the centre is enough."""
    return lines_of_sight(np.linspace(0.0, 45.0, LONGITUDES), LATITUDES, STEPS)


@cache
def _light() -> tuple[Array, Array]:
    """``light_ev_cm3`` (l, b, t), twice."""
    lines = compton_lines()
    general, bulge = light_ev_cm3(lines.radius_kpc[:, None, :], lines.height_kpc[None, :, :])
    return general, bulge


@cache
def _splines(nside: int) -> tuple[Array, Array]:
    """Matrices (nside, l) and (nside, b) from the grid to the pixels' |longitudes| and sines."""
    lines = compton_lines()
    # the grid is even in the square root of sin b, and the emission smooth in it but for the plane's cusp, which is at its end
    longitude = CubicSpline(lines.lon_deg, np.eye(LONGITUDES))(45.0 * np.arange(nside) / nside)
    sine = CubicSpline(np.sqrt(lines.sine), np.eye(LATITUDES))(np.sqrt(pixel_sines(nside)))
    return longitude, sine


def compton_grid(law: Electrons, bulge_light: float) -> Array:
    """Electrons times light (l, b) along ``compton_lines``."""
    lines = compton_lines()
    general, bulge = _light()
    plane = electrons_in_plane(lines.radius_kpc, law)
    weight = galaxy.halo(lines.height_kpc, law.height_kpc) * lines.step_kpc
    return np.asarray(np.einsum("lt,bt,lbt->lb", plane, weight, general + bulge_light * bulge))


def compton_map(law: Electrons, bulge_light: float, nside: int) -> Array:
    """The image (nside, nside), symmetric about the plane and the centre."""
    longitude, sine = _splines(nside)
    quarter = longitude @ compton_grid(law, bulge_light) @ sine.T
    at = pixels(nside)
    return np.asarray(quarter[np.abs(at.longitude - (nside - 1)), at.sine])
