"""Small convolutional networks for square images of a few pixels a side, such as an array of crystals: generator, critic and constrainer."""

from __future__ import annotations

from math import isqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2


def image_side(pixels: int) -> int:
    """The side of a square image; ValueError where ``pixels`` are no square."""
    side = isqrt(max(pixels, 0))
    if side * side != pixels or side == 0:
        raise ValueError(f"an image needs a square number of pixels, got {pixels}")
    return side


class ImageGenerator(nn.Module):
    """Code (events, inputs) to images (events, channels * side^2): two linear layers, a transposed convolution that doubles the side, two convolutions."""

    def __init__(self, inputs: int, channels: int, side: int, width: int = 32, hidden: int = 128) -> None:
        super().__init__()
        self.side, self.start, self.width = side, (side + 1) // 2, width
        self.code = nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, width * self.start**2), nn.LeakyReLU(SLOPE))
        self.doubled = nn.ConvTranspose2d(width, width, kernel_size=3, stride=2, padding=1, output_padding=1 - side % 2)
        self.smooth = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.image = nn.Conv2d(width, channels, kernel_size=3, padding=1)

    def forward(self, code: Tensor) -> Tensor:
        features = self.code(code).unflatten(1, (self.width, self.start, self.start))
        features = F.leaky_relu(self.doubled(features), SLOPE)
        return cast(Tensor, self.image(F.leaky_relu(self.smooth(features), SLOPE))).flatten(1)


class ImageCritic(nn.Module):
    """Score (events, 1) of images (events, channels * side^2) with further numbers (events, extra): four convolutions and two linear layers.

    The further numbers are planes of their own for the first convolution, and come again with the linear layers.
    """

    def __init__(self, channels: int, side: int, extra: int, width: int = 32, hidden: int = 128) -> None:
        super().__init__()
        self.channels, self.side = channels, side
        small = (side + 1) // 2
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels + extra, width, kernel_size=3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, width, kernel_size=3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, 2 * width, kernel_size=3, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(2 * width, 2 * width, kernel_size=3, padding=1),
            nn.LeakyReLU(SLOPE),
        )
        self.score = nn.Sequential(nn.Linear(2 * width * small**2 + extra, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, 1))

    def forward(self, image: Tensor, extra: Tensor) -> Tensor:
        planes = extra[:, :, None, None].expand(-1, -1, self.side, self.side)
        features = self.convolutions(torch.cat((image.unflatten(1, (self.channels, self.side, self.side)), planes), 1))
        return cast(Tensor, self.score(torch.cat((features.flatten(1), extra), 1)))


class ImageConstrainer(nn.Module):
    """Numbers (events, outputs) told from images (events, channels * side^2): two convolutions and one linear layer.

    References: Erdmann et al. (2019), Comput. Softw. Big Sci. 3, 4, arXiv:1807.01954, section 3.
    """

    def __init__(self, channels: int, side: int, outputs: int, width: int = 32) -> None:
        super().__init__()
        self.shape = (channels, side, side)
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, width, kernel_size=3, padding=1),
            nn.LeakyReLU(SLOPE),
        )
        self.answer = nn.Linear(width * side**2, outputs)

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.answer(self.convolutions(image.unflatten(1, self.shape)).flatten(1)))
