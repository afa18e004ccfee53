"""Windows of power as numbers for a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Gaussianise
from cloudchamber.schema import Column

Scale = Literal["scale", "standard", "share", "normal"]
LEAST, CUT_SHARE = 1e-3, 1e-3
"""Logarithms begin at such a part of the mean power; shares end where such a part of all samples is higher."""
FITTED_NUMBERS = 2_000_000
"""So many numbers of the training data settle quantiles."""
REACH = 6.0
"""Normal numbers beyond are cut: nothing that was seen lies so far out."""


@dataclass(frozen=True)
class WindowPower:
    """Settings of the codec of one column of power: the same map for every sample of every bolometer.

    ``to``: "scale", in units of the rms; "standard", mean 0 and deviation 1; "share", from 0 to 1, of the power
    that one sample in a thousand exceeds, and which nothing exceeds then; "normal", the logarithm through a rising map that makes it standard normal numbers.
    """

    to: Scale = "standard"

    def build(self, columns: Mapping[str, Column]) -> WindowPowerCodec:
        """The codec of this column."""
        [(name, column)] = columns.items()
        if column.ragged or column.categories:
            raise ValueError(f"column '{name}' holds no power of windows: WindowPower is the codec of arrays of numbers")
        return WindowPowerCodec(self.to, name, column.shape)


class WindowPowerCodec(Codec):
    """See ``WindowPower``."""

    centre: Tensor
    width: Tensor
    least: Tensor

    def __init__(self, to: Scale, name: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.scale, self.name, self.shape, self.size = to, name, shape, prod(shape)
        for buffer in ("centre", "width", "least"):
            self.register_buffer(buffer, torch.ones(()))
        self.normal = Gaussianise(1) if to == "normal" else None

    def fit(self, columns: Tensors, given: Tensors) -> None:
        values = columns[self.name]
        if not bool(torch.isfinite(values).all()):
            raise ValueError(f"column '{self.name}' holds NaN or infinite values")
        mean = float(values.mean(dtype=torch.float64))
        deviation = math.sqrt(max(float(values.square().mean(dtype=torch.float64)) - mean**2, 0.0))
        some = values.reshape(-1)[:: -(-values.numel() // FITTED_NUMBERS)]
        highest = float(some.kthvalue(max(round((1 - CUT_SHARE) * len(some)), 1)).values)
        if not (deviation > 0 and highest > 0 and mean > 0):
            raise ValueError(f"column '{self.name}' holds no power: all values are the same, or hardly any is above 0")
        self.least.fill_(LEAST * mean)
        low, high = {
            "scale": (0.0, math.hypot(mean, deviation)),
            "standard": (mean, mean + deviation),
            "share": (0.0, highest),
            "normal": (math.log(mean), math.log(mean) + 1.0),
        }[self.scale]
        self.centre.fill_(low)
        self.width.fill_(high - low)
        if self.normal is not None:
            self.normal.fit(self._scaled(some)[:, None])

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        flat = self._scaled(columns[self.name].float().reshape(-1, self.size))
        if self.scale == "share":
            return flat.clamp(0.0, 1.0)
        if self.normal is None:
            return flat
        normal: Tensor = self.normal(flat.reshape(-1, 1))
        return normal.reshape(-1, self.size).clamp(-REACH, REACH)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        if self.normal is not None:
            flat = self.normal.inverse(flat.clamp(-REACH, REACH).reshape(-1, 1)).reshape(-1, self.size)
        values = flat * self.width + self.centre
        if self.normal is not None:
            values = values.clamp(-87.0, 88.0).exp()
        return {self.name: values.reshape(-1, *self.shape)}

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        if self.scale not in ("scale", "standard"):
            raise ValueError(f"no density of '{self.name}': its codec '{self.scale}' cuts what is too small or too large")
        return -self.size * self.width.log().expand(len(columns[self.name]))

    def entries(self, flat: Tensor) -> Tensors:
        return {self.name: flat.reshape(-1, *self.shape)}

    def _scaled(self, values: Tensor) -> Tensor:
        if self.normal is not None:
            values = torch.maximum(values, self.least).log()
        return (values - self.centre) / self.width
