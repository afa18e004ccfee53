"""The template fit: truth of what is expected, errors of Fisher's matrix, pulls, amplitudes at 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2, norm, poisson

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.fit.template_fit import fit_templates, log_likelihood

X, Y = np.meshgrid(np.linspace(-1, 1, 20), np.linspace(-1, 1, 25))
TEMPLATES = np.stack([np.exp(-np.abs(Y) / 0.1), np.exp(-np.abs(Y) / 0.4), np.ones_like(X), 1e5 * np.exp(-(X**2 + Y**2) / 0.1)])
TRUTH = np.array([40.0, 20.0, 6.0, 8e-5])
MEAN = np.tensordot(TRUTH, TEMPLATES, 1)
DRAWS = 400


def test_of_expected_counts_it_finds_the_truth_with_the_errors_of_fishers_matrix() -> None:
    for start in (None, TRUTH * [100, 0.01, 1, 3]):
        found = fit_templates(MEAN, TEMPLATES, start)
        np.testing.assert_allclose(found.amplitudes, TRUTH, rtol=1e-6)
        np.testing.assert_allclose(found.expected, MEAN, rtol=1e-6)
        information = np.einsum("ayx,byx->ab", TEMPLATES / MEAN, TEMPLATES)
        np.testing.assert_allclose(found.covariance, np.linalg.inv(information), rtol=1e-4)
        np.testing.assert_allclose(found.errors, np.sqrt(np.diag(np.linalg.inv(information))), rtol=1e-4)


def test_pulls_have_mean_zero_and_width_one() -> None:
    generator = rng(1, "pulls")
    pulls = []
    for _ in range(DRAWS):
        found = fit_templates(generator.poisson(MEAN), TEMPLATES)
        pulls.append((found.amplitudes - TRUTH) / found.errors)
    each = np.array(pulls)
    assert np.all(np.abs(each.mean(0)) < norm.isf(5e-7 / 4) / np.sqrt(DRAWS) + 0.03)
    # an estimate of the error from the same counts is a little off itself
    assert np.all((each**2).sum(0) < 1.05 * chi2.isf(5e-7 / 4, DRAWS)) and np.all((each**2).sum(0) > 0.95 * chi2.ppf(5e-7 / 4, DRAWS))


def test_the_maximum_is_that_of_another_method_even_at_the_bound() -> None:
    """Without the last template the fit would like a negative one of it in half of the draws."""
    generator = rng(2, "bound")
    without = np.tensordot(TRUTH[:3], TEMPLATES[:3], 1) / 10
    held = 0
    for _ in range(12):
        counts = generator.poisson(without)
        found = fit_templates(counts, TEMPLATES)
        scale = TEMPLATES.sum((1, 2))

        def cost(a: Any, counts: Any = counts, scale: Any = scale) -> float:
            return -log_likelihood(counts, np.maximum(np.tensordot(a / scale, TEMPLATES, 1), 1e-300))

        other = minimize(cost, np.full(4, counts.sum() / 4), bounds=[(0, None)] * 4, method="L-BFGS-B", options={"maxiter": 2000, "maxfun": 50_000})
        assert found.amplitudes.min() >= 0 and found.log_likelihood >= -other.fun - 1e-6
        assert found.log_likelihood == pytest.approx(float(poisson.logpmf(counts, found.expected).sum()), rel=1e-10)
        held += found.amplitudes[3] == 0
        assert found.errors[3] > 0
    assert 1 <= held <= 11


def test_few_counts_and_none() -> None:
    counts = np.zeros((25, 20))
    none = fit_templates(counts, TEMPLATES)
    assert not none.amplitudes.any() and np.all(np.isfinite(none.errors)) and none.log_likelihood == 0
    counts[12, 10] = 1
    one = fit_templates(counts, TEMPLATES)
    # the likeliest is the most peaked one
    assert one.amplitudes[3] * TEMPLATES[3].sum() == pytest.approx(1.0) and one.amplitudes[:3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("counts", "templates", "words"),
    [
        (MEAN, TEMPLATES[:, 1:], r"templates: needs the shape \(K, 25, 20\) for counts of \(25, 20\), got \(4, 24, 20\)"),
        (-MEAN, TEMPLATES, "counts: must be finite and not negative"),
        (MEAN, np.where(TEMPLATES > 1, np.nan, TEMPLATES), "templates: must be finite and not negative"),
        (MEAN, TEMPLATES * np.array([1, 0, 1, 1])[:, None, None], "templates: number 1 is 0 everywhere"),
        (MEAN, (TEMPLATES * (X > 0))[:3], "counts: 250 pixels have counts where every template is 0"),
        (MEAN, np.concatenate([TEMPLATES, TEMPLATES[:1] + 2 * TEMPLATES[1:2]]), "some are the same, or sums of others"),
    ],
)
def test_refused(counts: np.ndarray, templates: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fit_templates(counts, templates)


def test_a_start_that_is_none_is_refused() -> None:
    for start in ([1.0, 1.0], [1.0, 1.0, 0.0, 1.0], [1.0, np.nan, 1.0, 1.0]):
        with pytest.raises(ValueError, match="start: needs 4 amplitudes above 0"):
            fit_templates(MEAN, TEMPLATES, start)
