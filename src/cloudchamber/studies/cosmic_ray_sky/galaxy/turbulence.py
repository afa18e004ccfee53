"""A realisation of the random field: Gaussian, free of divergence, Kolmogorov spectrum, in a periodic box; and the small deflections that it gives.

It checks the random walk of ``backtrack``, which replaces realisations by their mean.
"""

from __future__ import annotations

import numpy as np

from cloudchamber.studies.cosmic_ray_sky.galaxy.backtrack import COHERENCE_KPC, TURN_RAD_EV
from cloudchamber.studies.cosmic_ray_sky.galaxy.fields import BOUNDARY, EARTH_X, field_parameters, random_rms_at

CELL_KPC = 0.008
SCALES_KPC = (0.016, 0.255)
"""Shortest and longest wavelength; their coherence length is 60 pc."""


def kolmogorov_box(cells: int, rng: np.random.Generator) -> np.ndarray:
    """A field (cells, cells, cells, 3) of rms strength 1, in cells of ``CELL_KPC``, whose power per mode falls as k^(-11/3)."""
    k = 2.0 * np.pi * np.fft.fftfreq(cells, CELL_KPC)
    kx, ky, kz = np.meshgrid(k, k, k[: cells // 2 + 1] * np.r_[np.ones(cells // 2), -1.0], indexing="ij")
    waves = np.stack((kx, ky, kz), axis=-1)
    length = np.linalg.norm(waves, axis=-1)
    inside = (length >= 2.0 * np.pi / SCALES_KPC[1]) & (length <= 2.0 * np.pi / SCALES_KPC[0])
    amplitude = np.where(inside, np.where(inside, length, 1.0) ** (-11.0 / 6.0), 0.0)
    modes = np.fft.rfftn(rng.standard_normal((cells, cells, cells, 3)), axes=(0, 1, 2)) * amplitude[..., None]
    unit = waves / np.where(length > 0, length, 1.0)[..., None]
    modes -= unit * np.sum(modes * unit, axis=-1, keepdims=True)
    box = np.fft.irfftn(modes, s=(cells,) * 3, axes=(0, 1, 2))
    return box / np.sqrt(np.mean(np.sum(box**2, axis=-1)))


def small_deflections_rad_ev(directions: np.ndarray, box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deflection times rigidity (n, 3) by realisations of JF12's random field on straight lines from the Earth: a box, shifted at random for each line."""
    earth, path, ds = _line(CELL_KPC / 2.0)
    total = np.empty((len(directions), 3))
    for i, direction in enumerate(directions):
        positions = path[:, None] * direction
        cells = np.floor((positions + rng.uniform(0.0, 1.0, 3)) / CELL_KPC).astype(np.int64) % len(box)
        strength = random_rms_at(positions + earth)
        total[i] = np.cross((strength[:, None] * box[tuple(cells.T)]).sum(axis=0), direction)
    return TURN_RAD_EV * ds * total


def random_walk_rms_rad_ev(directions: np.ndarray) -> np.ndarray:
    """rms deflection times rigidity (n,) of a random walk along straight lines from the Earth: k sqrt(l / 2 integral of B_rms^2)."""
    earth, path, ds = _line(0.02)
    power = [np.sum(random_rms_at(path[:, None] * direction + earth) ** 2) for direction in directions]
    return TURN_RAD_EV * np.sqrt(COHERENCE_KPC / 2.0 * ds * np.array(power))


def _line(ds: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The Earth (3,), and the middles of steps ``ds`` that lead out of the Galaxy."""
    parameters = field_parameters("jf12")
    return np.array([parameters[EARTH_X], 0.0, 0.0]), ds * (0.5 + np.arange(int((parameters[BOUNDARY] - parameters[EARTH_X]) / ds))), ds
