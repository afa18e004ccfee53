"""phi over a stream's time: the solar cycle's, or one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.flux.cycle import MONITOR_PHI_MV, SolarCycle
from cloudchamber.studies.bolometer.flux.modulation import PHI_MV, CosmicRays

Array = NDArray[Any]

LAST_YEAR = max(MONITOR_PHI_MV) + 0.5
"""The middle of the last year that is known."""
CYCLE_YR = 11


@dataclass(frozen=True)
class Sun:
    """phi(t): ``phi_mv`` at all times, or that of the solar cycle (``flux.cycle``), of neutron monitors or of ``sunspots``, a table.

    With ``forecast`` the last eleven years that monitors know, 2012 to 2022, come again and again after them; without it later years are refused.
    """

    phi_mv: float | None = None
    sunspots: str = ""
    forecast: bool = True

    def __post_init__(self) -> None:
        if self.phi_mv is not None and not PHI_MV[0] <= self.phi_mv <= PHI_MV[1]:
            raise ValueError(f"phi_mv: {self.phi_mv:g} is outside the allowed [{PHI_MV[0]:g}, {PHI_MV[1]:g}] MV")
        if self.phi_mv is not None and self.sunspots:
            raise ValueError(f"sunspots: '{self.sunspots}' tells phi of times, and phi_mv is one number: give one of them")

    def phi_at(self, year: Array, rays: CosmicRays) -> Array:
        """phi that belongs to the spectrum of ``rays`` at decimal years (any shape), in MV; ValueError for times that nobody knows."""
        year = np.asarray(year, float)
        if self.phi_mv is not None:
            return np.full(year.shape, self.phi_mv)
        if rays.table:
            raise ValueError(f"phi of the solar cycle belongs to a named spectrum, not to that of the table '{rays.table}': give phi_mv")
        cycle = SolarCycle(rays.interstellar, self.sunspots)
        later = year > LAST_YEAR
        if self.sunspots or not self.forecast or not later.any():
            return cycle.phi_mv(year)
        # straight lines between the middles of years, as within the table
        middle = np.maximum(np.floor(year - 0.5) + 0.5, LAST_YEAR)
        share = np.maximum(year - middle, 0.0)
        foreseen = (1 - share) * cycle.phi_mv(_known(middle)) + share * cycle.phi_mv(_known(middle + 1))
        return np.where(later, foreseen, cycle.phi_mv(np.minimum(year, LAST_YEAR)))

    def forecasts(self, year: float) -> bool:
        """Whether phi of a time is none that anybody measured."""
        return self.phi_mv is None and not self.sunspots and self.forecast and year > LAST_YEAR

    def words(self, year: float) -> str:
        """Where phi of a time comes from."""
        if self.forecasts(year):
            return f"(a forecast: that of {CYCLE_YR} years before, again and again)"
        return "(given)" if self.phi_mv is not None else f"(of '{self.sunspots}')" if self.sunspots else "(of neutron monitors)"


def interval(first_mv: float, last_mv: float) -> str:
    """phi from one time to another, in words: one number where it hardly changes."""
    one, other = f"{first_mv:.0f}", f"{last_mv:.0f}"
    return one if one == other else f"{one} to {other}"


def _known(middle: Array) -> Array:
    first = LAST_YEAR - CYCLE_YR + 1
    return np.where(middle > LAST_YEAR, first + np.mod(middle - first, CYCLE_YR), middle)
