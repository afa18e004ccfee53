"""Checks of shapes pass the simulator against itself and fail what is wrong with them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cloudchamber.rng import rng
from cloudchamber.schema import Table, take
from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.sky.diffuse_sky import DiffuseSky
from cloudchamber.studies.galactic_centre.surrogate.checks import power_ratio, shape_checks
from cloudchamber.validate.check import run_checks

EVENTS = 400


@cache
def truths() -> tuple[Table, Table]:
    """Two of the same theta."""
    sky = DiffuseSky(32)
    theta = sky.prior(EVENTS, rng(1))
    return theta | sky.simulate(theta, rng(2)), theta | sky.simulate(theta, rng(3))


def value(word: str, answer: Table) -> float:
    check = next(check for check in shape_checks() if check.name.startswith(word))
    [result] = run_checks([check], truths()[0], answer, None, seed=1, bootstrap=0)
    return result.value


def test_names_are_unique_and_each_check_says_why() -> None:
    names = [check.name for check in shape_checks()]
    assert len(set(names)) == len(names) and all(check.why and check.limit for check in shape_checks())


def test_power_of_smoothed_maps_is_missed_on_small_scales_alone() -> None:
    first, second = truths()
    smooth = second | {SHAPES[0]: np.exp(gaussian_filter(np.log(second[SHAPES[0]]), (0, 0.6, 0.6)))}
    ratio = power_ratio(first, smooth, SHAPES[0])
    assert abs(ratio[0] - 1) < 0.1 and ratio[-1] < 0.5
    assert np.abs(power_ratio(first, second, SHAPES[0]) - 1).max() < 0.1


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        ("gas, |b| 2 to 5", lambda table: table | {SHAPES[0]: 1.3 * table[SHAPES[0]]}),
        ("inverse Compton, |b| 10", lambda table: table | {SHAPES[1]: table[SHAPES[1]] ** 1.5}),
        ("power of inverse", lambda table: table | {SHAPES[1]: table[SHAPES[1]] ** 1.5}),
        ("correlation with theta", lambda table: table | {name: table[name][::-1] for name in SHAPES}),
        # one map for all: nothing varies but with theta
        ("spread about theta", lambda table: table | {name: np.exp(0.5 * np.log(table[name])) for name in SHAPES}),
    ],
)
def test_a_wrong_answer_is_further_off_than_the_truth(word: str, wrong: object) -> None:
    assert callable(wrong)
    assert value(word, wrong(truths()[1])) > 2.5 * value(word, truths()[1])


def test_a_classifier_finds_maps_without_turbulence() -> None:
    first, second = truths()
    smooth = second | {SHAPES[0]: np.exp(gaussian_filter(np.log(second[SHAPES[0]]), (0, 1.0, 1.0)))}
    check = next(check for check in shape_checks() if check.name == "classifier AUC, numbers")
    some = slice(0, 200)
    found = [run_checks([check], take(first, some), take(table, some), None, seed=1)[0].value for table in (second, smooth)]
    assert found[0] < 0.65 and found[1] > 0.95
