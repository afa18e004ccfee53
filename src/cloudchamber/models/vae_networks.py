"""Encoders and decoders of variational autoencoders, other than of plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from cloudchamber.nn.conv import ConvCritic, ConvGenerator


class VaeNetworks(Protocol):
    """The networks of a VAE, a part of its settings: a frozen dataclass that builds them. Another family is a class of its own."""

    def encoder(self, target_size: int, given_size: int, outputs: int) -> nn.Module:
        """From target and given, side by side, (events, target_size + given_size)."""
        ...

    def decoder(self, code_size: int, target_size: int, numbers: int) -> nn.Module:
        """From latent code and given, (events, code_size), to ``numbers`` for each number of the target, (events, numbers * target_size)."""
        ...


@dataclass(frozen=True)
class ConvEncoding:
    """Convolutions along a signal of ``channels`` * ``length`` numbers, by channels: the whole target."""

    channels: int
    length: int
    width: int = 16
    stages: int = 4
    hidden: int = 128

    def encoder(self, target_size: int, given_size: int, outputs: int) -> nn.Module:
        """Each of the ``stages`` halves the length."""
        if self.channels * self.length != target_size:
            raise ValueError(f"ConvEncoding needs channels * length = {target_size}, the target's numbers, got {self.channels} * {self.length}")
        return _Encoder(self, given_size, outputs)

    def decoder(self, code_size: int, target_size: int, numbers: int) -> nn.Module:
        """Each of the ``stages`` doubles the length."""
        return _Decoder(self, code_size, numbers)


class _Encoder(nn.Module):
    def __init__(self, settings: ConvEncoding, given_size: int, outputs: int) -> None:
        super().__init__()
        self.channels, self.size = settings.channels, settings.channels * settings.length
        self.net = ConvCritic(settings.channels, settings.length, given_size, settings.width, settings.stages, settings.hidden, outputs=outputs)

    def forward(self, both: Tensor) -> Tensor:
        out: Tensor = self.net(both[:, : self.size].unflatten(1, (self.channels, -1)), both[:, self.size :])
        return out


class _Decoder(nn.Module):
    def __init__(self, settings: ConvEncoding, code_size: int, numbers: int) -> None:
        super().__init__()
        self.net = ConvGenerator(code_size, numbers * settings.channels, settings.length, 0, settings.width, settings.stages, settings.hidden)

    def forward(self, code: Tensor) -> Tensor:
        out: Tensor = self.net(code, torch.empty(len(code), 0, device=code.device))
        return out
