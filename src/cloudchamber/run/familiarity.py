"""How familiar an event is: how far its features lie from those of events like the training's, beside how far such events lie themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 1001
"""Quantiles kept of the distances of held-out events."""
EVENTS_A_FEATURE = 20
"""Fewer held-out events for each feature don't tell their covariance, and how far the others lie from it."""
LEAST_VARIANCE = 1e-4
"""Of the largest principal component's: weaker ones count as if they had so much, since they tell rounding from rounding."""


class Familiarity(nn.Module):
    """Mahalanobis distance of the features that a network makes of an event, against the distances of held-out events.

    References: K. Lee et al. (2018), arXiv:1807.03888 (features of trained networks).
    """

    mean: Tensor
    whitening: Tensor
    distances: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("whitening", torch.eye(size))
        self.register_buffer("distances", torch.zeros(LEVELS))

    @classmethod
    def of(cls, features: Tensor) -> Familiarity | None:
        """Learn from the ``features`` (events, size) of held-out events: where they lie from one half, how far from there from the other; None for too few."""
        events, size = features.shape
        if events < EVENTS_A_FEATURE * size:
            return None
        first, second = features.double().split((events + 1) // 2)
        found = cls(size)
        found.mean.copy_(first.mean(0))
        variances, axes = torch.linalg.eigh(torch.cov(first.T))
        found.whitening.copy_(axes / (variances + LEAST_VARIANCE * variances.max()).sqrt())
        found.distances.copy_(torch.quantile(found.distance(second.float()), torch.linspace(0, 1, LEVELS)))
        return found

    def distance(self, features: Tensor) -> Tensor:
        """Root mean square over the whitened features, (events,)."""
        return ((features - self.mean) @ self.whitening).square().mean(1).sqrt()

    def forward(self, features: Tensor) -> Tensor:
        """The share of held-out events that lie at least as far as each of these, (events,): 0 where none does."""
        below = torch.searchsorted(self.distances, self.distance(features).contiguous())
        return 1 - below.to(features.dtype) / LEVELS
