"""Energy spectra of cosmic rays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

_NODES = 8193


@dataclass(frozen=True)
class BrokenPowerLaw:
    """Flux ~ E^-index, the index changing smoothly from ``indices[i]`` to ``indices[i + 1]`` at ``breaks_ev[i]``, over a factor of about exp(2 ``width``).

    J(E) ~ E^-g_0 prod_i [1 + (E / E_i)^(1 / width)]^((g_i - g_(i+1)) width).
    References: Auger, Phys. Rev. D 102 (2020) 062005, eq. 9.
    """

    breaks_ev: tuple[float, ...]
    indices: tuple[float, ...]
    width: float = 0.05

    def __post_init__(self) -> None:
        if len(self.indices) != len(self.breaks_ev) + 1:
            raise ValueError(f"indices: {len(self.breaks_ev)} breaks need {len(self.breaks_ev) + 1} indices, got {len(self.indices)}")
        if any(e <= 0 for e in self.breaks_ev) or list(self.breaks_ev) != sorted(self.breaks_ev):
            raise ValueError(f"breaks_ev must be positive and rise, got {self.breaks_ev}")
        if not 0 < self.width <= 1:
            raise ValueError(f"width: {self.width} is outside the allowed (0, 1]")

    def flux(self, energy_ev: ArrayLike) -> np.ndarray:
        """Flux dN/dE in arbitrary units: 1 at 1e18 eV for a spectrum whose breaks lie far above."""
        energy = np.asarray(energy_ev, float)
        log_flux = -self.indices[0] * np.log(energy / 1e18)
        for edge, before, after in zip(self.breaks_ev, self.indices[:-1], self.indices[1:], strict=True):
            log_flux += (before - after) * self.width * np.logaddexp(0.0, np.log(energy / edge) / self.width)
        return np.exp(log_flux)

    def density(self, energy_ev: ArrayLike, emin_ev: float, emax_ev: float) -> np.ndarray:
        """Probability density in 1/eV between ``emin_ev`` and ``emax_ev``, zero outside."""
        energy = np.asarray(energy_ev, float)
        _, _, total = _cumulative(self, emin_ev, emax_ev)
        return np.where((energy >= emin_ev) & (energy <= emax_ev), self.flux(energy) / total, 0.0)

    def quantiles(self, share: ArrayLike, emin_ev: float, emax_ev: float) -> np.ndarray:
        """Energy in eV below which lies ``share`` of the cosmic rays between ``emin_ev`` and ``emax_ev``."""
        log_energy, cumulative, _ = _cumulative(self, emin_ev, emax_ev)
        return np.exp(np.interp(np.asarray(share, float), cumulative, log_energy))

    def sample(self, n: int, emin_ev: float, emax_ev: float, rng: np.random.Generator) -> np.ndarray:
        """``n`` energies in eV."""
        return self.quantiles(rng.random(n), emin_ev, emax_ev)


@lru_cache(maxsize=32)
def _cumulative(spectrum: BrokenPowerLaw, emin_ev: float, emax_ev: float) -> tuple[np.ndarray, np.ndarray, float]:
    """(ln E, share below, integral of the flux): trapezia in ln E, dense enough for 1e-6."""
    if not 0 < emin_ev < emax_ev < np.inf:
        raise ValueError(f"emin_ev, emax_ev: needs 0 < emin_ev < emax_ev, got {emin_ev:.6g} and {emax_ev:.6g} eV")
    log_energy = np.linspace(np.log(emin_ev), np.log(emax_ev), _NODES)
    energy = np.exp(log_energy)
    integrand = spectrum.flux(energy) * energy
    steps = 0.5 * (integrand[1:] + integrand[:-1]) * np.diff(log_energy)
    cumulative = np.concatenate(([0.0], np.cumsum(steps)))
    return log_energy, cumulative / cumulative[-1], float(cumulative[-1])


AUGER_2020 = BrokenPowerLaw(breaks_ev=(5.0e18, 1.3e19, 4.6e19), indices=(3.29, 2.51, 3.05, 5.1))
"""Measured above 2.5e18 eV: Auger, Phys. Rev. D 102 (2020) 062005, table III."""
