"""Completeness, purity and families of verdicts that are known."""

from __future__ import annotations

import numpy as np

from cloudchamber.schema import Ragged
from cloudchamber.studies.bolometer.glitches.scores import (
    by_filter,
    by_network,
    completeness,
    confusion,
    cut_of_equal_purity,
    purity,
    share,
    truths,
)

EVENTS = {
    "glitch": np.array([1, 0, 3]),
    "height_w": np.array([4e-16, 9e-16, 2e-16]),
    "noise_w": np.full(3, 1e-16),
    "filter_height_w": np.array([5e-16, 3e-16, 2e-16]),
    "filter_significance": np.array([5.0, 3.0, 4.0]),
    "filter_family": np.array([0, 1, 0]),
    "filter_lag_s": np.zeros(3),
    "missed_height_w": Ragged.from_list([np.array([1e-16]), np.empty(0), np.empty(0)]),
    "missed_glitch": Ragged.from_list([np.array([2]), np.empty(0, int), np.empty(0, int)]),
}
ACCEPTED = np.array([True, True, False])


def test_pulses_that_are_no_candidate_count_as_missed() -> None:
    true = truths(EVENTS)
    assert true.real.tolist() == [True, False, True]
    assert np.allclose(true.height_sigma, [4, 2, 1]) and true.candidate.tolist() == [0, 2, -1]
    edges = np.array([0.5, 3.0, 10.0])
    assert completeness(true, ACCEPTED, edges).value.tolist() == [0.0, 1.0] and completeness(true, ACCEPTED, edges, 3).of.tolist() == [1, 0]
    assert purity(true, ACCEPTED, np.array([5.0, 2.0, 2.0]), edges).value.tolist() == [0.0, 1.0]


def test_shares_have_errors() -> None:
    found = share(np.arange(100) < 30, np.ones(100), np.array([0.0, 2.0, 3.0]))
    assert found.value[0] == 0.3 and abs(found.error[0] - 0.046) < 0.002 and np.isnan(found.value[1]) and found.of.tolist() == [100, 0]


def test_equal_purity_is_the_lowest_such_cut() -> None:
    score, real = np.array([9.0, 8.0, 7.0, 6.0, 5.0]), np.array([True, True, False, True, False])
    assert cut_of_equal_purity(score, real, 0.75) == 6.0 and cut_of_equal_purity(score, real, 1.0) == 8.0
    assert cut_of_equal_purity(score, np.zeros(5, bool), 0.5) == np.inf


def test_the_network_s_numbers_are_those_of_draws_that_are_pulses() -> None:
    answer = {
        "glitch_probability": np.array([[0.1, 0.6, 0.2, 0.1], [1.0, 0.0, 0.0, 0.0]]),
        "glitch_draws": np.array([[1, 1, 0], [0, 0, 0]]),
        "lag_s_draws": np.array([[1.0, 3.0, 100.0], [1.0, 1.0, 1.0]]),
        "height_w_draws": np.array([[2.0, 2.0, 50.0], [3.0, 3.0, 3.0]]),
    }
    said = by_network(answer)
    assert np.allclose(said.score, [0.9, 0.0]) and said.family[0] == 0
    assert said.lag_s.tolist() == [2.0, 1.0] and said.lag_error_s[0] == 1.0 and said.height_w.tolist() == [2.0, 3.0]


def test_families_that_are_mixed_up() -> None:
    said = by_filter(EVENTS)
    assert np.allclose(said.height_error_w, [1e-16, 1e-16, 0.5e-16])
    assert confusion(EVENTS, said, np.ones(3, bool)).tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
