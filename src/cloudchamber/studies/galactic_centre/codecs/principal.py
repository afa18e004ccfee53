"""Principal components: of images, the few that hold most of their variance, and of numbers, all of them, each with a width of 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cloudchamber.nn.scale import Standardise

LEAST_WIDTH = 1e-3
"""Of a component over the numbers' own: what varies less is rounding."""


class Components(nn.Module):
    """The ``size`` largest principal components of images (events, pixels) that vary about 0, kept in half precision; nothing until ``fit``."""

    images: Tensor

    def __init__(self, size: int, pixels: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, pixels, dtype=torch.float16))

    def fit(self, values: Tensor) -> None:
        """Take them from ``values`` (events, pixels); ValueError for fewer events than components."""
        if len(values) < len(self.images):
            raise ValueError(f"{len(values)} events have no {len(self.images)} principal components: give more events")
        found = values.double()
        # of few events with many pixels the products of events are the smaller matrix
        few = len(found) <= found.shape[1]
        vectors = torch.linalg.eigh(found @ found.T if few else found.T @ found).eigenvectors[:, -len(self.images) :].flip(1)
        images = found.T @ vectors if few else vectors
        self.images.copy_((images / images.norm(dim=0).clamp_min(1e-30)).T)

    def forward(self, values: Tensor) -> Tensor:
        """Of images (events, pixels) the components (events, size)."""
        return values @ self.images.float().T

    def inverse(self, found: Tensor) -> Tensor:
        """The images of components (events, size)."""
        return found @ self.images.float()


class Whitened(nn.Module):
    """Numbers (events, size) to as many that are uncorrelated and of width 1, by their principal components; the identity until ``fit``."""

    turn: Tensor
    back: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = Standardise(size)
        self.register_buffer("turn", torch.eye(size))
        self.register_buffer("back", torch.eye(size))

    def fit(self, values: Tensor) -> None:
        """Take means and components from ``values`` (events, size)."""
        self.scale.fit(values)
        scaled = self.scale(values).double()
        squares, vectors = torch.linalg.eigh(scaled.T @ scaled / len(scaled))
        width = squares.clamp_min(0.0).sqrt().clamp_min(LEAST_WIDTH)
        self.turn.copy_(vectors / width)
        self.back.copy_((vectors * width).T)

    def forward(self, values: Tensor) -> Tensor:
        """Uncorrelated numbers."""
        turned: Tensor = self.scale(values) @ self.turn
        return turned

    def inverse(self, white: Tensor) -> Tensor:
        """The numbers themselves."""
        return self.scale.inverse(white @ self.back)
