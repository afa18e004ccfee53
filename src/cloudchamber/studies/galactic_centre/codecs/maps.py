"""Maps of photon counts as images for convolutional networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.physics.gamma.face import within
from cloudchamber.schema import Column
from cloudchamber.studies.galactic_centre.columns import GIVEN, PLANE_DEG, REGION_DEG

ABOUT = 4
"""Pixels to each side that fine images are compared with."""
LEAST_WIDTH = 1.0
"""Of a pixel over the training's maps, in deviations of Poisson noise: none varies less."""


@dataclass(frozen=True)
class MapImages:
    """Settings of the codec to images of the region nearer than ``radius_deg`` to the Galactic Centre and further than ``latitude_deg`` from the plane.

    Counts become 2 sqrt(n + 3/8), whose noise is 1 (Anscombe 1948), less their mean over the training's maps and, with ``widths``, over the width there. With
    ``fine`` as many images follow of the same less its mean over the pixels about, in which sources stand out and diffuse emission does not.
    """

    radius_deg: float = REGION_DEG
    latitude_deg: float = PLANE_DEG
    widths: bool = True
    fine: bool = False

    def build(self, columns: Mapping[str, Column]) -> MapImagesCodec:
        """The codec of counts and exposures."""
        check_columns(columns)
        return MapImagesCodec(self, *columns["counts"].shape[:2])


class MapImagesCodec(Codec):
    """(events, bins, nside, nside) counts and (events, bins) exposures to (events, images * side^2 + bins): the images, then ln of the exposures, scaled."""

    mean: Tensor
    width: Tensor
    exposure: Tensor
    region: Tensor
    fit_events = 5000

    def __init__(self, settings: MapImages, bins: int, nside: int) -> None:
        super().__init__()
        region = within(nside, settings.radius_deg, settings.latitude_deg)
        if not region.any():
            raise ValueError(f"no pixel is within {settings.radius_deg:g} deg of the Galactic Centre and {settings.latitude_deg:g} deg from the plane")
        used = np.flatnonzero(region.any(0) | region.any(1))
        self.first, self.side, self.settings = int(used[0]), int(used[-1] - used[0] + 1), settings
        self.size = (2 if settings.fine else 1) * bins * self.side**2 + bins
        self.register_buffer("region", torch.from_numpy(self._cut(torch.from_numpy(region.copy())).numpy()), persistent=False)
        self.register_buffer("mean", torch.zeros(bins, self.side, self.side))
        self.register_buffer("width", torch.ones(bins, self.side, self.side))
        self.register_buffer("exposure", torch.zeros(2, bins))

    def fit(self, columns: Tensors, given: Tensors) -> None:
        roots = torch.cat([self._roots(part) for part in columns["counts"].split(500)])
        self.mean.copy_(roots.mean(0))
        if self.settings.widths:
            self.width.copy_(roots.std(0).clamp_min(LEAST_WIDTH))
        logs = columns["exposure_cm2_s"].log()
        self.exposure.copy_(torch.stack([logs.mean(0), logs.std(0).clamp_min(1e-3)]))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        images = [((self._roots(columns["counts"]) - self.mean) / self.width * self.region).flatten(1)]
        if self.settings.fine:
            roots = 2 * (columns["counts"] + 0.375).sqrt()
            about = F.avg_pool2d(roots, 2 * ABOUT + 1, stride=1, padding=ABOUT, count_include_pad=False)
            images.append((self._cut(roots - about) * self.region).flatten(1))
        exposure = (columns["exposure_cm2_s"].log() - self.exposure[0]) / self.exposure[1]
        return torch.cat((*images, exposure), 1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("a map is what is given: this codec does not decode")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("a map is what is given: a region of it has no density of the columns")

    def _roots(self, counts: Tensor) -> Tensor:
        return 2 * (self._cut(counts) + 0.375).sqrt()

    def _cut(self, maps: Tensor) -> Tensor:
        part = slice(self.first, self.first + self.side)
        return maps[..., part, part]


def check_columns(columns: Mapping[str, Column]) -> None:
    """ValueError unless ``columns`` are counts and their exposure."""
    missing = [name for name in GIVEN if name not in columns]
    if missing:
        raise ValueError(f"a map's codec needs the given column '{missing[0]}'; it reads: {', '.join(GIVEN)}")
    shape = columns["counts"].shape
    if len(shape) != 3 or shape[1] != shape[2] or columns["exposure_cm2_s"].shape != shape[:1]:
        raise ValueError(f"counts must be (bins, nside, nside) and exposures (bins,), got {shape} and {columns['exposure_cm2_s'].shape}")
