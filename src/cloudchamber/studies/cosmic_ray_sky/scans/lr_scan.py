"""Likelihood-ratio scan of the toy's law: the largest likelihood of a source, relative to isotropy, over its position, position angle and (asked for) share.

ln L = sum_i ln(1 + f (r_i / norm - 1)), f the share of signal cosmic rays, r_i the density of cosmic ray i under the law over that under isotropy.
A grid (sources x position angles) reads the terms from a table over energy, distance and position angle; the best places are then refined without a table.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cloudchamber.physics.exposure import visible
from cloudchamber.physics.sphere import EQUATORIAL_TO_GALACTIC, pixel_centres, tangent_basis, unit_vectors
from cloudchamber.schema import Ragged
from cloudchamber.studies.cosmic_ray_sky.likelihood.seen_share import seen_share
from cloudchamber.studies.cosmic_ray_sky.scans.lr_kernel import refine, refine_radial, search
from cloudchamber.studies.cosmic_ray_sky.scans.scans import check_maps
from cloudchamber.studies.cosmic_ray_sky.skies.composition import shares
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy

FRACTION = 0.03
"""Share of signal cosmic rays, near which the scan is meant to be sharpest."""
_LN_ENERGY_STEP, _DISTANCES, _CHORDS, _POSITION_ANGLES = 0.04, 91, 501, 32
"""The grid's table joins two steps of energy, which keeps it in a processor's cache."""
_LN_NORM_STEP, _SINES = 0.4, 129
_CUT = 1e-3
"""Terms below this are left out of the grid's sum."""
_CANDIDATES, _APART_DEG = 12, 6.0
"""Places to refine, and their least distance."""
_POLE = np.ascontiguousarray(EQUATORIAL_TO_GALACTIC[:, 2])


class LrScan(NamedTuple):
    """The largest ``ln_ratio``, and the ``source`` and share of signal there; (maps,) and (maps, 3), single values from one map."""

    ln_ratio: np.ndarray
    source: np.ndarray
    fraction: np.ndarray


def likelihood_ratio_scan(vectors: np.ndarray, energy_ev: np.ndarray, law: Toy, fraction: float | None = FRACTION, coherent: bool = True) -> LrScan:
    """Scan of one map: ``vectors`` (n, 3), ``energy_ev`` (n,)."""
    return LrScan(*(values[0] for values in likelihood_ratio_scans(Ragged.from_list([vectors]), Ragged.from_list([energy_ev]), law, fraction, coherent)))


def likelihood_ratio_scans(vectors: Ragged, energy_ev: Ragged, law: Toy, fraction: float | None = FRACTION, coherent: bool = True, nside: int = 8) -> LrScan:
    """Scan of many maps for one source that follows ``law``, seen through its exposure; ``fraction`` None: maximised too.

    Without ``coherent`` the position angle of each cosmic ray is ignored: the law is averaged over turns about the source, cosmic ray by cosmic ray.
    ``nside``: grid of sources before refinement (8: 7 deg apart).
    """
    if fraction is not None and not 0 < fraction < 1:
        raise ValueError(f"fraction: {fraction} is outside the allowed (0, 1)")
    check_maps(vectors, energy_ev)
    start = FRACTION if fraction is None else fraction
    row, energies_ev = _energy_rows(energy_ev.values)
    grid = _grid(law, nside, coherent)
    coarse = _ratio_table(law, np.sqrt(energies_ev[::2] * energies_ev[1::2]), np.linspace(0, np.pi, _DISTANCES), grid.norm.shape[1])
    table, cos_reach = _term_table(coarse, start / (1 - start) / grid.level_norm)
    radial = _ratio_table(law, energies_ev, 2 * np.arcsin(np.linspace(0, 1, _CHORDS)), 1)[..., 0]
    # the sum changes by about the number of signal cosmic rays times the change of ln norm
    ln_norm_left = np.log(grid.norm / grid.level_norm[grid.level])
    terms, norms = _law_terms(law, energies_ev), _norm_table(law, not coherent)
    found = LrScan(*(np.empty((len(vectors), *shape)) for shape in ((), (3,), ())))
    for m, (directions, rows) in enumerate(zip(vectors, Ragged(row, vectors.offsets), strict=True)):
        transposed, bonus = np.ascontiguousarray(directions.T, dtype=np.float32), -start * len(rows) * ln_norm_left
        best, turn = search(transposed, rows // 2, grid.frames.astype(np.float32), grid.level, cos_reach, table, bonus)
        chosen = _apart(grid.frames[:, 0], best)
        source, north, east = np.moveaxis(grid.frames[chosen], 1, 0)
        if coherent:
            psi = turn[chosen, None] * (2 * np.pi / grid.norm.shape[1])
            result = refine(directions, rows, terms, source.copy(), np.cos(psi) * north + np.sin(psi) * east, _POLE, grid.sines, norms, start, fraction is None)
        else:
            result = refine_radial(directions, rows, radial, source.copy(), _POLE, grid.sines, norms, start, fraction is None)
        found.ln_ratio[m], found.source[m], found.fraction[m] = result
    return found


class _Grid(NamedTuple):
    """Visible sources with north and east (sources, 3, 3); the density's norm (sources, position angles), and the nearest of its steps ``level_norm``;
    the range of the sines of the sources' declinations."""

    frames: np.ndarray
    norm: np.ndarray
    level: np.ndarray
    level_norm: np.ndarray
    sines: tuple[float, float]


@lru_cache(maxsize=8)
def _grid(law: Toy, nside: int, coherent: bool) -> _Grid:
    sources = pixel_centres(nside)
    sources = sources[visible(sources, law.exposure)]
    east, north = tangent_basis(sources)
    frames = np.stack((sources, north, east), axis=1)
    norm = seen_share(law, frames[:, None], 2 * np.pi * np.arange(_POSITION_ANGLES) / _POSITION_ANGLES)
    norm = norm if coherent else norm.mean(axis=1, keepdims=True)
    step = np.round(np.log(norm) / _LN_NORM_STEP).astype(np.int64)
    level_norm = np.exp(_LN_NORM_STEP * np.arange(step.min(), step.max() + 1))
    return _Grid(frames, norm, step - step.min(), level_norm, (float(np.min(sources @ _POLE)), float(np.max(sources @ _POLE))))


def _term_table(ratio: np.ndarray, odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln(1 + odds r) for each of ``odds`` (levels, energies, distances, 2 x position angles), and the cosine of each energy's largest distance that counts."""
    table = np.log1p(odds[:, None, None, None] * ratio).astype(np.float32)
    counts, last = table.max(axis=(0, 3)) > _CUT, table.shape[2] - 1
    reach = np.where(counts.any(axis=1), last - np.argmax(counts[:, ::-1], axis=1), 0)
    # twice around, so that a turn of the position angle is a slice
    return np.ascontiguousarray(np.concatenate((table, table), axis=-1)), np.cos(np.minimum(reach + 1, last) * np.pi / last)


@lru_cache(maxsize=8)
def _norm_table(law: Toy, turned: bool) -> np.ndarray:
    """``seen_share`` over a lattice of two sines of declination, the source's and that of the direction it is moved in; ``turned``: its mean over psi."""
    sines = np.linspace(-1, 1, _SINES)[:, None]
    east, north = tangent_basis(unit_vectors(0.0, np.rad2deg(np.arcsin(sines))))
    frames = np.stack((unit_vectors(0.0, np.rad2deg(np.arcsin(sines))), north, east), axis=-2) @ EQUATORIAL_TO_GALACTIC.T
    if turned:
        return seen_share(law, frames, 2 * np.pi * np.arange(64) / 64).mean(axis=1, keepdims=True)
    return seen_share(law, frames, np.arccos(np.clip(sines.T / np.maximum(np.sqrt(1 - sines**2), 1e-9), -1, 1)))


def _energy_rows(energy_ev: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row (n,) of each energy in tables over ``energies_ev`` (rows,), an even number of steps of one lattice whatever the energies."""
    step = np.floor(np.log(energy_ev / 1e18) / _LN_ENERGY_STEP).astype(np.int64)
    lowest = 2 * (step.min() // 2)
    return step - lowest, 1e18 * np.exp(_LN_ENERGY_STEP * (np.arange(lowest, 2 * (step.max() // 2) + 2) + 0.5))


def _law_terms(law: Toy, energy_ev: np.ndarray) -> np.ndarray:
    """cos alpha, sin alpha, kappa and the factor before the exponential, (4, energies, charges)."""
    charge, share = (np.array(list(part)) for part in zip(*shares(law.composition).items(), strict=True))
    rigidity = 1e-18 * energy_ev[:, None] / charge
    alpha, kappa = law.coherent_rad_ev / rigidity, (rigidity / law.blur_rad_ev) ** 2
    return np.stack((np.cos(alpha), np.sin(alpha), kappa, share * 2 * kappa / -np.expm1(-2 * kappa)))


def _ratio_table(law: Toy, energy_ev: np.ndarray, distance_rad: np.ndarray, position_angles: int) -> np.ndarray:
    """r (energies, distances from the source, position angles relative to psi); its mean over position angles where there is one only."""
    from scipy.special import i0e

    distance = distance_rad[:, None]
    around = np.cos(2 * np.pi * np.arange(position_angles) / position_angles)
    table = np.zeros((len(energy_ev), len(distance_rad), position_angles))
    for cosine, sine, kappa, factor in np.moveaxis(_law_terms(law, energy_ev)[..., None, None], 2, 0):
        along, across = cosine * np.cos(distance), sine * np.sin(distance)
        if position_angles > 1:
            table += factor * np.exp(kappa * (along + across * around - 1))
        else:
            turned = kappa * np.abs(across)
            table += factor * np.exp(kappa * (along - 1) + turned) * i0e(turned)
    return table


def _apart(sources: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Numbers of the best sources, no two closer than 6 deg."""
    chosen: list[int] = []
    for place in np.argsort(value)[::-1]:
        if not chosen or np.max(sources[chosen] @ sources[place]) < np.cos(np.deg2rad(_APART_DEG)):
            chosen.append(int(place))
        if len(chosen) == _CANDIDATES:
            break
    return np.array(chosen)
