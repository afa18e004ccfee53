"""Standard scaling whose mean and deviation travel with the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """(values - mean) / deviation, entry by entry, (events, size) to (events, size); the identity until ``fit``."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def fit(self, values: Tensor) -> None:
        """Take mean and deviation from ``values`` (events, size); an entry that never changes is only centred."""
        if values.ndim != 2 or values.shape[1] != len(self.mean) or len(values) == 0:
            raise ValueError(f"values to standardise must have shape (events, {len(self.mean)}) with at least one event, got {tuple(values.shape)}")
        mean = values.double().mean(0)
        deviation = values.double().std(0, correction=0)
        # float32 rounding alone spreads a constant entry by some 1e-7 of its size
        still = deviation <= 1e-6 * mean.abs()
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(still, 1.0, deviation))

    def forward(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.deviation

    def inverse(self, scaled: Tensor) -> Tensor:
        """Undo ``forward``."""
        return scaled * self.deviation + self.mean

    def log_det(self) -> Tensor:
        """ln|d scaled / d values|, one number."""
        return -self.deviation.log().sum()


class Gaussianise(nn.Module):
    """Each number through its own monotonic, piecewise-linear map, so that its marginal becomes a standard normal; straight beyond +-``REACH``."""

    REACH, STEPS = 3.2, 64
    values: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("values", torch.linspace(-self.REACH, self.REACH, self.STEPS + 1).repeat(size, 1))

    def fit(self, flat: Tensor) -> None:
        """Set the map to the quantiles of ``flat`` (events, size)."""
        levels = torch.special.ndtr(torch.linspace(-self.REACH, self.REACH, self.STEPS + 1, dtype=torch.float64))
        ordered = flat.double().sort(dim=0).values
        place = levels * (len(flat) - 1)
        low = place.floor().long().clamp(0, max(len(flat) - 2, 0))
        found = torch.lerp(ordered[low], ordered[(low + 1).clamp_max(len(flat) - 1)], (place - low)[:, None])
        # few events leave ties and ragged ends: a straight share keeps the map rising
        middle, width = flat.double().mean(0), flat.double().std(0).clamp_min(1e-6)
        straight = middle + width * torch.linspace(-self.REACH, self.REACH, self.STEPS + 1, dtype=torch.float64)[:, None]
        share = 1.0 / (1.0 + len(flat) / 200.0)
        self.values.copy_((found + share * (straight - found)).T.float())

    def forward(self, flat: Tensor) -> Tensor:
        """Standard normal numbers."""
        segment = (torch.searchsorted(self.values, flat.T.contiguous(), right=True) - 1).clamp(0, self.STEPS - 1)
        left, right = self.values.gather(1, segment), self.values.gather(1, segment + 1)
        position = segment + (flat.T - left) / (right - left).clamp_min(1e-12)
        return position.T * (2 * self.REACH / self.STEPS) - self.REACH

    def inverse(self, normal: Tensor) -> Tensor:
        """The numbers themselves."""
        position = (normal.T + self.REACH) * (self.STEPS / (2 * self.REACH))
        segment = position.floor().clamp(0, self.STEPS - 1).long()
        left, right = self.values.gather(1, segment), self.values.gather(1, segment + 1)
        return (left + (position - segment) * (right - left)).T
