"""All that changes in a fit, and so all that a checkpoint holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from cloudchamber.models.base import ConditionalModel
from cloudchamber.train.average import Average, copied
from cloudchamber.train.parts import Parts


@dataclass
class Trainee:
    """A model in training: its optimisers, its average, its best weights so far and one row of the log for each epoch done.

    No random state: every epoch begins with its own, drawn from the seed, the epoch and the process.
    """

    model: ConditionalModel
    parts: Parts
    average: Average | None
    best: dict[str, Tensor] = field(default_factory=dict)
    best_loss: float = math.inf
    best_epoch: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    fall: tuple[int, int] | None = None
    """The epochs done before the learning rate began to fall, and how many it falls for."""

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.rows)

    def back_to_best(self) -> None:
        """Take the best weights again; the optimisers keep what they know of the slopes."""
        self.model.load_state_dict(self.best)
        if self.average:
            self.average.weights = copied(self.model.state_dict())

    def state(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint."""
        return {
            "model": self.model.state_dict(),
            "optimisers": self.parts.state(),
            "average": self.average.state() if self.average else None,
            "best": self.best,
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
            "rows": self.rows,
            "fall": self.fall,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what ``state`` gave."""
        self.model.load_state_dict(state["model"])
        self.parts.load(state["optimisers"])
        if self.average:
            self.average.load(state["average"])
        self.fall = state.get("fall")
        self.best, self.best_loss, self.best_epoch, self.rows = state["best"], state["best_loss"], state["best_epoch"], state["rows"]
