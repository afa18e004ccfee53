"""Figures of candidates with their truth."""

from __future__ import annotations

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.glitches.figures import plots
from cloudchamber.studies.bolometer.glitches.view import GlitchView


def test_a_report_shows_answers_that_judge_candidates() -> None:
    import numpy as np

    theta, x = GlitchView().joint(100, rng(1))
    answer = {
        "glitch_probability": np.full((100, 4), 0.25),
        "glitch_draws": np.ones((100, 2), int),
        "lag_s_draws": np.zeros((100, 2)),
        "height_w_draws": np.full((100, 2), 1e-15),
    }
    found = plots(theta | x, {"network": answer, "other": {}})
    assert list(found) == ["Completeness and purity (network)"] and len(found["Completeness and purity (network)"].axes) == 3
