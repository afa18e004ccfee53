"""Each number of a target by itself, as a mixture of Gaussians says it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

STEPS = 40
"""Halvings of an interval of all components' means and thirteen of their deviations."""


@dataclass(frozen=True)
class Marginals:
    """Log weights (events, components), means and deviations (events, components, numbers)."""

    log_weight: Tensor
    mean: Tensor
    deviation: Tensor

    def quantile(self, level: float) -> Tensor:
        """The value below which each number lies with this probability, (events, numbers), in double precision."""
        weight, mean, deviation = (values.double() for values in (self.log_weight.exp()[..., None], self.mean, self.deviation))
        low, high = (mean - 6.5 * deviation).amin(1), (mean + 6.5 * deviation).amax(1)
        for _ in range(STEPS):
            middle = 0.5 * (low + high)
            below = (weight * torch.special.ndtr((middle[:, None] - mean) / deviation)).sum(1) < level
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return 0.5 * (low + high)

    def density(self, values: Tensor) -> Tensor:
        """Of ``values`` (grid, events, numbers), the same shape, up to a common factor."""
        weight, mean, deviation = (values.double() for values in (self.log_weight.exp()[..., None], self.mean, self.deviation))
        total = torch.zeros_like(values)
        for component in range(mean.shape[1]):
            pull = (values - mean[:, component]) / deviation[:, component]
            total += weight[:, component] / deviation[:, component] * (-0.5 * pull.square()).exp()
        return total
