"""A Gaussian toy in which all is known: the null is N(0, 1), a signal N(shift, 1), so ln BF = shift x - shift^2 / 2."""

import numpy as np
import pytest
from scipy.stats import binom

from cloudchamber.statistics.significance import (
    FIVE_SIGMA,
    check_normalisation,
    direct_p_value,
    importance_p_value,
    map_significance,
    normalisation,
    p_from_sigma,
    sigma_from_p,
    signal_at_sigma,
)


def mixture(shifts, maps, seed=1):
    """Statistic, ln BF (maps, strengths) and the column each map was drawn at."""
    random = np.random.default_rng(seed)
    drawn_at = np.repeat(np.arange(len(shifts)), maps)
    shifts = np.asarray(shifts, dtype=float)
    x = shifts[drawn_at] + random.standard_normal(len(drawn_at))
    return x, shifts * x[:, None] - shifts**2 / 2, drawn_at


def test_sigma_and_p_value_convert():
    assert p_from_sigma(5.0) == pytest.approx(FIVE_SIGMA, rel=1e-9) and sigma_from_p(FIVE_SIGMA) == pytest.approx(5)
    np.testing.assert_allclose(sigma_from_p(p_from_sigma(np.array([-1.0, 0, 3, 8]))), [-1, 0, 3, 8])
    with pytest.raises(ValueError, match=r"1\.5"):
        sigma_from_p(1.5)


@pytest.mark.parametrize("shifts", [(5.0,), (0.0, 5.0), (0.0, 2.0, 4.0, 6.0)])
def test_the_tail_is_right_up_to_five_sigma(shifts):
    sigma = np.array([3.5, 4.0, 4.5, 5.0])
    tail = importance_p_value(sigma, *mixture(shifts, 4000))
    assert np.all(np.abs(tail.p_value - p_from_sigma(sigma)) < 4.5 * tail.error)
    assert np.all(tail.error < 0.12 * tail.p_value) and np.all(tail.effective_size > 100)


def test_the_error_is_the_spread_of_repeated_estimates():
    tails = [importance_p_value(2.0, *mixture((0.0, 3.0), 300, seed)) for seed in range(400)]
    p, error = (np.array([getattr(tail, name)[0] for tail in tails]) for name in ("p_value", "error"))
    assert p.mean() == pytest.approx(p_from_sigma(2.0), abs=4.5 * p.std() / 20)
    assert error.mean() == pytest.approx(p.std(), rel=0.2)


def test_a_statistic_that_is_not_the_likelihood_ratio():
    """T = |x| under a mixture: any statistic will do, only the weights need the likelihood."""
    x, log_bf, drawn_at = mixture((-4.0, 0.0, 4.0), 3000)
    tail = importance_p_value(4.0, np.abs(x), log_bf, drawn_at)
    assert abs(tail.p_value[0] - 2 * p_from_sigma(4.0)) < 4.5 * tail.error[0]


def test_agreement_with_direct_counting():
    direct = np.random.default_rng(2).standard_normal(200_000)
    thresholds = np.array([1.0, 2.0, 3.0, 3.5])
    counted, sampled = direct_p_value(thresholds, direct), importance_p_value(thresholds, *mixture((0.0, 3.0), 5000))
    assert np.all(np.abs(counted.p_value - sampled.p_value) < 4.5 * np.hypot((counted.high - counted.low) / 2, sampled.error))


def test_no_p_value_where_too_few_maps_lie_above():
    x, log_bf, drawn_at = mixture((0.0, 1.0), 200)
    with pytest.raises(ValueError, match=r"effective sample size .* simulate more maps"):
        importance_p_value([1.0, 4.0], x, log_bf, drawn_at)
    significance = map_significance(np.array([1.0, 4.0, 9.0]), x, log_bf, drawn_at)
    assert significance[0] == pytest.approx(1, abs=0.2) and np.isinf(significance[1:]).all()


def test_a_few_heavy_weights_count_as_few_maps():
    """A strong signal visits the null's bulk with few maps of huge weight: 4000 maps above the threshold, yet no p-value."""
    x, log_bf, drawn_at = mixture((6.0,), 4000)
    with pytest.raises(ValueError, match="effective sample size"):
        importance_p_value(0.0, x, log_bf, drawn_at)
    assert normalisation(log_bf, drawn_at).effective_size < 20


def test_unknown_significances_keep_the_order_of_the_thresholds_so_that_medians_stay_right():
    """No map of the null: thresholds in its bulk rest on few maps of huge weight, and must not count as highly significant."""
    x, log_bf, drawn_at = mixture((4.0, 5.0), 400)
    own = x[drawn_at == 0]
    significance = map_significance(own, x, log_bf, drawn_at)
    assert np.isneginf(significance).any()
    in_order = significance[np.argsort(own)]
    assert (in_order[1:] >= in_order[:-1] - 1e-9).all()
    assert np.sort(significance)[200] == pytest.approx(4.0, abs=0.15)
    with pytest.raises(ValueError, match="between finite values"):
        signal_at_sigma([10, 20], [np.array([-np.inf, -np.inf, 6.0]), np.array([5.5, 6.0, 7.0])])


def test_normalisation():
    _, log_bf, drawn_at = mixture((0.0, 1.0), 10_000)
    found = check_normalisation(log_bf, drawn_at)
    assert abs(found.mean - 1) < 4.5 * found.error < 0.05
    with pytest.raises(ValueError, match=r"E\[1/BF\] = .* not within 0.05 of 1"):
        check_normalisation(log_bf[drawn_at == 1, 1] + 0.2)
    with pytest.raises(ValueError, match="effective maps, fewer than 20"):
        check_normalisation(mixture((6.0,), 1000)[1])


def test_counted_tail():
    statistic = np.arange(100.0)
    tail = direct_p_value([0.0, 90.0, 99.5], statistic, level=0.9)
    np.testing.assert_array_equal(tail.exceedances, [100, 10, 0])
    np.testing.assert_allclose(tail.p_value, [1.0, 0.1, np.nan])
    # each limit is the probability at which so many exceedances, or more extreme ones, have 5 % (10 % where there is one limit only)
    np.testing.assert_allclose(binom.sf([99, 9], 100, tail.low[:2]), [0.1, 0.05])
    np.testing.assert_allclose(binom.cdf([10, 0], 100, tail.high[1:]), [0.05, 0.1])
    assert tail.low[2] == 0 and tail.high[0] == 1


def test_signal_at_sigma():
    """Significances N(count / 6, 1): five sigma at 30."""
    random = np.random.default_rng(3)
    counts = [20, 25, 30, 35]
    significance = [count / 6 + random.standard_normal(1000) for count in counts]
    found = signal_at_sigma(counts, significance)
    assert abs(found.signal - 30) < 4.5 * found.error
    assert found.error == pytest.approx(6 * 1.2533 / np.sqrt(1000), rel=0.4)
    with pytest.raises(ValueError, match=r"does not pass 5 .*20: 3\.3.* simulate counts on both sides"):
        signal_at_sigma(counts[:2], significance[:2])
    with pytest.raises(ValueError, match="both sides"):
        signal_at_sigma([*counts[3:], 40], [significance[3], significance[3] + 1])


def test_a_median_without_a_number_is_refused():
    finite, upper_third = np.full(9, 4.0), np.array([5.5] * 6 + [np.inf] * 3)
    assert signal_at_sigma([10, 20], [finite, upper_third]).signal == pytest.approx(10 + 10 / 1.5)
    with pytest.raises(ValueError, match="20: inf"):
        signal_at_sigma([10, 20], [finite, np.full(9, np.inf)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, np.zeros(3), np.zeros((3, 2))), "drawn_at"),
        ((1.0, np.zeros(3), np.zeros((3, 2)), np.array([0, 1, 2])), "0 to 1"),
        ((1.0, np.zeros(3), np.zeros(4)), "same maps"),
        ((1.0, np.array([0, np.nan]), np.zeros(2)), "statistic holds 1 NaN"),
        ((1.0, np.zeros(0), np.zeros(0)), "empty"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        importance_p_value(*arguments)
