"""The exact Bayes factor of a sky, p(sky | k of n cosmic rays from one source) / p(sky | isotropy), and who comes from the source.

The source's place and the way it scatters its cosmic rays are hypotheses h with a prior; each gives every cosmic ray a density ratio, and ``counts`` joins
those of a sky. Any law that gives ratios for a list of hypotheses (``SourceDensity``) will do: a lens, or the toy on a plain grid. ``toy_likelihood`` is
faster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from cloudchamber.studies.cosmic_ray_sky.likelihood.counts import STEPS, log_binomial, log_fixed, log_fixed_estimate, log_products, memberships

_SAMPLES = 300
_CHUNK = 256


class SourceDensity(Protocol):
    """A source's law: hypotheses, and what they say of single cosmic rays."""

    @property
    def log_prior(self) -> np.ndarray:
        """ln of each hypothesis' prior probability (hypotheses,)."""
        ...

    def ratios(self, vectors: np.ndarray, energy_ev: np.ndarray, hypotheses: np.ndarray) -> np.ndarray:
        """p(direction | source, energy, seen) / p(direction | isotropy, seen), (len(hypotheses), n), for numbers of hypotheses."""
        ...


def log_bayes_factor(density: SourceDensity, vectors: np.ndarray, energy_ev: np.ndarray, n_signal: int, binomial: bool = False) -> float:
    """ln of the Bayes factor of one sky: ``vectors`` (n, 3), ``energy_ev`` (n,), ``n_signal`` of them from the source, or on average with ``binomial``."""
    log_weights = _log_weights(density, vectors, energy_ev, n_signal, binomial)
    if binomial:
        return log_sum(log_weights)
    return corrected(log_weights, lambda h: log_fixed(density.ratios(vectors, energy_ev, h), n_signal) + density.log_prior[h])


def source_probability(density: SourceDensity, vectors: np.ndarray, energy_ev: np.ndarray, n_signal: int, binomial: bool = False) -> np.ndarray:
    """Probability (n,) of each cosmic ray of one sky to come from the source, given the sky and that it has a source."""
    chosen = systematic(_log_weights(density, vectors, energy_ev, n_signal, binomial), _SAMPLES)
    return memberships(density.ratios(vectors, energy_ev, chosen), n_signal, binomial).mean(axis=0)


def _log_weights(density: SourceDensity, vectors: np.ndarray, energy_ev: np.ndarray, n_signal: int, binomial: bool) -> np.ndarray:
    parts = []
    for first in range(0, len(density.log_prior), _CHUNK):
        ratios = density.ratios(vectors, energy_ev, np.arange(first, min(first + _CHUNK, len(density.log_prior))))
        parts.append(combine(log_products(ratios, n_signal, tilt_steps(binomial)), n_signal, len(vectors), binomial))
    return np.concatenate(parts) + density.log_prior


def tilt_steps(binomial: bool) -> np.ndarray:
    """The tilts, over t_0, that ``combine`` wants."""
    return np.ones(1) if binomial else STEPS


def combine(products: np.ndarray, n_signal: int, n: int, binomial: bool) -> np.ndarray:
    """ln of the density ratio of a sky (...,) from ``products`` (steps, ...): exact for the binomial law, an estimate for the fixed one."""
    return log_binomial(products[0], n_signal, n) if binomial else log_fixed_estimate(products, n_signal, n)


def log_sum(log_weights: np.ndarray) -> float:
    """ln of the sum of exponentials."""
    top = log_weights.max()
    return float(top + np.log(np.exp(log_weights - top).sum())) if np.isfinite(top) else float(top)


def systematic(log_weights: np.ndarray, samples: int) -> np.ndarray:
    """``samples`` positions in ``log_weights``, each as often as its weight says, at even steps of the summed weights: no random numbers."""
    cumulative = np.cumsum(np.exp(log_weights - log_weights.max()))
    return np.searchsorted(cumulative, (np.arange(samples) + 0.5) / samples * cumulative[-1])


def corrected(log_estimates: np.ndarray, log_exact: Callable[[np.ndarray], np.ndarray]) -> float:
    """ln sum_h exact_h, where exact values cost much and estimates stand for all h: the mean of exact over estimate for h sampled by the estimate."""
    chosen, times = np.unique(systematic(log_estimates, _SAMPLES), return_counts=True)
    return log_sum(log_estimates) + log_sum(log_exact(chosen) - log_estimates[chosen] + np.log(times / _SAMPLES))
