"""Skies of many kinds, for a network that must not rely on one law: size, threshold, exposure, composition and deflection change from sky to sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudchamber.physics.exposure import EXPOSURES, visible
from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.schema import Schema, Table, concatenate, take
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, THETA, X
from cloudchamber.studies.cosmic_ray_sky.skies.arrivals import check_theta, draw_theta
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy, check_deflection

Range = tuple[float, float]


@dataclass(frozen=True)
class Varied:
    """Skies of the minimal model (``Toy``), each with settings of its own, drawn log-uniformly from ranges or evenly from lists.

    ``n``: cosmic rays; ``signal``: those of a source; ``strength``: signal cosmic rays / sqrt(n / 1000), so that larger skies are not easier; ``blur_share``:
    blur over coherent deflection. An isotropic sky draws its settings as a signal does.
    """

    n: tuple[int, int] = (150, 3000)
    signal: tuple[int, int] = (6, 130)
    strength: Range = (12.0, 80.0)
    emin_ev: Range = (3e19, 6e19)
    emax_ev: float = 2e20
    compositions: tuple[str, ...] = ("H", "He", "mixed", "N")
    exposures: tuple[str, ...] = tuple(EXPOSURES)
    coherent_rad_ev: Range = (2.79, 10.0)
    blur_share: Range = (0.28, 1.0)

    def __post_init__(self) -> None:
        for name in ("n", "signal", "strength", "emin_ev", "coherent_rad_ev", "blur_share"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name}: {(low, high)} must be a rising range above 0")
        if self.signal[1] > self.n[0]:
            raise ValueError(f"signal: {self.signal[1]} cosmic rays of a source do not fit into the smallest sky, n = {self.n[0]}")
        for low_or_high in (0, 1):
            check_deflection(self.coherent_rad_ev[low_or_high], self.coherent_rad_ev[low_or_high] * self.blur_share[low_or_high])
        for composition in self.compositions:
            for exposure in self.exposures:
                Toy(emin_ev=self.emin_ev[1], emax_ev=self.emax_ev, composition=composition, exposure=exposure)

    @property
    def schema(self) -> Schema:
        """Theta and x of a sky."""
        return Schema(THETA, X)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` skies' theta."""
        return draw_theta(n, self._signal(n, rng), "uniform", rng)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one sky for each event of ``theta``; ValueError for a bad column."""
        theta = check_theta(theta, self.n[0])
        sources, signals = unit_vectors(theta["source_lon_deg"], theta["source_lat_deg"]), self._or_drawn(theta, rng)
        return concatenate([self._toy(sources[i], signals[i], rng).simulate(take(theta, slice(i, i + 1)), rng) for i in range(len(signals))])

    def _or_drawn(self, theta: Table, rng: np.random.Generator) -> np.ndarray:
        """The number of signal cosmic rays; for isotropy one that decides the settings alone."""
        drawn = self._signal(len(theta["kind"]), rng)
        return np.where(theta["kind"] == ISOTROPY, drawn, theta["n_signal"])

    def _signal(self, events: int, rng: np.random.Generator) -> np.ndarray:
        return np.rint(_log_uniform((self.signal[0] - 0.49, self.signal[1] + 0.49), rng, events)).astype(int)

    def _toy(self, source: np.ndarray, signal: int, rng: np.random.Generator) -> Toy:
        """One sky's law; a source is looked at by those who see it."""
        seeing = [exposure for exposure in self.exposures if visible(source, exposure)]
        if not seeing:
            raise ValueError(f"no exposure of {', '.join(self.exposures)} sees the source at {source.round(3)}: add 'uniform' or 'both'")
        n, coherent = 1000 * (signal / _log_uniform(self.strength, rng)) ** 2, float(_log_uniform(self.coherent_rad_ev, rng))
        return Toy(
            n=int(np.clip(n, *self.n)),
            emin_ev=float(_log_uniform(self.emin_ev, rng)),
            emax_ev=self.emax_ev,
            composition=self.compositions[rng.integers(len(self.compositions))],
            signal=(1, 1),
            coherent_rad_ev=coherent,
            blur_rad_ev=coherent * float(_log_uniform(self.blur_share, rng)),
            exposure=seeing[rng.integers(len(seeing))],
        )


def _log_uniform(edges: Range, rng: np.random.Generator, size: int | None = None) -> np.ndarray:
    return np.exp(rng.uniform(np.log(edges[0]), np.log(edges[1]), size))
