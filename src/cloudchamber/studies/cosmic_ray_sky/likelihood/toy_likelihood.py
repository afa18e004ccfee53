"""The exact Bayes factor of the toy: the source's place on a HEALPix grid that is refined where the weight is, times a ring of position angles.

Both sums converge as the trapezium rule does for smooth functions: exponentially, once the grid is finer than the peaks are wide.

References: L. N. Trefethen and J. A. C. Weideman, SIAM Review 56 (2014) 385.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cloudchamber.physics.exposure import visible
from cloudchamber.physics.sphere import pixel_centres, tangent_basis, unit_vectors
from cloudchamber.schema import Table
from cloudchamber.studies.cosmic_ray_sky.likelihood.counts import first_tilt, log_fixed, memberships
from cloudchamber.studies.cosmic_ray_sky.likelihood.likelihood import combine, corrected, log_sum, systematic, tilt_steps
from cloudchamber.studies.cosmic_ray_sky.likelihood.seen_share import seen_share
from cloudchamber.studies.cosmic_ray_sky.likelihood.toy_kernel import log_products, single_ratios
from cloudchamber.studies.cosmic_ray_sky.skies.composition import shares
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy

_FIRST_NSIDE, _LAST_NSIDE = 16, 256
_ENOUGH_CELLS = 25.0
"""A peak that spreads over so many pixels is summed to 1e-3."""
_DEEP = 7.0
"""Pixels with less than exp(-7) of the highest weight stay as they are."""
_SAMPLES = 300


class Rays(NamedTuple):
    """Directions (n, 3), and for each charge (n, charges): kappa, cosine and sine of the coherent deflection, ln(share * 2 kappa / (1 - exp(-2 kappa)))."""

    vectors: np.ndarray
    kappa: np.ndarray
    cos_alpha: np.ndarray
    sin_alpha: np.ndarray
    log_share: np.ndarray


class Hypotheses(NamedTuple):
    """Sources with their tangent frames (s, 3, 3) and ln prior (s,); seen share and ln of prior times (estimated) density ratio, (s, position angles) each."""

    frames: np.ndarray
    log_prior: np.ndarray
    seen: np.ndarray
    log_weights: np.ndarray


def log_bayes_factors(toy: Toy, x: Table, n_signal: int | np.ndarray) -> np.ndarray:
    """ln of the Bayes factor of each sky of ``x`` (events,), for ``n_signal`` cosmic rays of one source, one number or one an event.

    With ``toy.binomial`` that is a mean number, else the exact one. ValueError for a toy of more than one source.
    """
    counts = np.broadcast_to(n_signal, len(x["energy_ev"]))
    return np.array([log_bayes_factor(toy, rays, int(k)) for rays, k in zip(_skies(toy, x), counts, strict=True)])


def source_probabilities(toy: Toy, x: Table, n_signal: int | np.ndarray) -> list[np.ndarray]:
    """For each sky of ``x`` the probability of each cosmic ray to come from the source, given the sky and that it has a source."""
    found = []
    for rays, k in zip(_skies(toy, x), np.broadcast_to(n_signal, len(x["energy_ev"])), strict=True):
        grid = hypotheses(toy, rays, int(k))
        chosen = systematic(grid.log_weights.ravel(), _SAMPLES)
        found.append(memberships(_ratios(rays, grid, chosen), int(k), toy.binomial).mean(axis=0))
    return found


def _skies(toy: Toy, x: Table) -> list[Rays]:
    if toy.n_sources != 1:
        raise ValueError(f"n_sources: the Bayes factor is known for 1 source, not for {toy.n_sources}")
    columns = (x["lon_deg"], x["lat_deg"], x["energy_ev"])
    return [prepare(toy, unit_vectors(lon, lat), energy.astype(float)) for lon, lat, energy in zip(*columns, strict=True)]


def prepare(toy: Toy, vectors: np.ndarray, energy_ev: np.ndarray) -> Rays:
    """Cosmic rays from ``vectors`` (n, 3) of ``energy_ev`` (n,), made ready for the toy's law."""
    mixture = shares(toy.composition)
    rigidity = 1e-18 * energy_ev[:, None] / np.array(list(mixture))
    kappa, alpha = (rigidity / toy.blur_rad_ev) ** 2, toy.coherent_rad_ev / rigidity
    return Rays(vectors, kappa, np.cos(alpha), np.sin(alpha), np.log(np.array(list(mixture.values())) * 2 * kappa / -np.expm1(-2 * kappa)))


def log_bayes_factor(toy: Toy, rays: Rays, n_signal: int) -> float:
    """ln of the Bayes factor of one sky's ``rays``."""
    grid = hypotheses(toy, rays, n_signal)
    if toy.binomial:
        return log_sum(grid.log_weights.ravel())
    angles = grid.seen.shape[1]
    return corrected(grid.log_weights.ravel(), lambda h: log_fixed(_ratios(rays, grid, h), n_signal) + grid.log_prior[h // angles])


def _ratios(rays: Rays, grid: Hypotheses, chosen: np.ndarray) -> np.ndarray:
    """Density ratios (chosen, n) for positions in the flattened grid."""
    angles = grid.seen.shape[1]
    psi_rad = chosen % angles * (2 * np.pi / angles)
    return single_ratios(grid.frames[chosen // angles], *rays, np.cos(psi_rad), np.sin(psi_rad)) / grid.seen.ravel()[chosen, None]


def hypotheses(toy: Toy, rays: Rays, n_signal: int) -> Hypotheses:
    """All sources and position angles, the sources' grid finer where the weight of this sky is."""
    nside, pixels, parts = _FIRST_NSIDE, np.arange(12 * _FIRST_NSIDE**2), []
    while True:
        pixels = pixels[_visible(nside, toy.exposure)[pixels]]
        level = _evaluate(toy, rays, n_signal, nside, pixels)
        weight = np.exp(level.log_weights - level.log_weights.max()).sum(axis=1)
        done = weight < math.exp(-_DEEP) * weight.max()
        if nside == _LAST_NSIDE or weight.sum() ** 2 / (weight**2).sum() > _ENOUGH_CELLS:
            done[:] = True
        parts.append(Hypotheses(*(column[done] for column in level)))
        if done.all():
            return Hypotheses(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        pixels, nside = (4 * pixels[~done, None] + np.arange(4)).ravel(), 2 * nside


def _evaluate(toy: Toy, rays: Rays, n_signal: int, nside: int, pixels: np.ndarray) -> Hypotheses:
    n, angles, frames = len(rays.vectors), _position_angles(toy, n_signal), _frames(nside)[pixels]
    psi_rad = np.arange(angles) * (2 * np.pi / angles)
    seen = seen_share(toy, frames[:, None], psi_rad)
    cosine, sine = np.cos(psi_rad).astype(np.float32), np.sin(psi_rad).astype(np.float32)
    products = log_products(frames, first_tilt(n_signal, n) / seen, tilt_steps(toy.binomial), *rays, cosine, sine)
    log_prior = np.full(len(pixels), -math.log(12 * nside**2 * float(_visible(64, toy.exposure).mean()) * angles))
    return Hypotheses(frames, log_prior, seen, combine(products, n_signal, n, toy.binomial) + log_prior[:, None])


def _position_angles(toy: Toy, n_signal: int) -> int:
    """Steps of at most twice the width in psi that so many cosmic rays leave, a multiple of 16."""
    width = 2 * np.pi if toy.coherent_rad_ev == 0 else toy.blur_rad_ev / toy.coherent_rad_ev / math.sqrt(n_signal)
    return 16 * math.ceil(2 * np.pi / (2.0 * width) / 16)


@lru_cache(maxsize=8)
def _frames(nside: int) -> np.ndarray:
    """Each pixel's direction and tangent vectors to the north and to the east, (pixels, 3, 3)."""
    centres = pixel_centres(nside)
    east, north = tangent_basis(centres)
    return np.stack((centres, north, east), axis=1)


@lru_cache(maxsize=16)
def _visible(nside: int, exposure: str) -> np.ndarray:
    return visible(pixel_centres(nside), exposure)


class ToyGrid:
    """The toy as a ``likelihood.SourceDensity`` on a plain grid of ``nside`` and ``n_psi`` position angles: slow, to judge the refined grid by."""

    def __init__(self, toy: Toy, nside: int, n_psi: int) -> None:
        frames = _frames(nside)[_visible(nside, toy.exposure)]
        self._toy, self._psi_rad = toy, np.tile(np.arange(n_psi) * (2 * np.pi / n_psi), len(frames))
        self._frames = np.repeat(frames, n_psi, axis=0)

    @property
    def log_prior(self) -> np.ndarray:
        """Each hypothesis equally likely."""
        return np.full(len(self._frames), -math.log(len(self._frames)))

    def ratios(self, vectors: np.ndarray, energy_ev: np.ndarray, hypotheses: np.ndarray) -> np.ndarray:
        """Density ratios (hypotheses, n)."""
        frames, psi_rad = self._frames[hypotheses], self._psi_rad[hypotheses]
        found = single_ratios(frames, *prepare(self._toy, vectors, energy_ev), np.cos(psi_rad), np.sin(psi_rad))
        return found / seen_share(self._toy, frames, psi_rad)[:, None]
