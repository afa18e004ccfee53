"""An exponential average of a model's weights, smoother than the last step's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """The running average of all parameters and float buffers of ``model``; what is not a float is the latest.

    The decay grows as (1 + n) / (10 + n) with the updates n up to ``decay``, so that the random start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"average_decay must lie between 0 and 1, got {decay}")
        self.decay, self.updates = decay, 0
        self.weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the model's present weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.weights[name].lerp_(tensor, 1 - decay)
            else:
                self.weights[name].copy_(tensor)

    def state(self) -> dict[str, Any]:
        """The averaged weights and the number of updates."""
        return {"weights": self.weights, "updates": self.updates}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what ``state`` gave."""
        self.updates = state["updates"]
        for name, tensor in self.weights.items():
            tensor.copy_(state["weights"][name])

    @contextmanager
    def placed_in(self, model: nn.Module) -> Iterator[None]:
        """Inside this context ``model`` has the averaged weights."""
        own = copied(model.state_dict())
        model.load_state_dict(self.weights)
        try:
            yield
        finally:
            model.load_state_dict(own)


def copied(weights: dict[str, Tensor], device: torch.device | str | None = None) -> dict[str, Tensor]:
    """A copy of ``weights`` that later steps don't change, on ``device``."""
    return {name: tensor.detach().to(device, copy=True) for name, tensor in weights.items()}
