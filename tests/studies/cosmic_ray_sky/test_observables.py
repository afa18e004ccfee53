from __future__ import annotations

import numpy as np

from cloudchamber.studies.cosmic_ray_sky.observables import area_under_curve, by_signal, checks, of_both_kinds
from cloudchamber.validate.check import run_checks


def answers(sharpness: float, n: int = 4000) -> tuple[dict, dict]:
    """Skies whose stated odds are the true ones to the power ``sharpness``: 1 is exact, above too sure, below too careful."""
    random = np.random.default_rng(3)
    odds = random.normal(0, 2, n)
    kind = (random.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    stated = 1 / (1 + np.exp(-sharpness * odds))
    truth = {"kind": kind, "n_signal": kind * random.integers(5, 70, n)}
    return truth, truth | {"kind_probability": np.stack((1 - stated, stated), 1)}


def test_calibration_passes_the_exact_answer_and_fails_those_too_sure_or_too_careful() -> None:
    for sharpness, passes in ((1.0, True), (1.6, False), (0.6, False)):
        truth, answer = answers(sharpness)
        results = run_checks(checks(), truth, answer, None, seed=1, bootstrap=5)
        [calibration] = [result for result in results if result.name.startswith("calibration")]
        assert calibration.passed is passes and calibration.floor > 0


def test_area_under_curve() -> None:
    assert area_under_curve(np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, False, True, True])) == 1.0
    assert area_under_curve(np.ones(4), np.array([False, True, False, True])) == 0.5
    assert np.isnan(area_under_curve(np.ones(3), np.ones(3, bool)))


def test_groups_hold_all_isotropic_skies() -> None:
    truth, _ = answers(1.0, 200)
    for mask in by_signal(truth).values():
        assert mask[truth["kind"] == 0].all()
    one_kind = truth | {"kind": np.zeros_like(truth["kind"]), "n_signal": np.zeros_like(truth["n_signal"])}
    assert not any(mask.any() for mask in (by_signal(one_kind) | of_both_kinds(one_kind)).values()) and of_both_kinds(truth)[""].all()
