"""What a fit's log says of its budget: whether more epochs, or more simulations, would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudchamber.models.recipe import Fit

GAP, CHANCE = 0.05, 3.0
"""Events are known by heart where their loss is lower than that of others by more than this, and than so many deviations that chance gives."""
LAST_EPOCHS = 0.05
"""A best epoch in so late a share of all says that the fit was still learning."""


def advice_of(rows: Sequence[Mapping[str, float]], best_epoch: int, fall: tuple[int, int] | None, settings: Fit, chance: float) -> str:
    """One sentence, or "" where the log cannot tell: without validation, or where parts of a model learn against each other.

    ``rows`` are those of the log, ``fall`` the epochs before the learning rate fell after a plateau, and how many it fell for; ``chance`` is the
    deviation that the choice of the events held out gives their loss.
    """
    best = rows[best_epoch - 1] if 0 < best_epoch <= len(rows) else {}
    if "validation_loss" not in best or "loss" not in best:
        return ""
    # the training loss is the mean over an epoch, of weights on the way: that of the next epoch is as near
    learned = min(row["loss"] for row in rows[best_epoch - 1 : best_epoch + 1])
    gap = best["validation_loss"] - learned
    if settings.schedule == "anneal":
        plateau = min((row["validation_loss"], row["epoch"]) for row in rows[: fall[0] or None])[1] if fall else len(rows)
        cut = fall is None or (sum(fall) >= settings.epochs and fall[0] - plateau < (settings.patience or 0))
    else:
        cut = len(rows) == settings.epochs and best_epoch > (1 - LAST_EPOCHS) * settings.epochs
    by_heart = gap > max(GAP, CHANCE * chance)
    if by_heart:
        return f"more simulations would help: loss {gap:.2g} lower for events it learned from"
    if cut:
        return f"more epochs would help: the validation loss still fell after {len(rows)}"
    return "neither more simulations nor more epochs promise much"
