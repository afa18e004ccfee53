from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.run.modes import count_peaks, modes_of_draws, words_of
from cloudchamber.schema import Column

ROWS = 5000


@pytest.mark.parametrize(
    ("draw", "most"),
    [
        (lambda random, n: random.normal(size=(ROWS, n)), 0.001),
        (lambda random, n: random.exponential(size=(ROWS, n)), 0.005),
        (lambda random, n: random.uniform(size=(ROWS, n)), 0.01),
        (lambda random, n: random.standard_t(2, (ROWS, n)), 0.005),
    ],
    ids=["normal", "exponential", "uniform", "heavy tails"],
)
def test_one_peak_is_seldom_taken_for_two(draw, most: float) -> None:  # type: ignore[no-untyped-def]
    """Of 5,000 samples: the chance that so many of an allowed share turn up by accident is far below 1e-6 for the shares measured."""
    for n in (100, 400):
        assert np.mean(modes_of_draws(draw(np.random.default_rng(n), n)) > 1) <= most


def test_two_and_three_peaks_are_seen() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(size=(500, 100))
    assert np.mean(modes_of_draws(noise + 6 * random.integers(0, 2, noise.shape)) == 2) > 0.95
    assert np.mean(modes_of_draws(noise + 20 * (random.random(noise.shape) < 0.3)) == 2) > 0.9
    many = random.normal(size=(300, 1000))
    assert np.mean(modes_of_draws(many + 6 * random.integers(0, 3, many.shape)) == 3) > 0.95


def test_scale_and_place_do_not_matter_and_whole_numbers_are_no_peaks() -> None:
    random = np.random.default_rng(1)
    draws = random.normal(size=(300, 100)) + 5.5 * random.integers(0, 2, (300, 1))
    draws[:100] += 6 * random.integers(0, 2, (100, 100))
    np.testing.assert_array_equal(modes_of_draws(1e18 + 1e19 * draws), modes_of_draws(draws))
    assert (modes_of_draws(random.poisson(3, (500, 100)).astype(float), 1.0) == 1).all()


def test_draws_that_are_all_the_same_have_one() -> None:
    assert modes_of_draws(np.full((3, 10), 7.0)).tolist() == [1, 1, 1]
    assert modes_of_draws(np.zeros((2, 2))).tolist() == [1, 1]


def test_peaks_of_curves() -> None:
    x = np.linspace(-6, 6, 200)
    bumps = [np.exp(-0.5 * (x - at) ** 2) for at in (-3.0, 3.0)]
    curves = np.stack([bumps[0], bumps[0] + bumps[1], bumps[0] + 0.01 * bumps[1], np.exp(-(x + 6)), np.exp(-(x + 6)) + np.exp(x - 6), np.ones_like(x)])
    assert count_peaks(curves).tolist() == [1, 2, 1, 1, 2, 1]


def test_what_is_told_of_a_column() -> None:
    assert words_of(Column()) == ("q16", "q50", "q84", "modes")
    assert words_of(Column(shape=(8, 9))) == words_of(Column(categories=("a", "b"))) == ()
