"""Maps of photon counts as images together with their statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.schema import Column
from cloudchamber.studies.galactic_centre.codecs.maps import MapImages
from cloudchamber.studies.galactic_centre.codecs.summaries import Summaries


@dataclass(frozen=True)
class ImagesAndSummaries:
    """Settings of the codec of both: ``images``, coarse and fine, then the statistics of ``summaries``."""

    images: MapImages = MapImages(fine=True)
    summaries: Summaries = Summaries()

    def build(self, columns: Mapping[str, Column]) -> ImagesAndSummariesCodec:
        """The codec of counts and exposures."""
        return ImagesAndSummariesCodec(self, columns)

    def numbers(self, columns: Mapping[str, Column]) -> int:
        """How many follow the images."""
        return self.summaries.build(columns).size + columns["counts"].shape[0]


class ImagesAndSummariesCodec(Codec):
    """See ``ImagesAndSummaries``: (events, images' numbers + statistics)."""

    fit_events = 5000

    def __init__(self, settings: ImagesAndSummaries, columns: Mapping[str, Column]) -> None:
        super().__init__()
        self.images, self.summaries = settings.images.build(columns), settings.summaries.build(columns)
        self.size = self.images.size + self.summaries.size

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.images.fit(columns, given)
        self.summaries.fit(columns, given)

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        return torch.cat((self.images.encode(columns, given), self.summaries.encode(columns, given)), 1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        return self.images.decode(flat, given)

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        return self.images.log_det(columns, given)
