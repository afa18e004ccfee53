"""Values that bring their own errors: a check believes them, and they are those that a bootstrap would find."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import auc
from cloudchamber.statistics.measured import Measured
from cloudchamber.validate.check import Check, run_checks


def table(seed: int, shift: float = 0.0) -> Table:
    return {"x": shift + np.random.default_rng(seed).standard_normal(400)}


def test_a_value_with_its_own_error_is_measured_once() -> None:
    calls = []

    def value(truth, answer):
        calls.append(len(truth["x"]))
        return Measured(0.5, 0.01)

    [result] = run_checks([Check("auc", "", value, 0.55)], table(1), table(2), table(3), seed=1)
    assert (result.value, result.error, result.floor) == (0.5, 0.01, 0.5)
    assert len(calls) == 2


def test_an_own_error_is_the_bootstraps() -> None:
    """DeLong's error of the area under the curve, and the spread of the area over resamples."""

    def area(truth: Table, answer: Table) -> Measured:
        return auc(truth["x"], answer["x"])

    checks = [Check("own", "", area, 0.55), Check("resampled", "", lambda truth, answer: area(truth, answer).value, 0.55)]
    own, resampled = run_checks(checks, table(1), table(2, 0.5), table(3), seed=1, bootstrap=400)
    assert own.value == resampled.value == pytest.approx(0.638, abs=0.07)
    assert own.error == pytest.approx(resampled.error, rel=0.2) and own.error != resampled.error


def test_an_error_that_is_unknown_is_resampled() -> None:
    [result] = run_checks(
        [Check("mean", "", lambda _, answer: Measured(answer["x"].mean(), np.nan), None)], table(1), table(2), table(3), seed=1, bootstrap=300
    )
    assert result.error == pytest.approx(400**-0.5, rel=0.2)
