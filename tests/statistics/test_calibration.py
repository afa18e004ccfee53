import numpy as np
import pytest

from cloudchamber.statistics.calibration import (
    class_reliability,
    coverage,
    coverage_of_levels,
    ellipsoid_rank,
    joint_rank,
    posterior_rank,
    pulls,
    rank_test,
    reliability,
    uneven,
)


def posterior(width, events=3000, draws=200, seed=1):
    """A Gaussian posterior of the stated width around an estimate that errs by one: exact for width 1."""
    random = np.random.default_rng(seed)
    truth = 5 * random.standard_normal(events)
    estimate = truth + random.standard_normal(events)
    return estimate[:, None] + width * random.standard_normal((events, draws)), truth, estimate


@pytest.mark.parametrize("draws", [3, 50])
def test_ranks_of_an_exact_posterior_are_uniform(draws):
    assert rank_test(posterior_rank(*posterior(1, draws=draws)[:2])).p_value > 1e-4


def test_ranks_tell_too_wide_from_too_narrow():
    wide, narrow = (rank_test(posterior_rank(*posterior(width)[:2])) for width in (1.6, 0.6))
    assert wide.p_value < 1e-12 and narrow.p_value < 1e-12
    assert wide.counts[9:11].mean() > 1.3 * wide.expected > 1.3 * 2 * wide.counts[[0, -1]].mean()
    assert narrow.counts[[0, -1]].mean() > 1.5 * narrow.expected > 1.5 * narrow.counts[9:11].mean()


def test_a_biased_posterior_tilts_its_ranks():
    draws, truth, _ = posterior(1)
    rank = posterior_rank(draws + 0.5, truth)
    assert rank.mean() < 0.45 and rank_test(rank).p_value < 1e-12


def test_ties_keep_ranks_uniform():
    random = np.random.default_rng(1)
    assert rank_test(posterior_rank(random.integers(3, size=(3000, 20)), random.integers(3, size=3000))).p_value > 1e-4


@pytest.mark.parametrize("kind", ["central", "highest_density"])
def test_coverage_of_exact_wide_and_narrow_posteriors(kind):
    exact, wide, narrow = (coverage(*posterior(width, draws=400)[:2], kind=kind) for width in (1, 1.5, 0.6))
    np.testing.assert_allclose(exact.fraction, exact.level, atol=0.04)
    assert np.all(wide.fraction > wide.level + 3 * wide.error)
    assert np.all(narrow.fraction < narrow.level - 3 * narrow.error)
    np.testing.assert_allclose(exact.error, np.sqrt(exact.level * (1 - exact.level) / 3000), rtol=0.1)


def test_highest_density_intervals_of_a_skewed_posterior_are_shorter_than_central_ones():
    """For Exp(1) the shortest 50 % interval starts at 0: a truth of 0.05 is inside it and outside the central one."""
    draws = np.random.default_rng(1).exponential(size=(50, 2000))
    truth = np.full(50, 0.05)
    assert coverage(draws, truth, [0.5], "highest_density").fraction == [1]
    assert coverage(draws, truth, [0.5], "central").fraction == [0]


def test_highest_density_regions_from_log_densities():
    draws, truth, estimate = posterior(1)
    level = 1 - posterior_rank(-((draws - estimate[:, None]) ** 2), -((truth - estimate) ** 2))
    found = coverage_of_levels(level)
    np.testing.assert_allclose(found.fraction, found.level, atol=5 * found.error.max())


def test_the_error_of_full_coverage_is_not_zero():
    assert coverage_of_levels(np.zeros(10), [0.9]).error[0] > 0.05


def test_honest_probabilities_are_reliable_and_overconfident_ones_are_not():
    random = np.random.default_rng(1)
    probability = random.random(20_000)
    happened = random.random(20_000) < probability
    honest = reliability(probability, happened)
    assert honest.calibration_error < 0.02
    assert np.all(np.abs(honest.frequency - honest.probability) < 5 * honest.error)
    overconfident = reliability(np.where(probability > 0.5, 0.99, 0.01), happened)
    assert overconfident.calibration_error == pytest.approx(0.24, abs=0.02)
    assert overconfident.events.sum() == 20_000 and len(overconfident.probability) == 2


def test_class_reliability_looks_at_the_most_likely_class():
    random = np.random.default_rng(1)
    probabilities = random.dirichlet([1, 1, 1], 10_000)
    labels = (random.random((10_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    assert class_reliability(probabilities, labels).calibration_error < 0.03
    assert class_reliability(probabilities, random.integers(3, size=10_000)).calibration_error > 0.2


def test_pulls_of_honest_and_too_small_errors():
    _, truth, estimate = posterior(1)
    honest, small = pulls(estimate, np.ones(3000), truth), pulls(estimate + 0.2, np.full(3000, 0.5), truth)
    assert abs(honest.mean) < 5 * honest.mean_error and abs(honest.width - 1) < 5 * honest.width_error
    assert small.mean == pytest.approx(0.4, abs=0.2) and small.width == pytest.approx(2, abs=0.1)
    assert honest.width_error == pytest.approx(1 / np.sqrt(2 * 3000), rel=0.2)


def test_unusable_input_is_refused():
    with pytest.raises(ValueError, match=r"draws \(events, draws\)"):
        posterior_rank(np.ones(4), np.ones(4))
    with pytest.raises(ValueError, match="a NaN has no rank"):
        coverage(np.full((3, 3), np.nan), np.ones(3))
    with pytest.raises(ValueError, match="levels must lie in"):
        coverage(np.ones((3, 3)), np.ones(3), [95])
    with pytest.raises(ValueError, match=r"in \[0, 1\], got 1.5"):
        reliability(np.array([0.5, 1.5]), np.array([True, False]))
    with pytest.raises(ValueError, match=r"add up to 1, got 1[.]4"):
        class_reliability(np.array([[0.7, 0.7]]), np.array([0]))
    with pytest.raises(ValueError, match="positive, got 0"):
        pulls(np.ones(2), np.array([1.0, 0.0]), np.ones(2))
    with pytest.raises(ValueError, match="at least 100 events"):
        rank_test(np.ones(20))


@pytest.mark.parametrize("draws", [20, 100])
def test_highest_density_intervals_cover_their_level_whatever_the_number_of_draws(draws: int) -> None:
    random = np.random.default_rng(7)
    events = 20_000
    truth, drawn = random.gumbel(size=events), random.gumbel(size=(events, draws))
    exact = coverage(drawn, truth, kind="highest_density")
    assert np.all(np.abs(exact.fraction - exact.level) < 5 * exact.error)
    assert np.all(coverage(2 * drawn, truth, kind="highest_density").fraction > exact.level + 0.02)
    assert np.all(coverage(0.5 * drawn, truth, kind="highest_density").fraction < exact.level - 0.05)


def test_joint_ranks_see_what_single_ones_do_not() -> None:
    """Two numbers of the right widths, once with their correlation and once with the opposite one."""
    random = np.random.default_rng(1)

    def about(centre: np.ndarray, correlation: float) -> np.ndarray:
        z = random.normal(size=centre.shape)
        return centre + np.stack([z[..., 0], correlation * z[..., 0] + np.sqrt(1 - correlation**2) * z[..., 1]], -1)

    centre = random.normal(size=(2000, 2))
    truth, right = about(centre, 0.9), about(np.repeat(centre[:, None], 200, axis=1), 0.9)
    wrong = about(np.repeat(centre[:, None], 200, axis=1), -0.9)
    # KS: 2000 uniform ranks are further than this from uniform with p < 1e-6
    most = np.sqrt(-np.log(0.5e-6) / 2 / 2000)
    assert all(uneven(posterior_rank(draws[..., number], truth[:, number])) < most for draws in (right, wrong) for number in range(2))
    assert uneven(joint_rank(right, truth)) < most < uneven(joint_rank(wrong, truth))
    assert uneven(np.full(100, 0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize("numbers", [1, 3, 20])
def test_ranks_by_ellipsoid_are_even_for_any_shape_and_tell_a_wrong_one(numbers: int) -> None:
    random = np.random.default_rng(1)
    # two peaks and a skewed tail: no Gaussian
    shaped = [np.where(random.random((1500, count, numbers)) < 0.4, -3.0, 1.0) + random.exponential(size=(1500, count, numbers)) for count in (40, 1)]
    draws, truth = shaped[0], shaped[1][:, 0]
    assert uneven(ellipsoid_rank(draws, truth)) < 2.7 / np.sqrt(1500)
    for wrong in (0.6 * draws, 1.7 * draws):
        assert uneven(ellipsoid_rank(wrong, truth)) > 2.7 / np.sqrt(1500)


def test_an_ellipsoid_of_draws_that_never_vary() -> None:
    assert np.isfinite(ellipsoid_rank(np.zeros((5, 10, 2)), np.zeros((5, 2)))).all()
    with pytest.raises(ValueError, match="at least 4 draws"):
        ellipsoid_rank(np.zeros((5, 3, 2)), np.zeros((5, 2)))
