"""Simulated candidates: the filter's numbers beside the truth, and given theta the same law."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import take
from cloudchamber.studies.bolometer.glitches.columns import GLITCHES
from cloudchamber.studies.bolometer.glitches.view import GlitchView


def test_candidates_are_what_the_filter_says_of_the_truth() -> None:
    theta, x = GlitchView().joint(600, rng(1))
    real = theta["glitch"] > 0
    assert 0.03 < np.mean(~real) < 0.2
    shares = np.bincount(theta["glitch"][real], minlength=4)[1:] / real.sum()
    # rates of 35, 5 and 5 mm2, of which the weakest are not seen
    assert np.all(np.abs(shares - [0.8, 0.1, 0.08]) < 0.06)
    strong = real & (x["filter_significance"] > 20)
    assert np.mean(np.abs(np.log(theta["height_w"] / x["filter_height_w"]))[strong] < 0.4) > 0.95
    assert np.mean(np.abs(theta["lag_s"] - x["filter_lag_s"])[strong] * 180.3737 < 1) > 0.97
    assert np.mean(x["filter_family"][strong] + 1 == theta["glitch"][strong]) > 0.93
    assert np.all(x["filter_significance"] >= 3.5) and np.std(x["residual_sigma"]) < 1.3


def test_given_theta_the_law_is_the_same() -> None:
    """Of pulses at given theta the filter's errors are those of pulses that came by chance."""
    view = GlitchView()
    theta, x = view.joint(60, rng(2))
    theta = take(theta, x["filter_significance"] > 6)
    again = view.simulate(theta, rng(3))
    off = np.log(theta["height_w"] / again["filter_height_w"])[theta["glitch"] > 0]
    assert abs(np.median(off)) < 0.15 and np.quantile(np.abs(off), 0.68) < 0.4
    assert np.mean(again["filter_family"] + 1 == theta["glitch"]) > 0.75
    assert GLITCHES[0] == "none"


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"noise_w": (0.0, 1e-17)}, "noise_w: needs 0 < low"), ({"threshold": 1.0}, "threshold: 1 is outside"), ({"threshold": float("nan")}, "threshold: nan")],
)
def test_settings_that_say_nothing_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        GlitchView(**settings)
