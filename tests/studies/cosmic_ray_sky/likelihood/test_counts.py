from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.cosmic_ray_sky.likelihood.counts import STEPS, first_tilt, log_binomial, log_fixed, log_fixed_estimate, log_products, memberships


def random_ratios(hypotheses: int, n: int, seed: int) -> np.ndarray:
    """Lognormal with a mean of 1, as density ratios of isotropic cosmic rays have."""
    return np.exp(rng(seed).normal(-2.0, 2.0, (hypotheses, n)))


def test_fixed_is_the_mean_over_subsets() -> None:
    ratios = random_ratios(3, 9, 1)
    subsets = list(combinations(range(9), 4))
    expected = [np.mean([np.prod(r[list(subset)]) for subset in subsets]) for r in ratios]
    assert np.allclose(np.exp(log_fixed(ratios, 4)), expected, rtol=1e-6)


def test_fixed_with_too_few_possible_members_is_impossible() -> None:
    assert log_fixed(np.array([[1.0, 2.0, 0.0, 0.0, 0.0]]), 3)[0] == -np.inf


def test_binomial_is_the_mixture_of_fixed_counts() -> None:
    ratios, n, k = random_ratios(2, 12, 2), 12, 3
    share = k / n
    mixture = (1 - share) ** n + sum(comb(n, j) * share**j * (1 - share) ** (n - j) * np.exp(log_fixed(ratios, j)) for j in range(1, n))
    mixture += share**n * np.prod(ratios, axis=1)
    assert np.allclose(log_binomial(log_products(ratios, k, np.ones(1))[0], k, n), np.log(mixture), atol=1e-6)


@pytest.mark.parametrize("n_signal", [10, 30, 80])
def test_estimate_is_close_to_the_exact_polynomial(n_signal: int) -> None:
    ratios = random_ratios(40, 1000, 3)
    estimate = log_fixed_estimate(log_products(ratios, n_signal, STEPS), n_signal, 1000)
    assert np.abs(estimate - log_fixed(ratios, n_signal)).max() < 0.25


def test_memberships_are_those_of_all_subsets() -> None:
    ratios, k = np.exp(rng(4).normal(0.0, 1.0, (1, 16))), 8
    subsets = np.array(list(combinations(range(16), k)))
    weights = np.prod(ratios[0][subsets], axis=1)
    expected = np.array([weights[(subsets == i).any(axis=1)].sum() for i in range(16)]) / weights.sum()
    found = memberships(ratios, k, binomial=False)
    assert found.sum() == pytest.approx(k, abs=1e-6)
    assert np.abs(found[0] - expected).max() < 0.02


def test_binomial_memberships_follow_bayes() -> None:
    ratios = random_ratios(2, 20, 5)
    share = 5 / 20
    assert np.allclose(memberships(ratios, 5, binomial=True), share * ratios / (1 - share + share * ratios))


@pytest.mark.parametrize("n_signal", [0, 10, 11])
def test_refused_counts(n_signal: int) -> None:
    with pytest.raises(ValueError, match="n_signal"):
        first_tilt(n_signal, 10)
