"""The Fermi-LAT's point spread: two King functions whose widths and tails follow from the energy.

Pass 8 SOURCE events, front and back together, are tabulated from the instrument response P8R3_SOURCE_V2 (mean over cos theta from 0.4 to 1); those of the best
quarter, "psf3", scale with the angle that the response names SpE, from their form at 2 GeV: right there, at other energies within 10 %.

References: M. Ackermann et al. (Fermi-LAT), ApJS 203 (2012) 4, section 5; fermi.gsfc.nasa.gov, Cicerone, LAT IRFs: PSF; I. King, AJ 67 (1962) 471.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Events = Literal["source", "psf3"]

SOURCE_GEV = (0.3, 0.5, 1.0, 2.0, 3.0, 6.0, 10.0, 20.0)
SOURCE_SHARE = (0.610, 0.664, 0.786, 0.857, 0.864, 0.879, 0.889, 0.912)
SOURCE_CORE_DEG = (0.545, 0.348, 0.202, 0.124, 0.095, 0.061, 0.044, 0.029)
SOURCE_CORE_INDEX = (2.24, 2.14, 2.03, 2.06, 2.14, 2.14, 2.06, 1.81)
SOURCE_TAIL_DEG = (1.585, 1.098, 0.777, 0.618, 0.508, 0.382, 0.317, 0.273)
SOURCE_TAIL_INDEX = (3.10, 2.96, 3.07, 3.08, 2.83, 2.75, 2.84, 3.73)
PSF3_SHARE, PSF3_CORE, PSF3_CORE_INDEX, PSF3_TAIL, PSF3_TAIL_INDEX = 0.748988, 0.428654, 7.823634, 0.715963, 3.618837
"""Of the best quarter at 2 GeV, widths in units of SpE."""
PSF3_SCALE_RAD, PSF3_FLOOR_RAD, SCALE_INDEX = 0.0497, 6.13e-4, 0.8
"""SpE(E) = sqrt((c0 (E / 100 MeV)^-0.8)^2 + c1^2)."""
LONGEST_DEG = 30.0
"""No photon is further from its source."""
ENERGIES_PER_BIN = 24


class PointSpread(NamedTuple):
    """Two King functions: the share of the first, and of each its width in deg and its index. Numbers, or arrays of one shape (energies,)."""

    share: Array
    core_deg: Array
    core_index: Array
    tail_deg: Array
    tail_index: Array

    def contained(self, radius_deg: ArrayLike) -> Array:
        """Share of the photons within a radius, the integral of ``density_per_deg2`` over the disk, in the plane tangent to the sky."""
        core, tail = _within(radius_deg, self.core_deg, self.core_index), _within(radius_deg, self.tail_deg, self.tail_index)
        return self.share * core + (1 - self.share) * tail

    def density_per_deg2(self, radius_deg: ArrayLike) -> Array:
        """Photons a square degree at a radius."""
        core, tail = king_per_deg2(radius_deg, self.core_deg, self.core_index), king_per_deg2(radius_deg, self.tail_deg, self.tail_index)
        return self.share * core + (1 - self.share) * tail

    def containing_deg(self, share: float) -> float:
        """The radius that holds a share of the photons, to 1e-6 of itself; one energy."""
        low, high = 0.0, 1e3
        while high - low > 1e-7 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if float(self.contained(middle)) < share else (low, middle)
        return high


def king_per_deg2(radius_deg: ArrayLike, sigma_deg: ArrayLike, index: ArrayLike) -> Array:
    """(1 - 1/g) / (2 pi s^2) (1 + x^2 / (2 g s^2))^-g, which integrates to 1 over the plane."""
    x, s, g = (np.asarray(each, float) for each in (radius_deg, sigma_deg, index))
    return (1 - 1 / g) / (2 * np.pi * s**2) * (1 + x**2 / (2 * g * s**2)) ** -g


def _within(radius_deg: ArrayLike, sigma_deg: Array, index: Array) -> Array:
    return 1 - (1 + np.asarray(radius_deg, float) ** 2 / (2 * index * sigma_deg**2)) ** (1 - index)


def point_spread(energy_gev: ArrayLike, events: Events = "source") -> PointSpread:
    """At these energies; ValueError for one that the tables do not hold."""
    energy = np.asarray(energy_gev, float)
    low, high = SOURCE_GEV[0], SOURCE_GEV[-1]
    if not np.all((energy >= low) & (energy <= high)):
        raise ValueError(f"energy_gev: {energy[~((energy >= low) & (energy <= high))].flat[0]:g} is outside the point spread's table, [{low:g}, {high:g}] GeV")
    if events == "psf3":
        scale = np.degrees(np.hypot(PSF3_SCALE_RAD * (energy / 0.1) ** -SCALE_INDEX, PSF3_FLOOR_RAD))
        same = np.ones_like(energy)
        return PointSpread(PSF3_SHARE * same, PSF3_CORE * scale, PSF3_CORE_INDEX * same, PSF3_TAIL * scale, PSF3_TAIL_INDEX * same)
    place = np.log(energy)

    def between(values: tuple[float, ...]) -> Array:
        return np.exp(np.interp(place, np.log(SOURCE_GEV), np.log(values)))

    columns = (SOURCE_SHARE, SOURCE_CORE_DEG, SOURCE_CORE_INDEX, SOURCE_TAIL_DEG, SOURCE_TAIL_INDEX)
    return PointSpread(*(between(values) for values in columns))


def in_bin(low_gev: float, high_gev: float, index: float, events: Events = "source") -> tuple[PointSpread, Array]:
    """The point spread at energies within a bin, and the share of a power law's photons of E^-``index`` at each, both (energies,)."""
    edges = np.geomspace(low_gev, high_gev, ENERGIES_PER_BIN + 1)
    power = 1 - index
    share = np.abs(np.diff(edges**power if power else np.log(edges)))
    return point_spread(np.sqrt(edges[1:] * edges[:-1]), events), share / share.sum()


@cache
def radii_deg(low_gev: float, high_gev: float, index: float, events: Events, n: int) -> Array:
    """``n`` equally likely distances from a source of its photons in an energy bin, rising, (n,): the middles of as many shares."""
    spread, share = in_bin(low_gev, high_gev, index, events)
    radius = np.concatenate([[0.0], np.geomspace(1e-4, LONGEST_DEG, 8000)])
    within = (share * spread.contained(radius[:, None])).sum(axis=1)
    found: Array = np.interp((np.arange(n) + 0.5) / n * within[-1], within, radius)
    found.setflags(write=False)
    return found
