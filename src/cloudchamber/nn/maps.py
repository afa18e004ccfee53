"""Convolutional networks on square maps of the sky with equal pixels, one map for each energy bin, followed by numbers that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def map_side(given_size: int, maps: int, numbers: int) -> int:
    """The side of the maps; ValueError where ``given_size`` numbers are not ``maps`` square ones and ``numbers`` further ones."""
    side = isqrt(max(given_size - numbers, 0) // max(maps, 1))
    if maps < 1 or numbers < 0 or side < 1 or maps * side * side + numbers != given_size:
        raise ValueError(f"{given_size} numbers are not {maps} square maps and {numbers} further numbers")
    return side


class MapBody(nn.Module):
    """(events, maps * side^2 + numbers) to (events, size): ``convolutions`` on the maps, whose features ``join`` the numbers."""

    convolutions: nn.Module
    join: nn.Module

    def __init__(self, given_size: int, maps: int, numbers: int, size: int) -> None:
        super().__init__()
        self.maps, self.numbers, self.size, self.side = maps, numbers, size, map_side(given_size, maps, numbers)

    def forward(self, given: Tensor) -> Tensor:
        pixels, numbers = given.split((self.maps * self.side**2, self.numbers), 1)
        features = self.convolutions(pixels.unflatten(1, (self.maps, self.side, self.side)))
        found: Tensor = self.join(torch.cat((features, numbers), 1))
        return found


@dataclass(frozen=True)
class MapConvolutions:
    """Settings of convolutions that halve the maps again and again, with ``channels`` channels; a layer of ``size`` features ends them.

    Given are ``maps`` maps of one side, pixel after pixel, then ``numbers`` further numbers, which join the last layer. Nothing is normalised on the way: how
    much a map varies is what it tells. A share ``dropout`` of what the convolutions find is left out in training.
    """

    maps: int = 3
    numbers: int = 3
    channels: tuple[int, ...] = (16, 32, 32, 48, 48)
    size: int = 64
    dropout: float = 0.0

    def build(self, given_size: int) -> MapConvolutionsBody:
        """The network for ``given_size`` numbers an event."""
        return MapConvolutionsBody(self, given_size)


class MapConvolutionsBody(MapBody):
    """See ``MapConvolutions``."""

    def __init__(self, settings: MapConvolutions, given_size: int) -> None:
        super().__init__(given_size, settings.maps, settings.numbers, settings.size)
        layers: list[nn.Module] = []
        before, side = settings.maps, self.side
        for number, channels in enumerate(settings.channels):
            width = 5 if number == 0 else 3
            layers += [nn.Conv2d(before, channels, width, stride=2, padding=width // 2), nn.SiLU()]
            before, side = channels, (side + 1) // 2
        self.convolutions = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(settings.dropout))
        self.join = nn.Sequential(nn.Linear(before * side**2 + settings.numbers, 2 * settings.size), nn.SiLU(), nn.Linear(2 * settings.size, settings.size))


class ResponseNorm(nn.Module):
    """``nn.LocalResponseNorm(5)`` of images, (events, channels, side, side), as a convolution: that one's export to ONNX knows one number of events alone."""

    near: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        place = torch.arange(channels)
        near = ((place[:, None] - place).abs() <= 2).float() / 5
        self.register_buffer("near", near[:, :, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return images / (1 + 1e-4 * F.conv2d(images.square(), self.near)) ** 0.75


@dataclass(frozen=True)
class PooledMaps:
    """Settings of the founding talk's network: max pooling after each convolution, local response normalisation after every other, ``hidden`` units, features.

    References: S. Caron et al., JCAP 05 (2018) 058, section 3; A. Krizhevsky, I. Sutskever, G. Hinton, NeurIPS 25 (2012), section 3.3.
    """

    maps: int = 3
    numbers: int = 3
    channels: tuple[int, ...] = (16, 32, 64, 64)
    hidden: int = 128
    size: int = 64

    def build(self, given_size: int) -> PooledMapsBody:
        """The network for ``given_size`` numbers an event."""
        return PooledMapsBody(self, given_size)


class PooledMapsBody(MapBody):
    """See ``PooledMaps``."""

    def __init__(self, settings: PooledMaps, given_size: int) -> None:
        super().__init__(given_size, settings.maps, settings.numbers, settings.size)
        layers: list[nn.Module] = []
        before, side = settings.maps, self.side
        for number, channels in enumerate(settings.channels):
            width = 5 if number == 0 else 3
            layers += [nn.Conv2d(before, channels, width, padding=width // 2), nn.ReLU(), nn.MaxPool2d(2)]
            if number % 2:
                layers.append(ResponseNorm(channels))
            before, side = channels, side // 2
        if side < 1:
            raise ValueError(f"maps of {self.side} pixels a side are too small for {len(settings.channels)} poolings")
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        inputs = before * side**2 + settings.numbers
        self.join = nn.Sequential(nn.Linear(inputs, settings.hidden), nn.ReLU(), nn.Linear(settings.hidden, settings.size), nn.ReLU())
