"""Tables draw what the law says, at means on, between and beyond those tabulated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare, poisson

from cloudchamber.physics.gamma.poisson import MOST, poisson_maps
from cloudchamber.rng import rng


@pytest.mark.parametrize("mean", [1e-3, 0.1, 0.25, 0.7, 3.0, 23.37, 199.9, MOST, MOST + 0.1, 1234.5])
def test_numbers_follow_the_law(mean: float) -> None:
    n = 200_000
    found = poisson_maps(np.full(n, mean), rng(1, str(mean)))
    assert abs(found.mean() - mean) < 5 * np.sqrt(mean / n)
    edges = np.unique(poisson.ppf(np.linspace(0, 1, 22)[1:-1], mean))
    below = np.concatenate([[0], poisson.cdf(edges, mean), [1]])
    expected = n * np.diff(below)
    counted = np.bincount(np.searchsorted(edges, found), minlength=len(edges) + 1)
    filled = expected > 5
    if filled.sum() > 1:
        assert chisquare(counted[filled], expected[filled] * counted[filled].sum() / expected[filled].sum()).pvalue > 1e-6
    # the tails are not cut
    assert found.max() >= poisson.ppf(1 - 10 / n, mean) and found.min() <= poisson.ppf(10 / n, mean)


def test_nothing_comes_of_nothing_and_the_same_of_the_same() -> None:
    mean = np.array([[0.0, 5.0], [0.0, 0.0]])
    one, two = (poisson_maps(mean, rng(3)) for _ in range(2))
    assert one.dtype == np.int32 and one.shape == mean.shape and not one[mean == 0].any() and np.array_equal(one, two)


def test_variance_and_covariance_are_poissons() -> None:
    n = 40_000
    found = poisson_maps(np.tile([2.0, 7.0, 90.0], (n, 1)), rng(4)).astype(float)
    covariance = np.cov(found.T)
    np.testing.assert_allclose(np.diag(covariance), [2, 7, 90], rtol=5 * np.sqrt(2 / n) * 1.3)
    spread = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) / n)
    assert np.all(np.abs(covariance - np.diag(np.diag(covariance))) < 5 * spread)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_expectations_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"expected counts must lie in \[0, 1e9\)"):
        poisson_maps(np.array([1.0, bad]), rng(1))
