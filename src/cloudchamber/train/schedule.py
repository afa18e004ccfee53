"""How the learning rate moves during a fit: a plain function of the step and, where it waits for a plateau, of the epoch that this came in."""

from __future__ import annotations

import math

from cloudchamber.models.recipe import Schedule

FALL_SHARE = 0.2
"""The annealing of "anneal" takes so many of the epochs that led to the best one."""


def fall_epochs(best_epoch: int, patience: int) -> int:
    """How many epochs the learning rate falls for after a plateau."""
    return max(patience, math.ceil(FALL_SHARE * best_epoch))


def learning_rate_factor(schedule: Schedule, step: int, steps: int, warmup_steps: float = 0.0) -> float:
    """What to multiply the learning rate with in ``step`` (from 0) of ``steps``.

    After a linear rise over ``warmup_steps``: ``constant`` stays at 1, ``cosine`` falls to 0 over the rest (Loshchilov & Hutter 2017, eq. 5, no restart).
    ``onecycle`` rises by a cosine from 1/25 over ``warmup_steps`` (30 % of all steps if 0) and falls to 4e-6 (Smith & Topin 2018).
    ``anneal`` stays at 1 until the fit meets a plateau, which asks for the ``cosine`` of the epochs that are left.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step {step} is outside the {steps} steps of the fit")
    if not 0 <= warmup_steps <= steps:
        raise ValueError(f"the warm-up must last between 0 and all {steps} steps, got {warmup_steps:g}")
    rise = warmup_steps or (0.3 * steps if schedule == "onecycle" else 0.0)
    rising, fallen = (step + 1) / rise if step + 1 < rise else 1.0, max(0.0, (step - rise) / (steps - rise)) if steps > rise else 0.0
    if schedule in ("constant", "anneal"):
        return rising
    if schedule == "cosine":
        return rising * _cosine(1.0, 0.0, fallen)
    if schedule == "onecycle":
        return _cosine(1 / 25, 1.0, rising) if step + 1 < rise else _cosine(1.0, 4e-6, fallen)
    raise ValueError(f"unknown schedule '{schedule}'; there are: constant, cosine, onecycle, anneal")


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))
