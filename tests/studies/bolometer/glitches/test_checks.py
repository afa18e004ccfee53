"""Checks of verdicts: a network that knows the truth passes them, one that guesses fails."""

from __future__ import annotations

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.bolometer.glitches.checks import glitch_checks
from cloudchamber.studies.bolometer.glitches.view import GlitchView

THETA, X = GlitchView().joint(600, rng(1))
TRUTH = THETA | X


def answer(knows: bool) -> Table:
    random, n = rng(2), 600
    glitch = THETA["glitch"] if knows else random.permutation(THETA["glitch"])
    stated = (0.02 + 0.92 * np.eye(4)[glitch]) / 1.0
    draws = np.repeat(glitch[:, None], 50, axis=1)
    off = 0.02 * random.standard_normal((n, 51))
    # the truth is one more draw
    lag = THETA["lag_s"][:, None] + 0.01 * (off[:, :50] - off[:, 50:]) + (0 if knows else 0.02)
    height = THETA["height_w"][:, None] * np.exp(off[:, :50] - off[:, 50:]) * (1 if knows else 3)
    return TRUTH | {"glitch_probability": stated, "glitch_draws": draws, "lag_s_draws": lag, "height_w_draws": height}


def test_who_knows_passes_and_who_guesses_fails() -> None:
    for check in glitch_checks():
        good, bad = (float(check.value(TRUTH, answer(knows))) for knows in (True, False))
        assert check.limit is not None and good <= check.limit < bad, check.name
