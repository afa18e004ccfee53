from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.cosmic_ray_sky.likelihood.counts import log_binomial, log_fixed, log_products
from cloudchamber.studies.cosmic_ray_sky.likelihood.likelihood import corrected, log_bayes_factor, log_sum, source_probability, systematic


class FewHypotheses:
    """A law whose ratios stand in a table."""

    def __init__(self, table: np.ndarray, prior: np.ndarray) -> None:
        self._table, self.log_prior = table, np.log(prior)

    def ratios(self, vectors: np.ndarray, energy_ev: np.ndarray, hypotheses: np.ndarray) -> np.ndarray:
        return self._table[hypotheses]


TABLE = np.exp(rng(1).normal(-0.5, 1.0, (700, 12)))
PRIOR = rng(2).dirichlet(np.ones(700))
LAW, VECTORS, ENERGY = FewHypotheses(TABLE, PRIOR), np.zeros((12, 3)), np.ones(12)


def test_fixed_count_is_the_prior_mean() -> None:
    exact = np.log(np.sum(PRIOR * np.exp(log_fixed(TABLE, 4))))
    assert log_bayes_factor(LAW, VECTORS, ENERGY, 4) == pytest.approx(exact, abs=0.02)


def test_binomial_count_is_the_prior_mean() -> None:
    exact = np.log(np.sum(PRIOR * np.exp(log_binomial(log_products(TABLE, 4, np.ones(1))[0], 4, 12))))
    assert log_bayes_factor(LAW, VECTORS, ENERGY, 4, binomial=True) == pytest.approx(exact, abs=1e-9)


def test_source_probability_is_that_of_all_subsets() -> None:
    subsets = np.array(list(combinations(range(12), 4)))
    weights = PRIOR @ np.prod(TABLE[:, subsets], axis=2)
    expected = np.array([weights[(subsets == i).any(axis=1)].sum() for i in range(12)]) / weights.sum()
    assert np.abs(source_probability(LAW, VECTORS, ENERGY, 4) - expected).max() < 0.05


def test_systematic_sampling_gives_each_its_share() -> None:
    weights = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
    with np.errstate(divide="ignore"):
        chosen = systematic(np.log(weights), 100)
    assert np.array_equal(np.bincount(chosen, minlength=5), [50, 30, 15, 5, 0])


def test_correction_removes_a_wrong_estimate() -> None:
    exact = rng(3).normal(0.0, 2.0, 5000)
    estimate = exact + 1.0 + rng(4).normal(0.0, 0.1, 5000)
    assert corrected(estimate, lambda h: exact[h]) == pytest.approx(log_sum(exact), abs=0.03)
