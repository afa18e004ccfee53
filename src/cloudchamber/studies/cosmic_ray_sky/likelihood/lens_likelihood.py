"""What a lens says of single cosmic rays: the density ratios of one source anywhere in the visible sky, for the Bayes factors of ``likelihood``.

A cosmic ray of energy E at x has the ratio sum_Z share_Z M(x, s, E/Z) / norm(s) to isotropy, norm(s) the mean of exposure times M over all arrivals, energies
and charges: how much of the source is seen.
"""

from __future__ import annotations

import numpy as np

from cloudchamber.physics.exposure import exposure_at, visible
from cloudchamber.physics.sphere import pixel_centres
from cloudchamber.studies.cosmic_ray_sky.skies.composition import shares
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed

_QUANTILES = 4096


class LensDensity:
    """A ``SourceDensity``: the hypotheses are sources at the centres of the visible pixels of ``nside``, ``sources`` (hypotheses, 3), equally likely."""

    def __init__(self, sky: Lensed, nside: int = 32) -> None:
        if sky.n_sources != 1:
            raise ValueError(f"n_sources: the likelihood is that of one source, not of {sky.n_sources}")
        self._lens, self._nside, self._shares = sky.load_lens(), nside, shares(sky.composition)
        centres = pixel_centres(nside)
        self._pixels = np.flatnonzero(visible(centres, sky.exposure))
        self.sources = centres[self._pixels]
        self._norm = self._seen(sky)
        self._last: tuple[bytes, np.ndarray] = (b"", np.empty(0))

    @property
    def log_prior(self) -> np.ndarray:
        """ln of each hypothesis' prior probability (hypotheses,)."""
        return np.full(len(self.sources), -np.log(len(self.sources)))

    def ratios(self, vectors: np.ndarray, energy_ev: np.ndarray, hypotheses: np.ndarray) -> np.ndarray:
        """p(direction | source, energy, seen) / p(direction | isotropy, seen), (len(hypotheses), n), for numbers of hypotheses; one sky is kept in memory."""
        key = np.asarray(vectors).tobytes() + np.asarray(energy_ev).tobytes()
        if key != self._last[0]:
            lg_energy = np.log10(np.asarray(energy_ev, float)) - 18.0
            total = np.zeros((len(lg_energy), 12 * self._nside**2), np.float32)
            for z, share in self._shares.items():
                total += np.float32(share) * self._lens.source_density(vectors, lg_energy - np.log10(z), self._nside)
            self._last = key, total[:, self._pixels].T / self._norm[:, None]
        return self._last[1][hypotheses]

    def _seen(self, sky: Lensed) -> np.ndarray:
        """Share (hypotheses,) of each source that is seen, relative to an isotropic flux."""
        exposure = exposure_at(pixel_centres(self._lens.settings.nside), sky.exposure)
        energy = sky.spectrum.quantiles((np.arange(_QUANTILES) + 0.5) / _QUANTILES, sky.emin_ev, sky.emax_ev)
        weights = np.zeros(len(self._lens.ends))
        for z, share in self._shares.items():
            weights += share / _QUANTILES * np.bincount(self._lens.bin_of(np.log10(energy / z) - 18.0), minlength=len(weights))
        edges = self._lens.settings.lg_edges
        middle = 0.5 * (edges[1:] + edges[:-1])
        seen = np.sum([weights[b] * self._lens.seen_flux(exposure, middle[b], self._nside) for b in np.flatnonzero(weights)], axis=0)
        return np.maximum(seen[self._pixels], 1e-6)
