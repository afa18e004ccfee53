"""Deposits as images of the array, pixel by pixel, for convolutional networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Standardise
from cloudchamber.schema import Column
from cloudchamber.studies.calorimeter.codecs.deposits import THRESHOLD_MEV
from cloudchamber.studies.calorimeter.codecs.symmetry import fold, square_side, turns


@dataclass(frozen=True)
class Image:
    """Settings of the codec of ``deposit_mev`` as square roots of energies, standardised pixel by pixel, turned into one octant; below ``threshold_mev`` 0."""

    threshold_mev: float = THRESHOLD_MEV
    layers: int = 1

    def build(self, columns: Mapping[str, Column]) -> ImageCodec:
        """The codec of ``deposit_mev``."""
        if list(columns) != ["deposit_mev"]:
            raise ValueError(f"this codec maps the column 'deposit_mev' alone, got: {', '.join(columns)}")
        return ImageCodec(self, columns["deposit_mev"].shape[0])


class ImageCodec(Codec):
    """See ``Image``. Layer by layer, row by row."""

    turned: Tensor
    turned_back: Tensor

    def __init__(self, settings: Image, cells: int) -> None:
        super().__init__()
        self.settings, self.size = settings, cells
        table = turns(square_side(cells, settings.layers), settings.layers)
        self.register_buffer("turned", table)
        self.register_buffer("turned_back", table.argsort(1))
        self.scale = Standardise(cells)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.scale.fit(self._pixels(columns, given))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        flat: Tensor = self.scale(self._pixels(columns, given))
        return flat

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        deposit = self.scale.inverse(flat).clamp_min(0.0).square()
        deposit = torch.where(deposit < self.settings.threshold_mev, 0.0, deposit)
        return {"deposit_mev": deposit.gather(1, self.turned_back[fold(given).turn])}

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("images have no density where a crystal saw nothing: the codec 'Deposits' has one")

    def _pixels(self, columns: Tensors, given: Tensors) -> Tensor:
        return columns["deposit_mev"].float().gather(1, self.turned[fold(given).turn]).clamp_min(0.0).sqrt()
