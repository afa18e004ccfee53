"""Cosmic rays followed back from the Earth to the edge of the Galaxy, through the coherent and, step by step, the random magnetic field.

An antiparticle that leaves the Earth in the direction from which the cosmic ray came runs the same path backwards. Each step is half a drift, an exact rotation
about the field at the middle, and half a drift: second order in the step, and the momentum keeps its length.

The random field turns over within a coherence length l = 60 pc, far below the Larmor radius (1.1 kpc R[EV] / B[uG]), so that it deflects by a random walk:
the two angles gain the variance (k B_rms / R)^2 l / 4 each a path length. A step ds thus sees, in place of one realisation, an uncorrelated Gaussian field of
the same integral, B_rms sqrt(l / (4 ds)) a component. The striated field, of either sign with equal chance over 100 pc, is sampled in the same way.

JF12's random field serves all coherent fields, its striated field JF12 alone.

References: D. Harari et al., JHEP 03 (2002) 045 (random walk); R. Jansson, G. R. Farrar, ApJ 761 (2012) L11.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin, sqrt

import numpy as np
from numba import njit

from cloudchamber.studies.cosmic_ray_sky.galaxy import jf12
from cloudchamber.studies.cosmic_ray_sky.galaxy.fields import BOUNDARY, EARTH_X, field, field_parameters

TURN_RAD_EV = 299792458.0 * 1e-10 * 3.0856775814913673e19 / 1e18
"""Rigidity times angle gained per microgauss and kpc: 1 kpc 1e-10 T c / (1e18 V)."""
COHERENCE_KPC = 0.06
STRIPE_KPC = 0.1
MAX_PATH_KPC = 300.0
"""A particle still inside after this path is taken as it flies then."""


@dataclass(frozen=True)
class Paths:
    """Ends of backtracked particles: ``directions`` (n, 3) outside the Galaxy, which point to the source, and ``lengths_kpc`` (n,) of their paths."""

    directions: np.ndarray
    lengths_kpc: np.ndarray


def step_kpc(rigidity_ev: np.ndarray) -> np.ndarray:
    """A step in which the field turns a particle by a small angle: 0.1 kpc from 5 EV on, less below in proportion."""
    return np.minimum(0.1, 0.02 * np.asarray(rigidity_ev, float))


def backtrack(
    arrival: np.ndarray, rigidity_ev: np.ndarray | float, name: str, random: bool, rng: np.random.Generator, longest_step_kpc: float | None = None
) -> Paths:
    """Follow particles seen from ``arrival`` (n, 3), of ``rigidity_ev`` (n,) or one for all, out through the field ``name``; ``random`` adds the random field.

    ``longest_step_kpc`` replaces ``step_kpc`` of the rigidity.
    """
    arrival = np.ascontiguousarray(arrival, dtype=np.float64)
    rigidity = np.ascontiguousarray(np.broadcast_to(np.asarray(rigidity_ev, float), len(arrival)))
    if np.any(~(rigidity > 0)):
        raise ValueError(f"rigidity_ev must be above 0 EV, got {rigidity[~(rigidity > 0)][0]}")
    steps = step_kpc(rigidity) if longest_step_kpc is None else np.full(len(arrival), float(longest_step_kpc))
    striation = (jf12.STRIATION if name == "jf12" else 0.0) if random else 0.0
    ends, lengths = np.empty_like(arrival), np.empty(len(arrival))
    _follow(arrival, rigidity, steps, field_parameters(name), random, striation, rng, ends, lengths)
    return Paths(ends, lengths)


@njit(cache=True, nogil=True)
def _follow(
    arrival: np.ndarray,
    rigidity_ev: np.ndarray,
    steps: np.ndarray,
    parameters: np.ndarray,
    random: bool,
    striation: float,
    rng: np.random.Generator,
    ends: np.ndarray,
    lengths: np.ndarray,
) -> None:
    boundary_2 = parameters[BOUNDARY] ** 2
    for i in range(len(arrival)):
        x, y, z = parameters[EARTH_X], 0.0, 0.0
        u, v, w = arrival[i, 0], arrival[i, 1], arrival[i, 2]
        ds = steps[i]
        turn = TURN_RAD_EV / rigidity_ev[i] * ds
        stripes, kicks = striation * sqrt(STRIPE_KPC / ds), sqrt(COHERENCE_KPC / (4.0 * ds))
        path = 0.0
        while x * x + y * y + z * z < boundary_2 and path < MAX_PATH_KPC:
            x += 0.5 * ds * u
            y += 0.5 * ds * v
            z += 0.5 * ds * w
            bx, by, bz = field(x, y, z, parameters)
            if random:
                if striation > 0.0:
                    stripe = 1.0 + (stripes if rng.random() < 0.5 else -stripes)
                    bx, by, bz = bx * stripe, by * stripe, bz * stripe
                kick = kicks * jf12.random_rms_ug(x, y, z)
                bx += kick * rng.standard_normal()
                by += kick * rng.standard_normal()
                bz += kick * rng.standard_normal()
            strength = sqrt(bx * bx + by * by + bz * bz)
            if strength > 0.0:
                # a negative charge turns right-handed about the field (Rodrigues' formula)
                angle = turn * strength
                c, s = cos(angle), sin(angle) / strength
                along = (1.0 - c) * (bx * u + by * v + bz * w) / (strength * strength)
                u, v, w = (
                    c * u + s * (by * w - bz * v) + along * bx,
                    c * v + s * (bz * u - bx * w) + along * by,
                    c * w + s * (bx * v - by * u) + along * bz,
                )
            x += 0.5 * ds * u
            y += 0.5 * ds * v
            z += 0.5 * ds * w
            path += ds
        norm = sqrt(u * u + v * v + w * w)
        ends[i, 0], ends[i, 1], ends[i, 2] = u / norm, v / norm, w / norm
        lengths[i] = path
