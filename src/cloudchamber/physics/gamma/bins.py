"""Energy bins of a Fermi-LAT analysis: spectra, exposure, and what they make of a flux: counts in each bin, and how far photons are spread there.

References: M. Ajello et al. (Fermi-LAT), ApJ 819 (2016) 44; F. Calore et al., JCAP 03 (2015) 038 (the excess' spectrum); exposure: Fermi-LAT, P8R2 SOURCE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cloudchamber.physics.gamma.psf import SOURCE_GEV, Events, radii_deg

Array = NDArray[Any]

EXPOSURE_CM2_S = 4.47e10
"""Of a year at 10 GeV, mean of the sky, SOURCE events."""
CENTRE_EXPOSURE = 1.03
"""The Galactic Centre's over the mean."""
RELATIVE_EXPOSURE = (0.62, 0.76, 0.92, 1.02, 1.03, 0.99, 1.00, 0.99)
"""At ``psf.SOURCE_GEV`` over the one at 10 GeV."""
PSF3_EXPOSURE = 8.9e10 / (573 / 52.18)
"""The best quarter's of UltraCleanVeto events from 2 to 20 GeV, a year."""
POINTS = 201


@dataclass(frozen=True)
class Spectrum:
    """dN/dE ~ E^-``index`` up to a break, E^-``index_above`` beyond it, times exp(-E / ``cutoff_gev``)."""

    index: float
    break_gev: float = np.inf
    index_above: float = 0.0
    cutoff_gev: float = np.inf

    def __call__(self, energy_gev: ArrayLike) -> Array:
        """Relative to the power law at 1 GeV, of any shape."""
        energy = np.asarray(energy_gev, float)
        found = energy**-self.index * np.exp(-energy / self.cutoff_gev)
        if np.isfinite(self.break_gev):
            found = np.where(energy > self.break_gev, found * (energy / self.break_gev) ** (self.index - self.index_above), found)
        return found

    def flux(self, low_gev: float, high_gev: float) -> float:
        """The integral between two energies."""
        return integral(self, low_gev, high_gev)


EXCESS = Spectrum(1.42, 2.06, 2.63)
"""Of the Galactic Centre's excess."""
# the first two are round numbers
PI0, INVERSE_COMPTON, BUBBLES, ISOTROPIC = Spectrum(2.7), Spectrum(2.2), Spectrum(1.9, cutoff_gev=110.0), Spectrum(2.32, cutoff_gev=279.0)


def integral(spectrum: Callable[[Array], Array], low_gev: float, high_gev: float) -> float:
    """Of dN/dE over the energy, by Simpson's rule in its logarithm: to 1e-8 where no break lies between, else to 1e-5."""
    from scipy.integrate import simpson

    lg = np.linspace(np.log(low_gev), np.log(high_gev), POINTS)
    return float(simpson(spectrum(np.exp(lg)) * np.exp(lg), x=lg))


@dataclass(frozen=True)
class EnergyBins:
    """Bins between ``edges_gev``, in ``years`` of data of some ``events``."""

    edges_gev: tuple[float, ...] = (1.0, 1.8, 3.3, 6.0)
    years: float = 10.0
    events: Events = "source"

    def __post_init__(self) -> None:
        low, high = SOURCE_GEV[0], SOURCE_GEV[-1]
        if len(self.edges_gev) < 2 or np.any(np.diff(self.edges_gev) <= 0) or self.edges_gev[0] < low or self.edges_gev[-1] > high:
            raise ValueError(f"edges_gev: needs two or more that rise, from {low:g} to {high:g} GeV, got {', '.join(f'{edge:g}' for edge in self.edges_gev)}")
        if not 0 < self.years <= 100:
            raise ValueError(f"years: {self.years:g} is outside the allowed (0, 100]")

    @property
    def bins(self) -> int:
        """How many."""
        return len(self.edges_gev) - 1

    def exposure_cm2_s(self, energy_gev: ArrayLike) -> Array:
        """Of the Galactic Centre."""
        if self.events == "psf3":
            return np.full(np.shape(energy_gev), self.years * PSF3_EXPOSURE)
        relative = np.interp(np.log(np.asarray(energy_gev, float)), np.log(SOURCE_GEV), RELATIVE_EXPOSURE)
        return self.years * EXPOSURE_CM2_S * CENTRE_EXPOSURE * relative

    def counts(self, spectrum: Spectrum, flux: ArrayLike) -> Array:
        """Expected counts in each bin, (..., bins), of a ``flux`` in photons a cm2 s between the first and the last edge."""
        parts = [integral(lambda energy: spectrum(energy) * self.exposure_cm2_s(energy), *edges) for edges in pairwise(self.edges_gev)]
        return np.asarray(flux, float)[..., None] * np.array(parts) / spectrum.flux(self.edges_gev[0], self.edges_gev[-1])

    def share(self, spectrum: Spectrum) -> Array:
        """Of the counts in each bin, (bins,)."""
        counts = self.counts(spectrum, 1.0)
        return counts / counts.sum()

    def radii_rad(self, index: float, n: int = 1 << 14) -> Array:
        """Equally likely distances of photons of a power law from their source, (bins, n)."""
        return np.radians([radii_deg(*edges, index, self.events, n) for edges in pairwise(self.edges_gev)])
