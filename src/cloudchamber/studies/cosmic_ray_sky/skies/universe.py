"""Universes: all cosmic rays come from a number of sources, each deflected as in the toy.

A source lies anywhere on the sphere with its own position angle psi. Its share of the flux is equal to that of the others, or ~ L / d^2 for sources spread
uniformly in space (the distance scale drops out) with luminosities L, equal or a power law. Energy losses on the way are left out. A cosmic ray is seen with a
probability proportional to the exposure of its direction, so sources that lie where little is seen give less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cloudchamber.physics.spectra import AUGER_2020, BrokenPowerLaw
from cloudchamber.physics.sphere import random_directions, unit_vectors
from cloudchamber.schema import Schema, Table, concatenate
from cloudchamber.studies.cosmic_ray_sky.columns import SIGNAL, THETA, X
from cloudchamber.studies.cosmic_ray_sky.skies.arrivals import CosmicRays, check_theta, draw_skies, draw_theta
from cloudchamber.studies.cosmic_ray_sky.skies.toy import check_deflection, check_sky, deflected

_BATCH = 100


@dataclass(frozen=True)
class Universe:
    """Skies of ``n`` cosmic rays, half of them isotropic, the others all from ``sources`` sources.

    ``flux``: "equal" or "distance" (sources uniform in space). ``luminosity_index``: 0 for equal luminosities, else dN/dL ~ L^-index over three decades. The
    other settings are those of the toy.
    """

    n: int = 1000
    sources: int = 50
    flux: Literal["equal", "distance"] = "distance"
    luminosity_index: float = 0.0
    emin_ev: float = 4e19
    emax_ev: float = 2e20
    spectrum: BrokenPowerLaw = AUGER_2020
    composition: str = "mixed"
    coherent_rad_ev: float = 5.0
    blur_rad_ev: float = 2.79
    exposure: str = "uniform"

    def __post_init__(self) -> None:
        check_sky(self)
        check_deflection(self.coherent_rad_ev, self.blur_rad_ev)
        if self.sources < 1:
            raise ValueError(f"sources: {self.sources}; needs at least 1")
        if self.flux not in ("equal", "distance"):
            raise ValueError(f"flux: '{self.flux}' is neither 'equal' nor 'distance'")
        if not 0 <= self.luminosity_index <= 5:
            raise ValueError(f"luminosity_index: {self.luminosity_index} is outside the allowed [0, 5]")

    @property
    def schema(self) -> Schema:
        """Theta and x of a sky."""
        return Schema(THETA, X)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` skies' theta."""
        return draw_theta(n, np.full(n, self.n), self.exposure, rng)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one sky for each event of ``theta``; ValueError for a bad column."""
        theta = check_theta(theta, self.n)
        wrong = (theta["kind"] == SIGNAL) & (theta["n_signal"] != self.n)
        if wrong.any():
            raise ValueError(f"column 'n_signal': in a universe all {self.n} cosmic rays come from sources, got {theta['n_signal'][wrong][0]}")
        parts = [slice(i, i + _BATCH) for i in range(0, max(len(theta["kind"]), 1), _BATCH)]
        return concatenate([self._simulate({name: column[part] for name, column in theta.items()}, rng) for part in parts])

    def _simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        events = len(theta["kind"])
        directions = random_directions(events * self.sources, rng).reshape(events, self.sources, 3)
        directions[:, 0] = unit_vectors(theta["source_lon_deg"], theta["source_lat_deg"])
        psi_rad = rng.uniform(0.0, 2 * np.pi, (events, self.sources))
        below = np.cumsum(self.draw_fluxes(events, rng), axis=1)
        # one rising sequence for all events, so that one search finds the source of a cosmic ray
        below = (below / below[:, -1:] + np.arange(events)[:, None]).ravel()

        def arrive(source: np.ndarray, rng: np.random.Generator) -> CosmicRays:
            which = np.minimum(np.searchsorted(below, source + rng.random(len(source)), side="right") - source * self.sources, self.sources - 1)
            return deflected(self, directions[source, which], psi_rad[source, which], self.coherent_rad_ev, self.blur_rad_ev, rng)

        return draw_skies(self, theta["n_signal"], arrive, rng)

    def draw_fluxes(self, events: int, rng: np.random.Generator) -> np.ndarray:
        """Fluxes (events, sources), the brightest first, in arbitrary units."""
        flux = np.ones((events, self.sources))
        if self.flux == "distance":
            flux = rng.random(flux.shape) ** (-2 / 3)
        if self.luminosity_index > 0:
            # the inverse of the cumulative distribution; an index of 1 is uniform in ln L
            power, share = 1.0 - self.luminosity_index, rng.random(flux.shape)
            flux = flux * (1e3**share if abs(power) < 1e-9 else (1.0 + share * (1e3**power - 1.0)) ** (1.0 / power))
        return -np.sort(-flux, axis=1)
