"""Verdicts: their rule, their chance of being wrong, and how many events decide."""

import math

import numpy as np
import pytest

from cloudchamber.validate.check import Check, run_checks
from cloudchamber.validate.verdict import events_needed, threshold, verdict_of

NAN = math.nan


def judged(
    value: float, error: float = 0.1, floor: float = 0.5, floor_error: float = 0.1, groups: int = 1, limit: float = 1.0, limit_error: float = 0.0
) -> str:
    return verdict_of(value, error, limit, limit_error, floor, floor_error, groups)


def test_a_value_is_failed_only_where_significantly_beyond_limit_and_floor() -> None:
    assert judged(1.0) == "passed" and judged(0.2, floor=3.0) == "passed"
    assert judged(1.1) == "open" and judged(1.3) == "failed"
    assert judged(6.0, floor=1.5, floor_error=0.5, error=0.5) == "failed", "a floor beyond the limit excuses no multiple of it"
    assert judged(1.6, floor=1.5) == "open" and judged(1.3, error=0.5) == "open"
    assert judged(1.3, floor=NAN, floor_error=NAN) == "failed" and judged(NAN) == "failed"
    assert judged(1.3, error=NAN) == "failed" and judged(1.1, error=NAN) == "open", "the floor's spread stands in for an error that is not known"
    assert judged(1.3, limit_error=0.3) == "open"


def test_more_groups_need_a_larger_excess() -> None:
    assert threshold(1) == pytest.approx(2.326, abs=1e-3) and threshold(30) == pytest.approx(3.40, abs=0.01)
    assert judged(1.3) == "failed" and judged(1.3, groups=30) == "open" and judged(1.4, groups=30) == "failed"


def test_events_that_decide() -> None:
    # 0.1 beyond the limit with an error of 0.1: 2.33 sigma with 5.4 times the events
    assert events_needed(1000, 1.1, 0.1, 1.0, 0.0, 0.5, 0.1) == pytest.approx(1000 * threshold() ** 2)
    assert events_needed(1000, 1.4, 0.4, 1.0, 0.0, 1.2, 0.1) == pytest.approx(1000 * threshold() ** 2), "the floor falls below its limit meanwhile"
    assert events_needed(1000, 3.0, 0.1, 1.0, 0.0, 2.9, 0.1) == pytest.approx(1000 * 2.9**2)
    assert events_needed(1000, 1.001, 0.1, 1.0, 0.0, 0.5, 0.1) == math.inf


def gap(truth: dict, answer: dict) -> float:
    return float(abs(truth["x"].mean() - answer["x"].mean()))


def test_so_many_events_do_decide() -> None:
    def result(events: int, shift: float):
        random = np.random.default_rng(0)
        truth, answer, second = ({"x": random.normal(size=events)} for _ in range(3))
        return run_checks([Check("mean", "", gap, 0.05)], truth, {"x": answer["x"] + shift}, second, seed=1)[0]

    few = result(600, 0.2)
    assert few.verdict == "open" and few.events_needed is not None
    assert result(math.ceil(2 * few.events_needed), 0.2).verdict == "failed" and result(math.ceil(2 * few.events_needed), 0.0).verdict == "passed"


def test_an_answer_as_good_as_truth_fails_by_chance_only() -> None:
    """A limit of 0 is missed always: what saves the answer is the floor. 300 reports, 8 groups each."""
    failed = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        truth, answer, second = ({"x": random.normal(size=400), "kind": np.arange(400) % 8} for _ in range(3))
        groups = lambda table: {str(kind): table["kind"] == kind for kind in range(8)}  # noqa: E731
        results = run_checks([Check("mean", "", gap, 0.0, groups=groups, bootstrap=28)], truth, answer, second, seed)
        failed += any(result.verdict == "failed" for result in results)
    # at most 0.01: 15 of 300 have p < 1e-6
    assert failed < 15, failed
