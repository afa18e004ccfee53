"""Codecs and a network for sets of hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.schema import Column


@dataclass(frozen=True)
class HitList:
    """Settings of a codec to (events, longest * 3): time, ln charge, presence of each hit."""

    def build(self, columns: Mapping[str, Column]) -> HitListCodec:
        """The codec."""
        return HitListCodec()


class HitListCodec(Codec):
    """See ``HitList``."""

    size = 3
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(()))

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.scale.copy_(torch.nan_to_num(columns["time_us"]).max())

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        there = ~torch.isnan(columns["time_us"])
        hits = torch.stack((columns["time_us"] / self.scale, columns["charge_pe"].log(), there.float()), -1)
        return torch.where(there[..., None], hits, torch.zeros_like(hits)).flatten(1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("sets of hits are only given")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("sets of hits are only given")


@dataclass(frozen=True)
class Histogram:
    """Settings of a codec to the number of hits in equal bins of time."""

    bins: int = 10

    def build(self, columns: Mapping[str, Column]) -> HistogramCodec:
        """The codec."""
        return HistogramCodec(self.bins, columns["time_us"].high or 1.0)


class HistogramCodec(HitListCodec):
    """See ``Histogram``."""

    def __init__(self, bins: int, high: float) -> None:
        super().__init__()
        self.size, self.high = bins, high

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        bins = torch.nan_to_num(columns["time_us"] * (self.size / self.high), nan=-1.0).floor().clamp_max(self.size - 1)
        return (bins[..., None] == torch.arange(self.size, device=bins.device)).float().sum(1)


@dataclass(frozen=True)
class Pool:
    """Settings of a network on sets: what hits see of their neighbours in time, averaged over the set."""

    width: int = 16

    def build(self, given_size: int) -> PoolNetwork:
        """The network of hits of ``given_size`` numbers."""
        return PoolNetwork(self.width, given_size)


class PoolNetwork(nn.Module):
    """See ``Pool``. (events, longest * 3) to (events, width)."""

    def __init__(self, width: int, given_size: int) -> None:
        super().__init__()
        self.size, self.given_size = width, given_size
        self.element = nn.Sequential(nn.Linear(given_size, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, given: Tensor) -> Tensor:
        hits = given.unflatten(1, (-1, self.given_size))
        there = hits[..., 2:]
        near = torch.exp(-0.5 * ((hits[:, :, None, 0] - hits[:, None, :, 0]) / 0.03).square()) * there[:, None, :, 0]
        hits = torch.cat((hits[..., :1], hits[..., 1:2], near.sum(2, keepdim=True) - 1), -1)
        pooled: Tensor = (self.element(hits) * there).sum(1) / there.sum(1).clamp_min(1)
        return pooled
