from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Column
from cloudchamber.validate.defaults import brier_ratio, calibration_error, pixel_checks


def pixels(sharpness: float, n: int = 400, seed: int = 0) -> tuple[dict, dict]:
    """Truth of known probabilities, stated too narrow for a ``sharpness`` above 1, too wide below."""
    random = np.random.default_rng(seed)
    logit = random.normal(0, 2, (n, 8, 8))
    truth = {"kind": (random.random(logit.shape) < 1 / (1 + np.exp(-logit))).astype(int)}
    stated = 1 / (1 + np.exp(-sharpness * logit))
    return truth, {"kind": np.zeros_like(truth["kind"]), "kind_probability": np.stack([1 - stated, stated], -1)}


def test_exact_too_sharp_and_too_wide_answers() -> None:
    exact, sharp, wide = (calibration_error(*pixels(sharpness), "kind") for sharpness in (1.0, 3.0, 0.3))
    assert exact < 0.02 < 0.05 < min(sharp, wide)
    ratios = [brier_ratio(*pixels(sharpness), "kind") for sharpness in (1.0, 3.0, 0.3)]
    assert ratios[0] < min(ratios[1:]) and ratios[0] < 0.8


def test_shares_alone_tell_nothing_and_truth_tells_all() -> None:
    truth, answer = pixels(1.0)
    share = truth["kind"].mean()
    answer["kind_probability"][...] = [1 - share, share]
    assert brier_ratio(truth, answer, "kind") == pytest.approx(1.0)
    assert brier_ratio(truth, truth, "kind") == 0.0 == calibration_error(truth, truth, "kind")


def test_only_columns_of_pixels_are_checked() -> None:
    columns = {"kind": Column(shape=(2, 2), categories=("a", "b")), "one": Column(categories=("a", "b")), "image": Column(shape=(2, 2))}
    assert [check.name for check in pixel_checks(columns)] == ["calibration of kind a pixel", "Brier score of kind / of its shares"]
