"""Detectors, and settings that are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cloudchamber.studies.bolometer.detector import LITEBIRD_FAMILIES, PLANCK, Detector


def test_both_detectors() -> None:
    assert (Detector().bolometers, Detector().rate_hz, Detector().family_names) == (12, 156.25, ("wafer", "absorber"))
    np.testing.assert_allclose(Detector().area_cm2(), [100.0, 12 * 0.0007])
    assert (PLANCK.bolometers, PLANCK.rate_hz, PLANCK.family_names) == (2, 180.3737, ("long", "short", "slow"))
    assert [family.index for family in PLANCK.families] == [2.4, 1.7, 2.4]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rate_hz": 31.25}, r"rate_hz: 31.25 is outside the allowed \[96.46, 1e\+06\] Hz: exponentials of 0.0033 s cannot .* set decimation"),
        ({"decimation": 0}, r"decimation: 0 is outside the allowed \[1, 64\]"),
        ({"time_constants_s": (0.0, 0.02, 0.003)}, r"time_constants_s: each is in the allowed \[1e-05, 100\] s"),
        ({"time_constants_s": (0.01,)}, r"family wafer: near and far need a share of each of the 1 time_constants_s"),
        ({"saturation_w": -1.0}, r"saturation_w: -1 is outside the allowed"),
        ({"scatter": float("nan")}, r"scatter: nan is outside the allowed \[0, 1\]"),
        ({"families": ()}, r"families: needs at least one, each once, got none"),
        ({"families": LITEBIRD_FAMILIES * 2}, r"each once, got wafer, absorber, wafer, absorber"),
    ],
)
def test_bad_detectors_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Detector(**settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"near": (0.5, 0.0, 0.0)}, r"family wafer, near: shares of the exponentials are not negative and add up to 1, got \(0.5"),
        ({"far": (1.0, 0.0, 0.0)}, r"family wafer: what is near and what is far come with different delays"),
        ({"near_w_per_kev": -1.0}, r"family wafer, near_w_per_kev: -1 is outside the allowed \[0, 1\] W/keV"),
        ({"index": 2.0, "low_kev": 10.0, "high_kev": 9.0}, r"family wafer: needs 0 < low_kev <= break_kev < high_kev, got 10, 0 and 9 keV"),
    ],
)
def test_bad_families_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Detector(families=(replace(LITEBIRD_FAMILIES[0], **settings),))
