"""Gaussian events, whose tails are known: sixty numbers an event, moved by autoregressive steps or by redrawing some of them."""

import numpy as np
import pytest
from scipy.stats import norm

from cloudchamber.schema import Ragged
from cloudchamber.statistics.significance import p_from_sigma
from cloudchamber.statistics.splitting import SplitTail, redraw, split

SIZE = 60


def draw(events, random):
    return {"x": Ragged(random.standard_normal(events * SIZE), np.arange(events + 1) * SIZE)}


def turn(events, share, random):
    x, share = events["x"], np.repeat(share, SIZE)
    return {"x": Ragged(np.sqrt(1 - share**2) * x.values + share * random.standard_normal(len(share)), x.offsets)}


def total(events):
    return events["x"].values.reshape(-1, SIZE).sum(axis=1) / np.sqrt(SIZE)


def largest(events):
    """The largest of twelve independent normal numbers."""
    return events["x"].values.reshape(-1, 12, SIZE // 12).sum(axis=2).max(axis=1) / np.sqrt(SIZE / 12)


def exact_largest(x):
    return -np.expm1(12 * norm.logcdf(x))


@pytest.mark.parametrize(
    ("vary", "score", "exact", "sigma"),
    [
        (redraw(draw), total, norm.sf, (2.0, 3.5, 5.0, 5.5)),
        (turn, total, norm.sf, (2.0, 3.5, 5.0, 5.5)),
        (turn, largest, exact_largest, (3.0, 4.0, 5.0, 5.8)),
    ],
)
def test_the_tail_is_exact_down_to_five_and_a_half_sigma(vary, score, exact, sigma):
    tail = split(draw, vary, score, 1e-9, seed=3, threshold=sigma[-1])
    p, error = tail.p_value(np.array(sigma))
    ratio = p / exact(np.array(sigma))
    assert np.all(np.abs(np.log(ratio)) < 5 * error / p) and np.all(error < 0.8 * p)
    assert tail.last == sigma[-1] and tail.events < 25_000


def test_repetitions_are_unbiased_and_the_error_covers_them():
    """One small splitting after another: the mean is right, and about 68 % of the intervals hold the truth."""
    x, truth = 4.0, norm.sf(4.0)
    found = [split(draw, redraw(draw), total, 1e-9, seed, threshold=x).p_value(x) for seed in range(100)]
    p, error = (np.array(each)[:, 0] / truth for each in zip(*found, strict=True))
    assert p.mean() == pytest.approx(1, abs=4.5 * p.std() / 10) and p.std() < 0.8
    assert 0.45 < np.mean(np.abs(p - 1) < error) < 0.85


def test_ties_are_climbed_and_the_top_of_a_bounded_statistic_is_the_end():
    def rounded(events):
        return np.minimum(np.floor(2 * total(events)), 5.0)

    tail = split(draw, turn, rounded, 1e-9, seed=1)
    assert tail.last == 5.0
    p, error = tail.p_value(np.array([-2.0, 2.0, 5.0]))
    assert np.all(np.abs(p - norm.sf([-1.0, 1.0, 2.5])) < 5 * error + 1e-12)


def test_nothing_is_quoted_beyond_the_last_level():
    tail = split(draw, turn, total, float(p_from_sigma(3.0)), seed=5)
    assert 2.8 < tail.last < 3.8
    with pytest.raises(ValueError, match="beyond"):
        tail.p_value(tail.last + 0.01)
    with pytest.raises(ValueError, match="beyond"):
        tail.p_value(np.nan)
    with pytest.raises(ValueError, match="range"):
        tail.threshold(1e-7)
    assert np.isinf(tail.significance(np.array([9.0]))[0]) and tail.significance(np.array([0.0]))[0] == pytest.approx(0, abs=0.2)


def test_the_inverse_and_the_seed():
    first, second, third = (split(draw, turn, total, 1e-4, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first.curves, second.curves, strict=True))
    assert not np.array_equal(first.curves[0], third.curves[0])
    for p in (0.3, 1e-2, 1e-3):
        assert first.p_value(first.threshold(p))[0] == pytest.approx(p, rel=0.03)


def test_a_run_that_loses_all_events_says_zero_and_half_of_them_are_the_end():
    curves = tuple(np.array([[0.0, end], [0.0, -end]]) for end in (1.0, 2.0, 3.0, 4.0))
    tail = SplitTail(curves, 0)
    assert tail.last == 3.0 and tail.p_value(2.5)[0] == pytest.approx((np.exp(-3) + np.exp(-4)) / 4)
    with pytest.raises(ValueError, match="beyond"):
        tail.p_value(3.5)


def test_redrawing_keeps_the_null_and_refuses_other_lengths():
    random = np.random.default_rng(1)
    before = draw(400, random)
    after = redraw(draw)(before, np.full(400, 0.3), random)
    changed = np.mean(before["x"].values != after["x"].values)
    assert changed == pytest.approx(0.3, abs=0.02) and after["x"].values.std() == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match="numbers of elements"):
        redraw(lambda events, random: {"x": Ragged(np.zeros(events), np.arange(events + 1))})(before, np.full(400, 0.3), random)


def test_bad_settings_and_a_statistic_that_is_no_number_are_refused():
    for settings in ({"until": 0.0}, {"runs": 1}, {"particles": 50}, {"particles": 215}):
        with pytest.raises(ValueError):
            split(draw, turn, total, **({"until": 0.1, "seed": 1} | settings))
    with pytest.raises(ValueError, match="NaN"):
        split(draw, turn, lambda events: np.full(len(events["x"]), np.nan), 0.1, seed=1)
