"""Cosmic rays after the Sun's modulation by a force field, their integral, and draws of their energies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.flux.spectra import CHARGE, NUCLEONS, PROTON_MASS_GEV, SPECTRA, Interstellar, beta_of, energy_gev_at, helium_of
from cloudchamber.studies.bolometer.flux.tables import read_flux

Array = NDArray[Any]

PHI_MV = (0.0, 2000.0)
"""The range of phi that is simulated."""
PHI_STEP_MV = 10.0
ENERGIES = 1500
M2_PER_CM2 = 1e-4


@dataclass(frozen=True)
class CosmicRays:
    """The flux of cosmic rays. ``interstellar`` names the spectrum that phi belongs to (``flux.spectra``), or ``table`` is a file of a user's own
    (``flux.tables``), before a modulation by phi: one measured at the Earth goes with phi = 0.

    ``threshold_gev`` is the least kinetic energy per nucleon that passes what surrounds the detector (39 MeV is Planck's), ``highest_gev`` the end of the
    integrals. Without ``helium`` there are protons only.
    """

    interstellar: Interstellar = "corti_2019"
    threshold_gev: float = 0.039
    highest_gev: float = 300.0
    helium: bool = True
    table: str = ""

    def __post_init__(self) -> None:
        if self.interstellar not in SPECTRA:
            raise ValueError(f"interstellar: '{self.interstellar}' is none of {', '.join(SPECTRA)}")
        if not 1e-3 <= self.threshold_gev < self.highest_gev <= 1e5:
            raise ValueError(
                f"threshold_gev, highest_gev: needs 0.001 <= threshold_gev < highest_gev <= 1e5 GeV, got {self.threshold_gev:g} and {self.highest_gev:g} GeV"
            )

    @property
    def spectra(self) -> tuple[Callable[[Array], Array], ...]:
        """Interstellar spectra of protons and, with ``helium``, of helium."""
        if self.table:
            found = read_flux(Path(self.table), self.threshold_gev, self.highest_gev)
            if self.helium and len(found) == 1:
                raise ValueError(f"'{self.table}' has no column 'helium_flux': add it, or simulate protons only with helium false")
            return found if self.helium else found[:1]
        protons = SPECTRA[self.interstellar]
        return (protons, helium_of(protons)) if self.helium else (protons,)

    def flux(self, energy_gev: Array, phi_mv: float, species: int = 0) -> Array:
        """Flux per m2 s sr GeV/n at kinetic energies per nucleon ``energy_gev`` (any shape)."""
        return force_field(self.spectra[species], np.asarray(energy_gev, float), phi_mv, species)

    def flux_in_rigidity(self, rigidity_gv: Array, phi_mv: float, species: int = 0) -> Array:
        """Flux per m2 s sr GV: J(R) = J(T) beta Z / A."""
        energy = energy_gev_at(rigidity_gv, species)
        return self.flux(energy, phi_mv, species) * beta_of(energy) * CHARGE[species] / NUCLEONS[species]

    def integral_per_cm2_s_sr(self, phi_mv: float, species: int = 0) -> float:
        """Integral flux from the threshold on, per cm2 s sr."""
        energy = self._grid()
        return float(np.trapezoid(self.flux(energy, phi_mv, species) * energy, np.log(energy))) * M2_PER_CM2

    def _grid(self) -> Array:
        return np.geomspace(self.threshold_gev, self.highest_gev, ENERGIES)

    def tabulated(self) -> FluxTable:
        """Integrals and energies over the whole range of phi, made once."""
        stamp = Path(self.table).stat().st_mtime_ns if self.table and Path(self.table).is_file() else 0
        return _tabulated(self, stamp)


def force_field(interstellar: Callable[[Array], Array], energy_gev: Array, phi_mv: float, species: int = 0) -> Array:
    """J(T) = J_LIS(T + Phi) T (T + 2 m) / [(T + Phi) (T + Phi + 2 m)] with Phi = phi Z / A.

    References: L. Gleeson, W. Axford, ApJ 154 (1968) 1011.
    """
    shifted = energy_gev + 1e-3 * phi_mv * CHARGE[species] / NUCLEONS[species]
    ratio = energy_gev * (energy_gev + 2 * PROTON_MASS_GEV) / (shifted * (shifted + 2 * PROTON_MASS_GEV))
    return interstellar(shifted) * ratio


class FluxTable(NamedTuple):
    """Of each species at each node of phi: the integral flux, (species, nodes), and ln(energy) at cumulative shares, (species, nodes, shares)."""

    integral_per_cm2_s_sr: Array
    shares: Array
    ln_energy: Array

    def integrals(self, phi_mv: Array) -> Array:
        """Integral flux of each species, per cm2 s sr, (species, events)."""
        low, within = _node(phi_mv)
        return (1 - within) * self.integral_per_cm2_s_sr[:, low] + within * self.integral_per_cm2_s_sr[:, low + 1]

    def draw(self, phi_mv: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Species (0 proton, 1 helium) and kinetic energy per nucleon, GeV, of a cosmic ray for each ``phi_mv`` (events,)."""
        phi_mv = np.asarray(phi_mv, float)
        integrals = self.integrals(phi_mv)
        species = (rng.random(len(phi_mv)) * integrals.sum(0) >= integrals[0]).astype(int)
        rank = rng.random(len(phi_mv))
        low, within = _node(phi_mv)
        place = np.clip(np.searchsorted(self.shares, rank) - 1, 0, len(self.shares) - 2)
        between = (rank - self.shares[place]) / (self.shares[place + 1] - self.shares[place])
        at = [(1 - between) * self.ln_energy[species, node, place] + between * self.ln_energy[species, node, place + 1] for node in (low, low + 1)]
        return species, np.exp((1 - within) * at[0] + within * at[1])


def _node(phi_mv: Array) -> tuple[Array, Array]:
    place = np.asarray(phi_mv, float) / PHI_STEP_MV
    low = np.clip(place.astype(int), 0, round(PHI_MV[1] / PHI_STEP_MV) - 1)
    return low, place - low


@lru_cache(maxsize=8)
def _tabulated(rays: CosmicRays, stamp: int) -> FluxTable:
    nodes = np.arange(0.0, PHI_MV[1] + 1.0, PHI_STEP_MV)
    energy = rays._grid()
    ln_energy = np.log(energy)
    spectra = rays.spectra
    # shares as dense as an average spectrum's own: both ends are kept
    density = force_field(spectra[0], energy, 500.0) * energy
    shares = _cumulative(density, ln_energy)
    shares /= shares[-1]
    integral, quantile = np.empty((len(spectra), len(nodes))), np.empty((len(spectra), len(nodes), len(shares)))
    for species, spectrum in enumerate(spectra):
        for node, phi in enumerate(nodes):
            total = _cumulative(force_field(spectrum, energy, phi, species) * energy, ln_energy)
            integral[species, node] = total[-1] * M2_PER_CM2
            quantile[species, node] = np.interp(shares, total / total[-1], ln_energy)
    return FluxTable(integral, shares, quantile)


def _cumulative(density: Array, ln_energy: Array) -> Array:
    return np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(ln_energy))])
