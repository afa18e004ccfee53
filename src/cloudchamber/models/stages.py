"""Two models in a row by the chain rule, p(target | given) = p(first | given) p(rest | given, first): what decides most is learned apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.recipe import ModelSettings


@dataclass(frozen=True)
class Stages:
    """Settings of two stages: the ``first`` model has the target's first ``split`` numbers, the ``second`` all others, given the first ones too."""

    first: ModelSettings
    second: ModelSettings
    split: int = 1

    def build(self, target_size: int, given_size: int) -> StagesModel:
        """The model for so many numbers."""
        if not 0 < self.split < target_size:
            raise ValueError(f"split must leave numbers to both stages, 1 to {target_size - 1} of the target's {target_size}, got {self.split}")
        return StagesModel(self.first.build(self.split, given_size), self.second.build(target_size - self.split, given_size + self.split))


class StagesModel(ConditionalModel):
    """See ``Stages``. The noise is the first stage's, then the second's; sampling options go to the stages that have them."""

    def __init__(self, first: ConditionalModel, second: ConditionalModel) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.target_size, self.given_size = first.target_size + second.target_size, first.given_size
        self.noise_size = first.noise_size + second.noise_size
        self.options = tuple(dict.fromkeys((*first.options, *second.options)))

    def forward(self, given: Tensor) -> StagesDistribution:
        return StagesDistribution(self, given)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The first stage's turns, then the second's: they share no weights, so each learns on its own."""
        yield from self.first.losses(target[:, : self.first.target_size], given)
        yield from self.second.losses(*self._rest(target, given))

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        """The sum of both."""
        return self.first.validation_loss(target[:, : self.first.target_size], given) + self.second.validation_loss(*self._rest(target, given))

    def _rest(self, target: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        first = target[:, : self.first.target_size]
        return target[:, self.first.target_size :], torch.cat((given, first), 1)


class StagesDistribution(Distribution):
    """p(first | given) p(rest | given, first)."""

    def __init__(self, model: StagesModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor, **options: Any) -> Tensor:
        first, second = self.model.first, self.model.second
        drawn = first.generate(noise[:, : first.noise_size], self.given, **_known(options, first))
        rest = second.generate(noise[:, first.noise_size :], torch.cat((self.given, drawn), 1), **_known(options, second))
        return torch.cat((drawn, rest), 1)

    def log_prob(self, target: Tensor) -> Tensor:
        """ln p of both stages; ValueError where one has no density."""
        first = target[:, : self.model.first.target_size]
        rest, condition = self.model._rest(target, self.given)
        total: Tensor = self.model.first(self.given).log_prob(first) + self.model.second(condition).log_prob(rest)
        return total


def _known(options: dict[str, Any], model: ConditionalModel) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in model.options}
