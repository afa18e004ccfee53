"""Cosmic rays of sources that reach the Earth through the lens of a Galactic magnetic field, which moves, blurs and magnifies by position and rigidity.

The law. Sources are as in the minimal model (``toy``), equally luminous outside the Galaxy. A cosmic ray of energy E and charge Z, of the spectrum and the
composition that every source emits, arrives at x with a probability proportional to M(x, s) of the lens (``lens``) at R = E/Z: the spectrum at the Earth is
that of the source times its magnification. It is seen with a probability proportional to the exposure of its direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.physics.exposure import draw_visible
from cloudchamber.physics.spectra import AUGER_2020, BrokenPowerLaw
from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.schema import Schema, Table, concatenate
from cloudchamber.studies.cosmic_ray_sky.columns import THETA, X
from cloudchamber.studies.cosmic_ray_sky.skies.arrivals import CosmicRays, check_signal, check_theta, draw_energies, draw_signal_theta, draw_skies
from cloudchamber.studies.cosmic_ray_sky.skies.composition import shares
from cloudchamber.studies.cosmic_ray_sky.skies.toy import check_sky

if TYPE_CHECKING:
    from cloudchamber.studies.cosmic_ray_sky.galaxy.lens import Lens

_BATCH = 250


@dataclass(frozen=True)
class Lensed:
    """Skies of ``n`` cosmic rays, half of them with a signal; ``n`` to ``exposure`` as in ``Toy``.

    ``field``: "jf12", or "uf23-" and one of base, neCL, expX, spur, cre10, synCG, twistX, nebCor; ``random`` adds the random field. ``lens``: "cached" (built
    on first use), "packaged" (coarse, JF12 from 4 EV on, ships) or the path of a lens.
    """

    n: int = 1000
    emin_ev: float = 4e19
    emax_ev: float = 2e20
    spectrum: BrokenPowerLaw = AUGER_2020
    composition: str = "mixed"
    signal: tuple[int, int] = (10, 80)
    binomial: bool = False
    n_sources: int = 1
    exposure: str = "uniform"
    field: str = "jf12"
    random: bool = True
    lens: str = "packaged"

    def __post_init__(self) -> None:
        check_sky(self)
        check_signal(self)
        if self.lens == "packaged" and (self.field, self.random) != ("jf12", True):
            raise ValueError(f"lens: the packaged one is of 'jf12' with its random field, not of '{self.field}', random {self.random}: use lens='cached'")

    @property
    def schema(self) -> Schema:
        """Theta and x of a sky."""
        return Schema(THETA, X)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` skies' theta."""
        return draw_signal_theta(self, n, rng)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one sky for each event of ``theta``; ValueError for a bad column, or for rigidities outside the lens."""
        theta = check_theta(theta, self.n)
        parts = [slice(i, i + _BATCH) for i in range(0, max(len(theta["kind"]), 1), _BATCH)]
        return concatenate([self._simulate({name: column[part] for name, column in theta.items()}, rng) for part in parts])

    def ready(self) -> None:
        """Read a lens of the user's; ValueError for what is none."""
        if self.lens not in ("packaged", "cached"):
            self.load_lens()

    def load_lens(self) -> Lens:
        """The lens of these settings, built into the cache if it is not there yet."""
        from cloudchamber.studies.cosmic_ray_sky.galaxy.lens import load_lens
        from cloudchamber.studies.cosmic_ray_sky.galaxy.lens_build import PACKAGED, LensSettings, ensure_lens

        if self.lens == "packaged":
            return load_lens(PACKAGED)
        if self.lens != "cached":
            return load_lens(Path(self.lens))
        settings = LensSettings(self.field, self.random)
        if np.log10(self.emin_ev / max(shares(self.composition))) - 18.0 < settings.lg_rigidity_min:
            # heavy nuclei need the slow, low rigidities too
            settings = LensSettings(self.field, self.random, lg_rigidity_min=0.0, bins=50)
        return load_lens(ensure_lens(settings))

    def _simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        events = len(theta["kind"])
        sources = draw_visible(events * self.n_sources, self.exposure, rng).reshape(events, self.n_sources, 3)
        sources[:, 0] = unit_vectors(theta["source_lon_deg"], theta["source_lat_deg"])
        lens = self.load_lens()
        seen = np.flatnonzero(theta["n_signal"] > 0)
        row = np.zeros(events, np.int64)
        row[seen] = np.arange(len(seen))

        beam = LensedSources(self, lens, sources[seen], rng)
        return draw_skies(self, theta["n_signal"], lambda source, rng: beam.arrive(row[source], rng), rng)


class LensedSources:
    """Groups of equally luminous sources, ``sources`` (groups, n, 3), behind a lens."""

    def __init__(self, sky: Lensed, lens: Lens, sources: np.ndarray, rng: np.random.Generator) -> None:
        bins = rigidity_bins(sky, lens)
        self._sky, self._lens, self._sources = sky, lens, sources.shape[1]
        self._place = np.full(len(lens.ends), -1)
        self._place[bins] = np.arange(len(bins))
        self._beam = lens.beam(sources.reshape(-1, 3), bins, rng)
        self._brightest = self._beam.totals.reshape(len(sources), self._sources * len(bins)).max(axis=1)
        if np.any(self._brightest == 0):
            raise ValueError("a source is not seen at any rigidity of this composition: its cosmic rays do not reach the Earth through this lens")

    def arrive(self, source: np.ndarray, rng: np.random.Generator) -> CosmicRays:
        """One cosmic ray for each entry of ``source`` (k,), the number of its group."""
        energy_ev, (charge, which, place) = np.empty(len(source)), np.empty((3, len(source)), np.int64)
        waiting = np.arange(len(source))
        while len(waiting):
            energy_ev[waiting], charge[waiting] = draw_energies(self._sky, len(waiting), rng)
            which[waiting] = source[waiting] * self._sources + rng.integers(0, self._sources, len(waiting))
            place[waiting] = self._place[self._lens.bin_of(np.log10(energy_ev[waiting] / charge[waiting]) - 18.0)]
            # magnification: a cosmic ray is kept as often as its path leads to the Earth
            bright = self._beam.totals[which[waiting], place[waiting]]
            waiting = waiting[rng.random(len(waiting)) * self._brightest[source[waiting]] >= bright]
        return CosmicRays(self._lens.draw(self._beam, which, place, rng), energy_ev, charge)


def rigidity_bins(sky: Lensed, lens: Lens) -> np.ndarray:
    """The lens's bins that the spectrum and the composition reach; ValueError where it has none for them."""
    lowest, highest = (lens.bin_of(np.log10(edge / np.array(list(shares(sky.composition)))) - 18.0) for edge in (sky.emin_ev, sky.emax_ev))
    return np.unique(np.concatenate([np.arange(low, high + 1) for low, high in zip(lowest, highest, strict=True)]))
