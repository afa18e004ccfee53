"""Logs of fits that end well, too early, or by learning by heart."""

from __future__ import annotations

from cloudchamber.models.recipe import Fit
from cloudchamber.train.advice import advice_of

COSINE, ANNEAL = Fit(epochs=20, schedule="cosine"), Fit(epochs=20, schedule="anneal", patience=3)


def log(losses: list[float], held_out: list[float]) -> list[dict[str, float]]:
    return [{"epoch": n, "loss": a, "validation_loss": b} for n, (a, b) in enumerate(zip(losses, held_out, strict=True), start=1)]


def test_a_gap_asks_for_simulations() -> None:
    rows = log([1.0 - 0.05 * n for n in range(20)], [1.0 - 0.02 * min(n, 9) + 0.02 * max(n - 9, 0) for n in range(20)])
    assert advice_of(rows, 10, None, COSINE, 0.0).startswith("more simulations would help: loss 0.32 lower")
    # of few events held out, chance gives as much
    assert advice_of(rows, 10, None, COSINE, 0.2).startswith("neither")


def test_a_loss_that_still_falls_asks_for_epochs() -> None:
    falling = [1.0 - 0.01 * n for n in range(20)]
    rows = log(falling, falling)
    assert advice_of(rows, 20, None, COSINE, 0.0).startswith("more epochs would help: the validation loss still fell after 20")
    # the rate fell because the epochs ended, or because a plateau came
    assert advice_of(rows, 20, (13, 7), ANNEAL, 0.0).startswith("more epochs would help")
    flat = [1.0 - 0.01 * min(n, 7) for n in range(16)]
    assert advice_of(log(flat, flat), 8, (11, 5), ANNEAL, 0.0).startswith("neither")


def test_what_cannot_be_judged_is_not() -> None:
    assert advice_of([{"epoch": 1, "loss": 1.0}], 1, None, COSINE, 0.0) == ""
    assert advice_of([{"epoch": 1, "loss_critic": 1.0, "validation_loss": 1.0}], 1, None, COSINE, 0.0) == ""
