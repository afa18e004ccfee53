"""A patch of a square grid about the fitted core as numbers for a convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Tensors
from cloudchamber.schema import Column
from cloudchamber.studies.surface_array.codecs.stations import GIVEN, StationsCodec, check_columns
from cloudchamber.studies.surface_array.columns import BINS


@dataclass(frozen=True)
class Patch:
    """Settings of the codec to ``side`` x ``side`` stations of a square grid, ``spacing_m`` apart, about the fitted core; ``samples`` numbers a layer."""

    side: int = 6
    samples: int = 128
    spacing_m: float = 1200.0

    def build(self, columns: Mapping[str, Column]) -> PatchCodec:
        """The codec of the columns ``GIVEN``."""
        check_columns(columns, GIVEN)
        if self.side < 1 or self.samples < 1 or BINS % self.samples or not self.spacing_m > 0:
            raise ValueError(f"side and spacing_m must be above 0 and samples divide the {BINS} of a record, got {self}")
        return PatchCodec(self)


class PatchCodec(StationsCodec):
    """See ``Patch``: (events, side^2 * numbers of a station), those of ``StationsCodec``, in the places of the grid; zeros where no station is alive."""

    def __init__(self, settings: Patch) -> None:
        super().__init__(nearest=2 * settings.side**2, samples=settings.samples)
        self.side, self.spacing_m, self.station = settings.side, settings.spacing_m, self.size
        self.size = settings.side**2 * self.station

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        stations, x, y = self.stations(columns)
        column, row = (((values - columns[f"fit_core_{axis}_m"][:, None]) / self.spacing_m + self.side / 2).floor() for axis, values in (("x", x), ("y", y)))
        inside = (column >= 0) & (column < self.side) & (row >= 0) & (row < self.side) & (stations[..., 0] > 0)
        # what lies outside goes to a place of its own that is dropped
        place = torch.where(inside, row * self.side + column, self.side**2).long()
        # not zeros_like, which an exported graph would take for a constant of the example's size
        image = (0.0 * stations[:, :1]).repeat(1, self.side**2 + 1, 1)
        image = image.scatter(1, place[..., None].expand(-1, -1, self.station), stations)
        return image[:, :-1].flatten(1)
