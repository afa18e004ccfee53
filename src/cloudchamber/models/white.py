"""A model of a target whose last numbers are noise already: as many as there are cost nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution, normal_log_prob
from cloudchamber.models.recipe import ModelSettings


@dataclass(frozen=True)
class White:
    """Settings of a ``model`` of the target's first ``split`` numbers; the others are standard normal, independent of these and of what is given."""

    model: ModelSettings
    split: int = 1

    def build(self, target_size: int, given_size: int) -> WhiteModel:
        """The model for so many numbers."""
        if not 0 < self.split < target_size:
            raise ValueError(f"split must leave numbers to model and noise, 1 to {target_size - 1} of the target's {target_size}, got {self.split}")
        return WhiteModel(self.model.build(self.split, given_size), target_size - self.split)


class WhiteModel(ConditionalModel):
    """See ``White``. The noise is the model's, then the target's own."""

    def __init__(self, model: ConditionalModel, white: int) -> None:
        super().__init__()
        self.model, self.white = model, white
        self.target_size, self.given_size, self.noise_size = model.target_size + white, model.given_size, model.noise_size + white
        self.options = model.options

    def forward(self, given: Tensor) -> WhiteDistribution:
        return WhiteDistribution(self, given)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The model's."""
        yield from self.model.losses(target[:, : self.model.target_size], given)

    def calibrate(self, held_out: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.model.calibrate((target[:, : self.model.target_size], given) for target, given in held_out)

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        return self.model.validation_loss(target[:, : self.model.target_size], given)


class WhiteDistribution(Distribution):
    """p(first | given) times a standard normal density."""

    def __init__(self, model: WhiteModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor, **options: Any) -> Tensor:
        own, rest = noise.split((self.model.model.noise_size, self.model.white), 1)
        return torch.cat((self.model.model.generate(own, self.given, **options), rest), 1)

    def log_prob(self, target: Tensor) -> Tensor:
        """ln p; ValueError where the model has no density."""
        first, rest = target.split((self.model.model.target_size, self.model.white), 1)
        density: Tensor = self.model.model(self.given).log_prob(first)
        return density + normal_log_prob(rest)
