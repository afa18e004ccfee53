"""The minimal model: cosmic rays of a source are moved coherently by an angle ~ 1/R in one direction, and blurred by an angle ~ 1/R.

The law. A source lies anywhere in the visible sky with equal probability and has one position angle psi, uniform. A cosmic ray has an energy of the
spectrum and a charge of the composition; with rigidity R = E/Z it arrives from the von Mises-Fisher distribution of width blur / R about the point that
lies coherent / R from the source along the great circle with position angle psi. It is seen with a probability proportional to the exposure of its direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudchamber.physics.exposure import draw_visible, sites
from cloudchamber.physics.spectra import AUGER_2020, BrokenPowerLaw
from cloudchamber.physics.sphere import move, unit_vectors, von_mises_fisher
from cloudchamber.schema import Schema, Table, concatenate
from cloudchamber.studies.cosmic_ray_sky.columns import THETA, X
from cloudchamber.studies.cosmic_ray_sky.skies.arrivals import CosmicRays, Sky, check_signal, check_theta, draw_energies, draw_signal_theta, draw_skies
from cloudchamber.studies.cosmic_ray_sky.skies.composition import shares

_BATCH = 250


@dataclass(frozen=True)
class Toy:
    """Skies of ``n`` cosmic rays, half of them with a signal.

    ``signal``: the range (both included) of the number of cosmic rays of sources, each number equally likely; with ``binomial`` that is a mean and the
    number a binomial draw. The ``n_sources`` have equal fluxes. ``composition``: "H", "He", ..., "mixed" or shares such as "H:0.5,Fe:0.5". ``exposure``:
    "uniform", "auger", "ta" or "both". ``coherent_rad_ev`` and ``blur_rad_ev``: angles in rad at a rigidity of 1 EV.
    """

    n: int = 1000
    emin_ev: float = 4e19
    emax_ev: float = 2e20
    spectrum: BrokenPowerLaw = AUGER_2020
    composition: str = "mixed"
    signal: tuple[int, int] = (10, 80)
    binomial: bool = False
    coherent_rad_ev: float = 5.0
    blur_rad_ev: float = 2.79
    n_sources: int = 1
    exposure: str = "uniform"

    def __post_init__(self) -> None:
        check_sky(self)
        check_signal(self)
        check_deflection(self.coherent_rad_ev, self.blur_rad_ev)

    @property
    def schema(self) -> Schema:
        """Theta and x of a sky."""
        return Schema(THETA, X)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` skies' theta."""
        return draw_signal_theta(self, n, rng)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one sky for each event of ``theta``; ValueError for a bad column."""
        theta = check_theta(theta, self.n)
        parts = [slice(i, i + _BATCH) for i in range(0, max(len(theta["kind"]), 1), _BATCH)]
        return concatenate([self._simulate({name: column[part] for name, column in theta.items()}, rng) for part in parts])

    def _simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        events = len(theta["kind"])
        sources = draw_visible(events * self.n_sources, self.exposure, rng).reshape(events, self.n_sources, 3)
        sources[:, 0] = unit_vectors(theta["source_lon_deg"], theta["source_lat_deg"])
        psi_rad = rng.uniform(0.0, 2 * np.pi, (events, self.n_sources))

        def arrive(source: np.ndarray, rng: np.random.Generator) -> CosmicRays:
            which = rng.integers(0, self.n_sources, len(source))
            return deflected(self, sources[source, which], psi_rad[source, which], self.coherent_rad_ev, self.blur_rad_ev, rng)

        return draw_skies(self, theta["n_signal"], arrive, rng)


def deflected(sky: Sky, source: np.ndarray, psi_rad: np.ndarray, coherent_rad_ev: float, blur_rad_ev: float, rng: np.random.Generator) -> CosmicRays:
    """One cosmic ray of each ``source`` (k, 3) with position angle ``psi_rad`` (k,), as it reaches the Earth."""
    energy_ev, charge = draw_energies(sky, len(source), rng)
    rigidity = 1e-18 * energy_ev / charge
    return CosmicRays(von_mises_fisher(move(source, coherent_rad_ev / rigidity, psi_rad), blur_rad_ev / rigidity, rng), energy_ev, charge)


def check_sky(sky: Sky) -> None:
    """ValueError for settings out of range."""
    if sky.n < 1:
        raise ValueError(f"n: {sky.n} cosmic rays; needs at least 1")
    if not 1e18 <= sky.emin_ev < sky.emax_ev <= 1e22:
        raise ValueError(f"emin_ev, emax_ev: needs 1e18 <= emin_ev < emax_ev <= 1e22 eV, got {sky.emin_ev:.6g} and {sky.emax_ev:.6g} eV")
    shares(sky.composition)
    sites(sky.exposure)


def check_deflection(coherent_rad_ev: float, blur_rad_ev: float) -> None:
    """ValueError for deflections out of range."""
    if not 0 <= coherent_rad_ev <= 100:
        raise ValueError(f"coherent_rad_ev: {coherent_rad_ev} is outside the allowed [0, 100] rad EV")
    if not 0.01 <= blur_rad_ev <= 100:
        raise ValueError(f"blur_rad_ev: {blur_rad_ev} is outside the allowed [0.01, 100] rad EV")
