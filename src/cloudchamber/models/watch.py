"""Figures of what a model draws while it trains: a collapse that no loss tells is seen after an epoch, not after the fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.models.base import ConditionalModel, fixed_noise


@dataclass(frozen=True)
class EffectiveDegrees:
    """Effective degrees of freedom of what is drawn, over those of ``events`` held-out events at the same conditions: 1 is right, 0 one event again and again.

    Those of a sample are 1 over the mean squared correlation of two of its events, about the mean event of the truth. With ``channels`` the target is so many
    equally long ones, one after the other, and each is looked at by itself. A fit whose figure stays below ``least`` for ``patience`` epochs is hopeless.

    References: C. S. Bretherton et al., J. Climate 12 (1999) 1990, eq. 5 (the same of the eigenvalues of a covariance).
    """

    channels: int = 1
    events: int = 512
    least: float = 0.05
    patience: int = 5

    name = "degrees_of_freedom"

    @torch.no_grad()
    def figure(self, model: ConditionalModel, target: Tensor, given: Tensor) -> float:
        """Of ``target`` (events, numbers) and what the model draws at ``given``, from noise that never changes; NaN where that is not finite.

        ValueError for one event, which has no degrees of freedom.
        """
        if len(target) < 2:
            raise ValueError(f"{self.name} are those of two held-out events at least, got {len(target)}: train with more events")
        drawn = model.generate(fixed_noise(target, model.noise_size, seed=2), given)
        truth, answer = (values.double().reshape(len(values), self.channels, -1) for values in (target, drawn))
        mean = truth.mean(0)
        squares = [torch.stack([_mean_square(values[:, i] - mean[i]) for i in range(self.channels)]).mean() for values in (truth, answer)]
        return float(squares[0] / squares[1])

    def advice(self, figures: Sequence[float]) -> str:
        """Why a fit with these ``figures`` of its epochs so far is hopeless and what to do, or ""."""
        last = list(figures)[-self.patience :]
        if not last or (all(value == value for value in last) and (len(last) < self.patience or max(last) >= self.least)):
            return ""
        few = f"{last[-1]:.2g} of the held-out events' degrees of freedom, below {self.least:g} for {len(last)} epochs: it draws the same again and again"
        told = f"what it draws has {few}" if all(value == value for value in last) else "what it draws is not finite any more"
        return f"{told}. Try lower learning rates, fewer turns of the critic, a larger batch_size or another seed, in another folder"


def _mean_square(values: Tensor) -> Tensor:
    """Mean squared cosine of pairs of different rows (events, numbers); rows of zeros are like all others."""
    norm = values.norm(dim=1, keepdim=True)
    events, unit, nothing = len(values), values / torch.where(norm > 0, norm, 1.0), (norm == 0).sum()
    gram = unit @ unit.T if events <= values.shape[1] else unit.T @ unit
    # a row's square with itself is 1
    pairs = gram.square().sum() - (events - nothing) + nothing * (2 * events - nothing - 1)
    return pairs / (events * (events - 1))
