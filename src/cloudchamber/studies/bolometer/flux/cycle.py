"""phi over the solar cycle, for each interstellar spectrum: yearly values, or sunspot numbers that a user gives.

The yearly values, and the law that ties them to sunspots, are neutron monitors' on one scale. No spectrum reproduces AMS-02's protons with exactly these:
fitted to all bins up to 104 GV of 2011-13 and of 2011-18, phi is 600 and 534 MV with ``corti_2019``, 693 and 631 MV with ``burger_usoskin_2000``, where the
monitors' scale has 567 and 531 MV. ``OFFSET_MV`` is a spectrum's mean difference of the two windows, in which its two differences are 30 MV apart.

References: I. Usoskin et al., JGR 122 (2017) 3875 (neutron monitors' phi); M. Aguilar et al. (AMS), PRL 114 (2015) 171103 and Phys. Rept. 894 (2021) 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Column
from cloudchamber.studies.bolometer.flux.spectra import Interstellar
from cloudchamber.studies.bolometer.flux.tables import need_file, read_numbers, refuse

Array = NDArray[Any]

MONITOR_PHI_MV = dict(zip(range(2009, 2023), (279, 368, 483, 570, 600, 641, 645, 445, 377, 331, 314, 292, 326, 469), strict=True))
"""Yearly means: 2009-13 from a fit to neutron monitors (rms 9 MV), 2014-22 of the Oulu monitor."""
SUNSPOT_OFFSET_MV, SUNSPOT_SLOPE_MV, SUNSPOT_LAG_YR = 276.0, 3.63, 0.5
"""phi = 276 + 3.63 SSN(t - 0.5 yr): yearly numbers of version 2, 2009 to 2019; rms 20 MV, at most 38 MV off."""
LONGEST_GAP_YR = 1.01
"""Between two sunspot numbers: yearly means will do."""
OFFSET_MV: dict[Interstellar, float] = {"corti_2019": 18.0, "burger_usoskin_2000": 113.0}
SUNSPOTS = {
    "year": Column(unit="yr", doc="time as a decimal year"),
    "sunspot_number": Column(doc="sunspot number, version 2, smoothed over months"),
}


@dataclass(frozen=True)
class SolarCycle:
    """phi(t) that belongs to a spectrum: of neutron monitors for 2009 to 2022, or of ``sunspots``, a table of ``year`` and ``sunspot_number``.

    Sunspot numbers are the user's to get (those of SILSO are free for non-commercial use only, so that none are packaged).
    """

    interstellar: Interstellar = "corti_2019"
    sunspots: str = ""

    def phi_mv(self, year: Array) -> Array:
        """phi at decimal years (any shape), in MV; ValueError for times that the table does not cover."""
        year = np.asarray(year, float)
        if self.sunspots:
            times, numbers = read_sunspots(Path(self.sunspots))
            monitors = SUNSPOT_OFFSET_MV + SUNSPOT_SLOPE_MV * _between(year - SUNSPOT_LAG_YR, times, numbers, f"'{self.sunspots}' (taken half a year before)")
        else:
            # a yearly mean stands at the year's middle; the first and the last half year keep theirs
            times = np.array([min(MONITOR_PHI_MV), *(each + 0.5 for each in MONITOR_PHI_MV), max(MONITOR_PHI_MV) + 1])
            values = list(MONITOR_PHI_MV.values())
            monitors = _between(
                year, times, np.array([values[0], *values, values[-1]], float), "the packaged yearly phi; give a table of sunspots, or phi itself"
            )
        return monitors + OFFSET_MV[self.interstellar]


def _between(year: Array, times: Array, values: Array, what: str) -> Array:
    outside = (year < times[0]) | (year > times[-1]) | ~np.isfinite(year)
    if np.any(outside):
        raise ValueError(f"year: {np.ravel(year)[np.ravel(outside)][0]:g} is outside the allowed [{times[0]:g}, {times[-1]:g}] of {what}")
    return np.interp(year, times, values)


def read_sunspots(path: Path) -> tuple[Array, Array]:
    """Decimal years and sunspot numbers of a table of text; ValueError names column and row of what is none."""
    need_file(path, "table of sunspots")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, stamp: int) -> tuple[Array, Array]:
    table = read_numbers(path, SUNSPOTS, needed=tuple(SUNSPOTS))
    year, number = table["year"], table["sunspot_number"]
    refuse(path, "year", year, np.diff(year, prepend=-np.inf) <= 0, "times must rise from row to row")
    refuse(path, "sunspot_number", number, (number < 0) | (number > 1000), "a sunspot number is in [0, 1000]; SILSO's -1 stands for no value")
    refuse(
        path,
        "year",
        year,
        np.diff(year, prepend=year[:1]) > LONGEST_GAP_YR,
        f"the row before is more than {LONGEST_GAP_YR:g} yr earlier, and nobody knows what the Sun did between: give yearly or monthly numbers without a gap",
    )
    if len(year) < 2:
        raise ValueError(f"'{path}': a table of sunspots needs two rows at least, got {len(year)}")
    return year, number
