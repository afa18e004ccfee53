"""Counts of a flux by energy bin and spectrum, and how the exposure varies over the image.

References: R. Leane, T. Slatyer, PRD 102 (2020) 063019.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gamma.bins import EnergyBins, Spectrum
from cloudchamber.physics.gamma.face import direction_at
from cloudchamber.physics.sphere import equatorial_from_galactic
from cloudchamber.studies.galactic_centre.columns import EDGES_GEV

Array = NDArray[Any]

DECLINATIONS_DEG = (-55.0, -45.0, -35.0, -25.0, -15.0, -5.0, 5.0)
EXPOSURES = (9.55, 9.48, 9.28, 9.01, 8.71, 8.55, 8.58)
"""In 1e10 cm2 s, means over right ascension, of 573 weeks of the best quarter of UltraCleanVeto events from 2 to 20 GeV (Leane & Slatyer 2020)."""
_INDICES = np.linspace(1.0, 4.0, 121)


@cache
def relative_exposure(nside: int) -> Array:
    """Exposure of the image's pixels over that of the Galactic Centre, (nside, nside)."""
    x, y = np.meshgrid(np.arange(nside) + 0.5, np.arange(nside) + 0.5, indexing="ij")
    _, declination = equatorial_from_galactic(*direction_at(x, y, nside))
    _, centre = equatorial_from_galactic(0.0, 0.0)
    return np.asarray(np.interp(declination, DECLINATIONS_DEG, EXPOSURES) / np.interp(centre, DECLINATIONS_DEG, EXPOSURES))


@cache
def _counts_by_index(bins: EnergyBins) -> Array:
    return np.array([bins.counts(Spectrum(float(index)), 1.0) for index in _INDICES])


def counts_by_index(bins: EnergyBins, index: Array) -> Array:
    """Counts in each bin of a flux of 1 / cm2 s between the first and the last edge, with these photon indices, (events, bins)."""
    table = _counts_by_index(bins)
    return np.stack([np.interp(index, _INDICES, column) for column in table.T], axis=1)


def over_standard(bins: EnergyBins, spectrum: Spectrum) -> float:
    """The flux between the bins' edges over the one from 1 to 6 GeV."""
    return spectrum.flux(bins.edges_gev[0], bins.edges_gev[-1]) / spectrum.flux(EDGES_GEV[0], EDGES_GEV[-1])
