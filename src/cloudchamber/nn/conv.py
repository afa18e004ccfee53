"""Convolutional trunks for a one-dimensional signal with several channels: a transposed-convolution generator and a critic."""

from __future__ import annotations

from math import ceil
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cloudchamber.nn.mlp import MLP

SLOPE = 0.2


class NoiseInjection(nn.Module):
    """Add one noise signal to all channels, each with its own learned scale (starting at zero).

    References: Karras et al. (2019), A style-based generator architecture, section 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, features: Tensor, noise: Tensor) -> Tensor:
        """``features`` (events, channels, length), ``noise`` (events, length)."""
        return features + self.scale * noise[:, None, :]


class ConvGenerator(nn.Module):
    """Code (events, inputs) to a flat (events, channels * length + scalars): the signal by channels, then the scalars.

    Each of the ``stages`` doubles the length. ``noise_injection`` adds fresh noise after every stage; its numbers are the ``noise`` of
    ``forward``, (events, noise_size). With ``dense`` a stage sees the outputs of all earlier stages (Huang et al. 2017, DenseNet).
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        length: int,
        scalars: int,
        width: int = 64,
        stages: int = 3,
        hidden: int = 256,
        noise_injection: bool = False,
        dense: bool = False,
    ) -> None:
        super().__init__()
        self.length, self.scalars, self.width, self.dense = length, scalars, width, dense
        self.start = ceil(length / 2**stages)
        self.lengths = [self.start * 2 ** (stage + 1) for stage in range(stages)]
        self.noise_size = sum(self.lengths) if noise_injection else 0
        self.code = nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, hidden), nn.LeakyReLU(SLOPE))
        self.seed = nn.Sequential(nn.Linear(hidden, width * self.start), nn.LeakyReLU(SLOPE))
        depth = [width * (stage + 1 if dense else 1) for stage in range(stages + 1)]
        self.stages = nn.ModuleList(nn.ConvTranspose1d(d, width, kernel_size=4, stride=2, padding=1) for d in depth[:-1])
        self.noises = nn.ModuleList(NoiseInjection(width) for _ in range(stages if noise_injection else 0))
        self.signal = nn.Conv1d(depth[-1], channels, kernel_size=5, padding=2)
        self.scalar = MLP(hidden + depth[-1], scalars, hidden, layers=1) if scalars else None

    def forward(self, code: Tensor, noise: Tensor) -> Tensor:
        hidden = self.code(code)
        features = self.seed(hidden).unflatten(1, (self.width, self.start))
        parts = noise.split(self.lengths, dim=1) if self.noises else ()
        for number, stage in enumerate(self.stages):
            new = stage(features)
            if self.noises:
                new = self.noises[number](new, parts[number])
            new = F.leaky_relu(new, SLOPE)
            features = torch.cat((F.interpolate(features, scale_factor=2.0, mode="nearest"), new), dim=1) if self.dense else new
        signal = cast(Tensor, self.signal(features))[..., : self.length].flatten(1)
        if self.scalar is None:
            return signal
        return torch.cat((signal, self.scalar(torch.cat((hidden, features.mean(-1)), dim=1))), dim=1)


class ConvCritic(nn.Module):
    """Score (events, outputs) of a signal (events, channels, length) with further numbers (events, extra), which every stage sees.

    Each of the ``stages`` halves the length; no batch norm, as the gradient penalty needs independent events. ``dense`` as in the generator.
    """

    def __init__(
        self, channels: int, length: int, extra: int, width: int = 64, stages: int = 3, hidden: int = 256, dense: bool = False, outputs: int = 1
    ) -> None:
        super().__init__()
        self.dense = dense
        depth = [channels + (width * stage if dense else 0) if dense or stage == 0 else width for stage in range(stages + 1)]
        self.stages = nn.ModuleList(nn.Conv1d(d, width, kernel_size=5, stride=2, padding=2) for d in depth[:-1])
        self.extras = nn.ModuleList(nn.Linear(extra, width) for _ in range(stages))
        self.score = MLP(depth[-1] * ceil(length / 2**stages) + extra, outputs, hidden, layers=1)

    def forward(self, signal: Tensor, extra: Tensor) -> Tensor:
        features = signal
        for stage, condition in zip(self.stages, self.extras, strict=True):
            new = F.leaky_relu(stage(features) + condition(extra)[..., None], SLOPE)
            features = torch.cat((F.avg_pool1d(features, 2, ceil_mode=True), new), dim=1) if self.dense else new
        return cast(Tensor, self.score(torch.cat((features.flatten(1), extra), dim=1)))
