"""One model for every channel of a signal: each channel of an event is a draw of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.recipe import ModelSettings


@dataclass(frozen=True)
class Channels:
    """Settings of a ``model`` of one channel, for a target of ``channels`` equally long ones, one after the other.

    All channels are alike and independent, given the event's condition: what they share, or differ by, is lost.
    """

    model: ModelSettings
    channels: int = 1

    def build(self, target_size: int, given_size: int) -> ChannelsModel:
        """The model for so many numbers."""
        if self.channels < 1 or target_size % self.channels:
            raise ValueError(f"the target's {target_size} numbers are no {self.channels} channels of one length")
        return ChannelsModel(self.model.build(target_size // self.channels, given_size), self.channels)


class ChannelsModel(ConditionalModel):
    """See ``Channels``. The noise is that of the first channel, then of the next."""

    def __init__(self, model: ConditionalModel, channels: int) -> None:
        super().__init__()
        self.model, self.channels = model, channels
        self.target_size, self.given_size, self.noise_size = channels * model.target_size, model.given_size, channels * model.noise_size
        self.options = model.options

    def forward(self, given: Tensor) -> ChannelsDistribution:
        return ChannelsDistribution(self, given)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """Those of the channels as events."""
        yield from self.model.losses(*self.apart(target, given))

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        """Of the channels as events."""
        return self.model.validation_loss(*self.apart(target, given))

    def apart(self, values: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers (events, channels * size) as (events * channels, size), each with its event's condition."""
        return values.reshape(-1, values.shape[1] // self.channels), given[:, None].expand(-1, self.channels, -1).flatten(0, 1)


class ChannelsDistribution(Distribution):
    """Independent channels."""

    def __init__(self, model: ChannelsModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor, **options: Any) -> Tensor:
        apart, given = self.model.apart(noise, self.given)
        drawn = self.model.model.generate(apart, given, **options)
        return drawn.reshape(-1, self.model.target_size)

    def log_prob(self, target: Tensor) -> Tensor:
        """The sum of the channels'; ValueError where the model has no density."""
        apart, given = self.model.apart(target, self.given)
        total: Tensor = self.model.model(given).log_prob(apart).reshape(-1, self.model.channels).sum(1)
        return total
