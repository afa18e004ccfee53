"""The Galactic magnetic field as a lens: which direction outside the Galaxy each pixel of the sky looks at, for each rigidity, and with that which way and how
bright a source appears.

By Liouville's theorem the flux is constant along a path, so an isotropic flux outside is isotropic at the Earth, and the flux that pixel q receives from the
direction s is the share of the particles backtracked from q that end at s. With particles k from each pixel, of end e_qk, the arrival density (relative to
uniform) at x of a source at s of unit flux is

    M(x, s) = mean over q, k of V_a(x, q) V_s(s, e_qk),

V a von Mises-Fisher density relative to uniform, of the angular resolution on the sky, and of the source's size and extragalactic blur (~ 1/R) outside. Its
mean over x is the magnification of the source, its mean over s is 1.

References: D. Harari, S. Mollerach, E. Roulet, JHEP 08 (1999) 022; H.-P. Bretz et al., Astropart. Phys. 54 (2014) 110 (PARSEC lenses).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from cloudchamber.physics.sphere import move, nested_pixels, pixel_centres, von_mises_fisher
from cloudchamber.studies.cosmic_ray_sky.galaxy.lens_build import LensSettings, read_lens

_STENCIL = 64
"""The source's blur is sampled at this many points of equal weight."""
_GOLDEN_RAD = np.pi * (3.0 - np.sqrt(5.0))
_LEAST_SIGMA_PIXELS = 0.6
"""A narrower blur would show the pixels."""
_CUT_SIGMA = 4.0


@dataclass(frozen=True, eq=False)
class Beam:
    """Sources (m, 3) seen through chosen rigidity bins: ``cumulative`` (m * bins * _STENCIL + 1,) particles, and where those begin in the lens's lists."""

    bins: np.ndarray
    cumulative: np.ndarray
    begin: np.ndarray
    totals: np.ndarray
    """(m, bins): particles that come from each source; the magnification times a constant."""


@dataclass(frozen=True, eq=False)
class Lens:
    """``ends`` (bins, pixels, per_pixel): the pixel outside the Galaxy that each backtracked particle ends in."""

    settings: LensSettings
    ends: np.ndarray
    resolution_deg: float = 1.0
    source_size_deg: float = 0.6
    source_blur_rad_ev: float = 0.5

    def __post_init__(self) -> None:
        for name in ("resolution_deg", "source_size_deg", "source_blur_rad_ev"):
            if not 0 <= getattr(self, name) <= 30:
                raise ValueError(f"{name}: {getattr(self, name)} is outside the allowed [0, 30]")

    @property
    def n_pixels(self) -> int:
        """Pixels of the sky."""
        return self.ends.shape[1]

    @property
    def arrival_sigma_rad(self) -> float:
        """Width of the blur at the Earth: the resolution, or what smooths the pixels."""
        return float(max(np.deg2rad(self.resolution_deg), _LEAST_SIGMA_PIXELS * self._pixel_rad))

    @property
    def source_sigma_rad(self) -> np.ndarray:
        """Width (bins,) of the blur outside the Galaxy."""
        edges = self.settings.lg_edges
        size = max(np.deg2rad(self.source_size_deg), _LEAST_SIGMA_PIXELS * self._pixel_rad)
        return np.hypot(size, self.source_blur_rad_ev / 10.0 ** (0.5 * (edges[1:] + edges[:-1])))

    def bin_of(self, lg_rigidity: np.ndarray | float) -> np.ndarray:
        """The rigidity bin of lg(R/EV); ValueError outside the lens."""
        edges, lg = self.settings.lg_edges, np.asarray(lg_rigidity, float)
        bad = ~((lg >= edges[0] - 1e-9) & (lg <= edges[-1] + 1e-9))
        if bad.any():
            raise ValueError(f"rigidity: lg(R/EV) = {lg[bad].flat[0]:.4g} is outside the lens's [{edges[0]:g}, {edges[-1]:g}]: build one that reaches it")
        return np.clip(np.searchsorted(edges, lg, side="right") - 1, 0, len(edges) - 2)

    def beam(self, sources: np.ndarray, bins: np.ndarray, generator: np.random.Generator | None = None) -> Beam:
        """Prepare drawing from ``sources`` (m, 3) through rigidity ``bins``; the blur's sample points are turned at random if a generator is given."""
        bins = np.asarray(bins)
        pixels = self._stencil(np.asarray(sources, float), bins, generator)
        begin = self._first[bins[:, None], pixels]
        counts = self._first[bins[:, None], pixels + 1] - begin
        return Beam(bins, np.concatenate(([0], np.cumsum(counts, dtype=np.int64))), begin.ravel(), counts.sum(axis=-1))

    def draw(self, beam: Beam, source: np.ndarray, which: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Arrival directions (k, 3) of cosmic rays from the beam's source number ``source`` (k,) in its bin number ``which`` (k,)."""
        at = (source * len(beam.bins) + which) * _STENCIL
        low, total = beam.cumulative[at], beam.totals[source, which]
        if np.any(total == 0):
            raise ValueError("a source is not seen at all at that rigidity: its light does not reach the Earth through this lens")
        chosen = low + np.floor(generator.random(len(at)) * total).astype(np.int64)
        point = np.searchsorted(beam.cumulative, chosen, side="right") - 1
        entry = beam.begin[point] + chosen - beam.cumulative[point]
        return von_mises_fisher(self._centres[self._arrival[beam.bins[which], entry]], self.arrival_sigma_rad, generator)

    def magnification(self, sources: np.ndarray, lg_rigidity: np.ndarray | float) -> np.ndarray:
        """Flux (m, rigidities) at the Earth of ``sources`` (m, 3) relative to that without the field."""
        bins = np.atleast_1d(self.bin_of(lg_rigidity))
        return self.beam(sources, bins).totals / (_STENCIL * self.settings.per_pixel)

    def density(self, source: np.ndarray, lg_rigidity: float) -> np.ndarray:
        """M(x, s) at the centres x of all pixels, of one ``source`` (3,): arrival density relative to uniform, times the magnification, which is its mean."""
        b = int(self.bin_of(lg_rigidity))
        pixels = self._stencil(np.asarray(source, float)[None], np.array([b]), None).ravel()
        first = self._first[b]
        entries = np.concatenate([self._arrival[b, first[p] : first[p + 1]] for p in pixels])
        counts = np.bincount(entries, minlength=self.n_pixels)
        return self._arrival_blur @ (counts * (self.n_pixels / (_STENCIL * self.settings.per_pixel)))

    def source_density(self, arrivals: np.ndarray, lg_rigidity: np.ndarray, nside: int = 32) -> np.ndarray:
        """M(x, s) of ``arrivals`` x (n, 3) of lg(R/EV) ``lg_rigidity`` (n,) for sources s at all pixel centres of ``nside``: (n, 12 nside^2), float32."""
        bins = self.bin_of(np.broadcast_to(lg_rigidity, len(arrivals)))
        weights = _blur(np.asarray(arrivals, float), self.settings.nside, self.arrival_sigma_rad, self._tree) / self.n_pixels
        result = np.empty((len(arrivals), 12 * nside**2), dtype=np.float32)
        for b in np.unique(bins):
            chosen = np.flatnonzero(bins == b)
            seen = self._rows(int(b), min(nside, self.settings.nside))
            blurred = (weights[chosen] @ seen @ self._source_blur(int(b), nside)).toarray()
            result[chosen] = np.repeat(blurred, 12 * nside**2 // blurred.shape[1], axis=1)
        return result

    def seen_flux(self, exposure: np.ndarray, lg_rigidity: float, nside: int = 32) -> np.ndarray:
        """Mean over arrivals x of ``exposure`` (pixels,) times M(x, s), for sources s at all pixel centres of ``nside``; the magnification if it is 1."""
        b = int(self.bin_of(lg_rigidity))
        weights = self._arrival_blur.T @ exposure / self.n_pixels
        blurred = weights @ self._rows(b, min(nside, self.settings.nside)) @ self._source_blur(b, nside)
        return np.repeat(blurred, 12 * nside**2 // len(blurred))

    @property
    def _pixel_rad(self) -> float:
        return float(np.sqrt(4.0 * np.pi / self.n_pixels))

    @cached_property
    def _centres(self) -> np.ndarray:
        return pixel_centres(self.settings.nside)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._centres)

    @cached_property
    def _lists(self) -> tuple[np.ndarray, np.ndarray]:
        """Arrival pixels (bins, particles) sorted by the pixel that they end in, and where those of each begin (bins, pixels + 1)."""
        flat = self.ends.reshape(len(self.ends), -1)
        arrival = np.stack([np.argsort(row, kind="stable") // self.settings.per_pixel for row in flat]).astype(np.uint16)
        counts = np.stack([np.bincount(row, minlength=self.n_pixels) for row in flat])
        return arrival, np.concatenate((np.zeros((len(flat), 1), np.int32), np.cumsum(counts, axis=1, dtype=np.int32)), axis=1)

    @property
    def _arrival(self) -> np.ndarray:
        return self._lists[0]

    @property
    def _first(self) -> np.ndarray:
        return self._lists[1]

    @cached_property
    def _arrival_blur(self) -> csr_array:
        # the density of one pixel's flux is spread over its neighbours: columns of mean 1, rows at the pixel centres
        return csr_array(_blur(self._centres, self.settings.nside, self.arrival_sigma_rad, self._tree) / self.n_pixels)

    def _stencil(self, sources: np.ndarray, bins: np.ndarray, generator: np.random.Generator | None) -> np.ndarray:
        """Pixels (m, bins, _STENCIL) about each source: a sunflower of equal weights, spread as the source's blur."""
        sigma_2 = self.source_sigma_rad[bins, None] ** 2
        versine = -sigma_2 * np.log1p((np.arange(_STENCIL) + 0.5) / _STENCIL * np.expm1(-2.0 / sigma_2))
        angle = 2.0 * np.arcsin(np.sqrt(versine / 2.0))
        turn = np.zeros(len(sources)) if generator is None else generator.uniform(0.0, 2.0 * np.pi, len(sources))
        position = turn[:, None, None] + _GOLDEN_RAD * np.arange(_STENCIL)
        return nested_pixels(self.settings.nside, move(sources[:, None, None], angle, position))

    def _rows(self, b: int, nside: int) -> csr_array:
        """The lens of a bin as a matrix (pixels, 12 nside^2): the share of each arrival pixel that ends in each pixel of ``nside``."""
        ends = self.ends[b].astype(np.int64).ravel() // (self.settings.nside // nside) ** 2
        offsets = np.arange(self.n_pixels + 1) * self.settings.per_pixel
        return csr_array((np.full(len(ends), 1.0 / self.settings.per_pixel, np.float32), ends, offsets), shape=(self.n_pixels, 12 * nside**2))

    @lru_cache(maxsize=64)  # noqa: B019 - a lens lives as long as the process
    def _source_blur(self, b: int, nside: int) -> csr_array:
        """The source's blur of a bin from pixels of ``nside`` to as coarse pixels as it allows."""
        sigma = float(self.source_sigma_rad[b])
        start = coarse = min(nside, self.settings.nside)
        while coarse > 1 and np.sqrt(np.pi / 3.0) / (coarse / 2) < sigma / 1.5:
            coarse //= 2
        return csr_array(_blur(pixel_centres(start), coarse, sigma, cKDTree(pixel_centres(coarse)))).astype(np.float32)


def load_lens(path: Path, resolution_deg: float = 1.0, source_size_deg: float = 0.6, source_blur_rad_ev: float = 0.5) -> Lens:
    """The lens at ``path``, with the blurs; a lens is kept for the next call."""
    return _load(path, resolution_deg, source_size_deg, source_blur_rad_ev)


@lru_cache(maxsize=2)
def _load(path: Path, resolution_deg: float, source_size_deg: float, source_blur_rad_ev: float) -> Lens:
    settings, ends = read_lens(path)
    return Lens(settings, ends, resolution_deg, source_size_deg, source_blur_rad_ev)


def _blur(points: np.ndarray, nside: int, sigma_rad: float, tree: cKDTree) -> csr_array:
    """Von Mises-Fisher densities relative to uniform, (points, 12 nside^2), of pixel centres about ``points``; each row has the mean 1 over the sky."""
    radius = 2.0 * np.sin(min(_CUT_SIGMA * sigma_rad, np.pi) / 2.0)
    near = cKDTree(points).sparse_distance_matrix(tree, max(radius, 2.0 / nside), output_type="coo_matrix").tocsr()
    # half the squared chord is 1 - cos(angle)
    near.data = np.exp(-0.5 * (near.data / sigma_rad) ** 2)
    near = csr_array(near)
    scale = 12 * nside**2 / near.sum(axis=1)
    near.data *= np.repeat(scale, np.diff(near.indptr))
    return near
