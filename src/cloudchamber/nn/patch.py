"""A convolutional network on a square patch of detectors with traces: one encoder for all traces, then convolutions over the patch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TracePatch:
    """Settings of the network of the Telescope Array lecture: ``side`` x ``side`` detectors with ``traces`` traces of ``samples`` numbers each.

    Each detector's traces become ``code`` features, which join its other numbers; convolutions with ``channels`` channels run over the patch; a layer of
    ``size`` numbers, with ``dropout`` of them left out in training, ends it. Traces get normal noise of ``noise`` in training.

    References: O. Kalashev, Deep learning for cosmic-ray observatories, Baksan school (2019).
    """

    side: int = 6
    traces: int = 2
    samples: int = 128
    filters: tuple[int, ...] = (16, 32)
    code: int = 24
    channels: tuple[int, ...] = (48, 64)
    size: int = 96
    dropout: float = 0.1
    noise: float = 0.02

    def build(self, given_size: int) -> TracePatchBody:
        """The network for ``given_size`` numbers an event."""
        return TracePatchBody(self, given_size)


class TracePatchBody(nn.Module):
    """See ``TracePatch``: (events, side^2 * numbers of a detector, traces last) to (events, size)."""

    def __init__(self, settings: TracePatch, given_size: int) -> None:
        super().__init__()
        self.settings, self.size = settings, settings.size
        detectors, recorded = settings.side**2, settings.traces * settings.samples
        self.plain = given_size // detectors - recorded
        if given_size % detectors or self.plain < 1:
            raise ValueError(f"{given_size} numbers are not {detectors} detectors with {settings.traces} traces of {settings.samples} and other numbers")
        layers: list[nn.Module] = []
        before, length = settings.traces, settings.samples
        for filters in settings.filters:
            layers += [nn.Conv1d(before, filters, 8, stride=4, padding=2), nn.ReLU()]
            before, length = filters, length // 4
        self.encoder = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * length, settings.code), nn.ReLU())
        layers, before = [], settings.code + self.plain
        for channels in settings.channels:
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        self.patch = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * detectors, settings.size), nn.ReLU(), nn.Dropout(settings.dropout))

    def forward(self, given: Tensor) -> Tensor:
        side, traces, samples = self.settings.side, self.settings.traces, self.settings.samples
        plain, recorded = given.unflatten(1, (side * side, -1)).split((self.plain, traces * samples), 2)
        if self.training:
            recorded = recorded + self.settings.noise * torch.randn_like(recorded)
        codes = self.encoder(recorded.reshape(-1, traces, samples)).unflatten(0, (-1, side * side))
        image = torch.cat((plain, codes), 2).transpose(1, 2).unflatten(2, (side, side))
        found: Tensor = self.patch(image)
        return found
