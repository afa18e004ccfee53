"""Landau's distribution of energy deposits: a sampler by its inverse, and where its endless tail has to end.

References: L. Landau, J. Phys. USSR 8 (1944) 201; GEANT 3.21, CERN Program Library W5013, PHYS332.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.flux.spectra import NUCLEONS
from cloudchamber.studies.bolometer.wafer.stopping import kinematics, landau_width_mev, most_probable_mev

Array = NDArray[Any]

MODE = -0.22278
EULER = 0.5772156649
LEAST_MEV = 1e-6
LEAST, MOST = -4.0, 1e8
"""The range that is drawn from: less than 1e-15 is below, and the tail never gets there."""


def upper_tail(value: Array) -> Array:
    """P(lambda > value): the integral of exp(-t ln t - value t) sin(pi t) / (pi t) over t > 0."""
    value = np.atleast_1d(np.asarray(value, float))
    # in ln t; for large values the integrand lives at t ~ 1 / value
    log_t = np.linspace(-30.0, np.log(120.0), 12_001)
    t = np.exp(log_t)
    found = np.empty(len(value))
    for start in range(0, len(value), 64):
        part = slice(start, start + 64)
        exponent = -t * log_t - value[part, None] * t
        found[part] = np.trapezoid(np.exp(np.minimum(exponent, 700.0)) * np.sin(np.pi * t) / np.pi, log_t, axis=1)
    return found


class _Inverse(NamedTuple):
    """At values of lambda that rise: ln of the upper tail (falling), and the mean of what lies below."""

    value: Array
    ln_tail: Array
    mean: Array


@lru_cache(maxsize=1)
def _inverse() -> _Inverse:
    value = np.concatenate([np.linspace(LEAST, 10.0, 2801), np.geomspace(10.0, MOST, 800)[1:]])
    tail = np.minimum(upper_tail(value), 1.0)
    # from where on numbers can tell the tail from 1
    first = int(np.argmax(tail < 1 - 1e-12))
    value, tail = value[first:], tail[first:]
    # partial integration of lambda times the density, from the tail's own integral: exact between nodes for an exponential
    steps = np.diff(value) * (tail[:-1] - tail[1:]) / np.log(tail[:-1] / tail[1:])
    below = value[0] + np.concatenate([[0.0], np.cumsum(steps)]) - value * tail
    share = 1 - tail
    mean = np.where(share > 1e-6, below / np.maximum(share, 1e-12), value)
    return _Inverse(value, np.log(tail), np.maximum.accumulate(mean))


def draw_landau(largest: Array, rng: np.random.Generator) -> Array:
    """Landau's lambda for each ``largest`` (hits,), below which it is cut off."""
    inverse = _inverse()
    # ranks of what lies above the cut are not drawn
    above = np.exp(np.interp(largest, inverse.value, inverse.ln_tail))
    rank = above + (1 - above) * (1.0 - rng.random(len(above)))
    return np.interp(-np.log(rank), -inverse.ln_tail, inverse.value)


def cut_of_mean(mean: Array) -> Array:
    """Where to cut Landau's distribution off so that its mean is ``mean``."""
    inverse = _inverse()
    return np.interp(mean, inverse.mean, inverse.value)


def draw_deposits_kev(energy_mev: Array, path_um: Array, species: Array, rng: np.random.Generator) -> Array:
    """Energy left on paths in silicon by nuclei of this kinetic energy per nucleon, (hits,).

    The tail is cut off so that the mean is Bethe's, where Landau's own has none (as GEANT 3 does); nothing leaves more than its kinetic energy, or less
    than 1 eV, about silicon's gap. Slowing down on the way and nuclear interactions are left out.
    """
    k, width = kinematics(energy_mev, species), landau_width_mev(energy_mev, path_um, species)
    mean = EULER - 1 - k.beta2 - np.log(width / k.largest_mev)
    value = draw_landau(cut_of_mean(mean), rng)
    deposit = most_probable_mev(energy_mev, path_um, species) + width * (value - MODE)
    return 1e3 * np.clip(deposit, LEAST_MEV, energy_mev * np.asarray(NUCLEONS)[species])
