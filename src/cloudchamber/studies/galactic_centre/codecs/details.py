"""The small scales of a map as random fields: how strong each scale is at each latitude, times noise of that scale.

The logarithm of the gas's emission is, beyond its profile and its longest waves, turbulence: per scale and latitude its values are near Gaussian (a kurtosis
of 3.0 to 3.2), and what varies from Galaxy to Galaxy is how strong they are. They are a little skew, as the logarithm of a sum of log-normal gas is: to second
order its square comes with it. Scales are those of the cosine transform of the image.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels

LONGEST, RATIO, SHORTEST = 8.0, 2**0.5, 0.75
"""Half waves over the image's side where the first scale begins, from one scale to the next, and where the last one may begin at most, over nside."""
LATITUDES_DEG = (0.0, 3.0, 8.0, 16.0, 30.0)
"""|b| at which strengths are told; between them they are straight."""
STEEPNESS = 3.0
"""Of the power spectrum within a scale, that of turbulence: in the middle of the prior's 2.4 to 3.6."""
BEND_STEPS = 4
FAINTEST = 1e-6
"""Strength that is told of a scale without any."""


class Details(nn.Module):
    """Of images (events, nside, nside): long waves (events, ``long``), and strengths (events, ``strengths``) of noise (events, ``noise``).

    The noise is an image of cosine waves, of which the long ones count for nothing.
    """

    waves: Tensor
    place: Tensor
    scattered: Tensor
    weights: Tensor
    bend: Tensor

    def __init__(self, nside: int) -> None:
        super().__init__()
        self.nside = nside
        order = np.arange(nside)
        waves = np.sqrt(2 / nside) * np.cos(np.pi * order[:, None] * (order + 0.5) / nside)
        waves[0] /= np.sqrt(2)
        number = np.hypot(order[:, None], order)
        self.first = int(np.ceil(LONGEST))
        self._keep("waves", waves)
        # the corner of the image of waves that holds all long ones, and where these are in it
        corner = number[: self.first, : self.first].ravel()
        self.register_buffer("place", torch.from_numpy(np.flatnonzero(corner < LONGEST)), persistent=False)
        self._keep("scattered", np.eye(corner.size)[corner < LONGEST])
        self.long, self.noise = int((corner < LONGEST).sum()), nside**2
        scales = 1 + int(np.log(SHORTEST * nside / LONGEST) / np.log(RATIO))
        edges = [*(LONGEST * RATIO**scale for scale in range(scales)), np.inf]
        self.ends: list[int] = []
        for scale, (low, high) in enumerate(pairwise(edges)):
            within = (number >= low) & (number < high)
            end = int(min(np.ceil(high), nside))
            shape = np.where(within, (np.maximum(number, 1.0) / low) ** (-STEEPNESS / 2), 0.0)[:end, :end]
            self.ends.append(end)
            self._keep(f"shape_{scale}", shape)
        height = np.abs(pixels(nside).lat_deg).ravel()
        hats = np.stack([np.interp(height, LATITUDES_DEG, one) for one in np.eye(len(LATITUDES_DEG))])
        self._keep("weights", hats)
        self.strengths = len(self.ends) * len(hats)
        self.register_buffer("bend", torch.zeros(len(hats)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Long waves (events, long), and the images without them."""
        few = self.waves[: self.first]
        found = (few @ images @ few.T).flatten(1)[:, self.place]
        return found, images - self.smooth(found)

    def smooth(self, long: Tensor) -> Tensor:
        """The images (events, nside, nside) of long waves."""
        few = self.waves[: self.first]
        return few.T @ (long @ self.scattered).reshape(-1, self.first, self.first) @ few

    def told(self, images: Tensor) -> Tensor:
        """ln of the rms of each scale at each latitude, (events, strengths)."""
        return torch.cat([self._mean(self._of_scale(images, scale).square()).clamp_min(FAINTEST**2).log() / 2 for scale in range(len(self.ends))], 1)

    def fit(self, images: Tensor) -> None:
        """Learn the ``bend`` of images of small scales: what makes noise as skew as the smallest scale is."""
        last = len(self.ends) - 1
        self.bend.zero_()
        for _ in range(BEND_STEPS):
            straight = self._straight(images)
            field, square = self._of_scale(straight, last), self._of_scale(straight.square(), last)
            self.bend += self._mean(field**3).sum(0) / (3 * self._mean(field.square() * square).sum(0)).clamp_min(1e-12)

    def white(self, images: Tensor, strengths: Tensor) -> Tensor:
        """The noise (events, noise) that makes these images: near standard normal."""
        straight, total = self._straight(images), torch.zeros_like(images)
        for scale, part in enumerate(strengths.split(len(self.weights), 1)):
            even = self._of_scale(straight, scale) / self._spread(part.exp())
            shape = self.get_buffer(f"shape_{scale}")
            few = self.waves[: self.ends[scale]]
            found = few @ even @ few.T * torch.where(shape > 0, shape.reciprocal(), 0.0) * shape.square().sum().sqrt() / self.nside
            total = total + nn.functional.pad(found, (0, self.nside - self.ends[scale]) * 2)
        return total.flatten(1)

    def made(self, noise: Tensor, strengths: Tensor) -> Tensor:
        """Images (events, nside, nside) of this noise, of these strengths but for their course between latitudes."""
        whole = noise.reshape(-1, self.nside, self.nside)
        total = torch.zeros_like(whole)
        for scale, part in enumerate(strengths.split(len(self.weights), 1)):
            end = self.ends[scale]
            few = self.waves[:end]
            field = few.T @ (whole[:, :end, :end] * self.get_buffer(f"shape_{scale}")) @ few
            total = total + field * self._spread(part.exp() * self._mean(field.square()).rsqrt())
        return total + self._spread(self.bend[None]) * total.square()

    def _straight(self, images: Tensor) -> Tensor:
        """Without the bend, to second order in it."""
        bend = self._spread(self.bend[None])
        return images - bend * images.square() + 2 * bend.square() * images**3

    def _of_scale(self, images: Tensor, scale: int) -> Tensor:
        few = self.waves[: self.ends[scale]]
        return few.T @ (few @ images @ few.T * (self.get_buffer(f"shape_{scale}") > 0)) @ few

    def _mean(self, images: Tensor) -> Tensor:
        """Mean about each latitude (events, latitudes)."""
        return images.flatten(1) @ (self.weights / self.weights.sum(1, keepdim=True)).T

    def _spread(self, values: Tensor) -> Tensor:
        """Values at each latitude (events, latitudes) over the image."""
        return (values @ self.weights).reshape(-1, self.nside, self.nside)

    def _keep(self, name: str, values: np.ndarray) -> None:
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, np.float32)), persistent=False)
