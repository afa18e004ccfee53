"""Generators, critics and constrainers of adversarial networks: of plain numbers, signals and images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from cloudchamber.nn.conv import ConvCritic, ConvGenerator
from cloudchamber.nn.images import ImageConstrainer, ImageCritic, ImageGenerator, image_side
from cloudchamber.nn.mlp import MLP


class GanNetworks(Protocol):
    """The networks of a GAN, a part of its settings: a frozen dataclass that builds them and knows how they are asked. Another family is a class of its own."""

    def check(self, target_size: int) -> None:
        """ValueError where the target's numbers don't fit."""
        ...

    def generator(self, code_size: int, target_size: int) -> nn.Module:
        """From the latent code and the given numbers, (events, code_size)."""
        ...

    def injected(self, generator: nn.Module) -> int:
        """How many numbers of noise the generator takes beside the code."""
        ...

    def draw(self, generator: nn.Module, code: Tensor, injected: Tensor) -> Tensor:
        """A target for each event, (events, target_size)."""
        ...

    def critic(self, target_size: int, given_size: int) -> nn.Module:
        """Tells real events from generated ones."""
        ...

    def score(self, critic: nn.Module, target: Tensor, given: Tensor) -> Tensor:
        """The critic's answer, (events,): high for events that look real."""
        ...

    def constrainer(self, target_size: int, numbers: int) -> nn.Module:
        """Tells so many of the given numbers from an event."""
        ...


@dataclass(frozen=True)
class DenseNetworks:
    """Residual networks of plain numbers."""

    hidden: int = 256
    layers: int = 2

    def check(self, target_size: int) -> None:
        """Any number will do."""

    def generator(self, code_size: int, target_size: int) -> nn.Module:
        """A residual network."""
        return MLP(code_size, target_size, self.hidden, self.layers)

    def injected(self, generator: nn.Module) -> int:
        """None."""
        return 0

    def draw(self, generator: nn.Module, code: Tensor, injected: Tensor) -> Tensor:
        """From the code alone."""
        drawn: Tensor = generator(code)
        return drawn

    def critic(self, target_size: int, given_size: int) -> nn.Module:
        """A residual network of target and given."""
        return MLP(target_size + given_size, 1, self.hidden, self.layers)

    def score(self, critic: nn.Module, target: Tensor, given: Tensor) -> Tensor:
        """Of both together."""
        answer: Tensor = critic(torch.cat((target, given), 1))
        return answer[:, 0]

    def constrainer(self, target_size: int, numbers: int) -> nn.Module:
        """A residual network of the target."""
        return MLP(target_size, numbers, self.hidden, self.layers)


@dataclass(frozen=True)
class ConvNetworks:
    """Convolutions along a signal: the first ``channels`` * ``length`` target numbers, by channels; the rest are scalars.

    The generator may take ``noise_injection`` at every stage, and both networks ``dense`` connections. Constrainers have ``layers`` residual blocks.
    """

    channels: int = 1
    length: int = 0
    width: int = 64
    stages: int = 3
    hidden: int = 256
    layers: int = 2
    noise_injection: bool = False
    dense: bool = False

    def check(self, target_size: int) -> None:
        """The signal must be a part of the target."""
        if not 0 < self.channels * self.length <= target_size:
            raise ValueError(f"ConvNetworks need channels * length between 1 and the target's {target_size} numbers, got {self.channels} * {self.length}")

    def generator(self, code_size: int, target_size: int) -> ConvGenerator:
        """Of the signal and the scalars."""
        scalars = target_size - self.channels * self.length
        return ConvGenerator(code_size, self.channels, self.length, scalars, self.width, self.stages, self.hidden, self.noise_injection, self.dense)

    def injected(self, generator: nn.Module) -> int:
        """At every stage, where that is asked for."""
        assert isinstance(generator, ConvGenerator)
        return generator.noise_size

    def draw(self, generator: nn.Module, code: Tensor, injected: Tensor) -> Tensor:
        """From code and injected noise."""
        drawn: Tensor = generator(code, injected)
        return drawn

    def critic(self, target_size: int, given_size: int) -> nn.Module:
        """Of the signal, with scalars and given numbers beside it."""
        scalars = target_size - self.channels * self.length
        return ConvCritic(self.channels, self.length, scalars + given_size, self.width, self.stages, self.hidden, self.dense)

    def score(self, critic: nn.Module, target: Tensor, given: Tensor) -> Tensor:
        """Of the signal and what stands beside it."""
        signal = target[:, : self.channels * self.length]
        extra = torch.cat((target[:, signal.shape[1] :], given), 1)
        answer: Tensor = critic(signal.unflatten(1, (self.channels, self.length)), extra)
        return answer[:, 0]

    def constrainer(self, target_size: int, numbers: int) -> nn.Module:
        """A residual network of the target."""
        return MLP(target_size, numbers, self.hidden, self.layers)


@dataclass(frozen=True)
class ImageNetworks:
    """Convolutions over a square image of ``length`` pixels in ``channels``: the whole target."""

    channels: int = 1
    length: int = 0
    width: int = 64
    hidden: int = 256

    def check(self, target_size: int) -> None:
        """The image must be the target."""
        if self.channels * self.length != target_size:
            raise ValueError(f"ImageNetworks need channels * length = {target_size}, the target's numbers, got {self.channels} * {self.length}")

    def generator(self, code_size: int, target_size: int) -> nn.Module:
        """Of the image."""
        return ImageGenerator(code_size, self.channels, image_side(self.length), self.width, self.hidden)

    def injected(self, generator: nn.Module) -> int:
        """None."""
        return 0

    def draw(self, generator: nn.Module, code: Tensor, injected: Tensor) -> Tensor:
        """From the code alone."""
        drawn: Tensor = generator(code)
        return drawn

    def critic(self, target_size: int, given_size: int) -> nn.Module:
        """Of the image, at the given numbers."""
        return ImageCritic(self.channels, image_side(self.length), given_size, self.width, self.hidden)

    def score(self, critic: nn.Module, target: Tensor, given: Tensor) -> Tensor:
        """Of the image."""
        answer: Tensor = critic(target, given)
        return answer[:, 0]

    def constrainer(self, target_size: int, numbers: int) -> nn.Module:
        """Of the image."""
        return ImageConstrainer(self.channels, image_side(self.length), numbers, self.width)
