"""Parameters with a prior that ends: from the range that training showed to all numbers, so that no draw leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from cloudchamber.nn.codec import EDGE, Codec, Tensors
from cloudchamber.schema import Column
from cloudchamber.studies.galactic_centre.columns import PARAMETERS

WIDTH = pi / sqrt(3)
"""Of the logit of a number that is uniform over its range."""


@dataclass(frozen=True)
class Ranges:
    """Settings of the codec of single numbers by the logit of their place between the least and the greatest that training showed.

    Those whose prior is uniform in the logarithm are taken so.
    """

    def build(self, columns: Mapping[str, Column]) -> RangesCodec:
        """The codec of these columns."""
        wrong = [name for name, column in columns.items() if column.shape or column.ragged or column.categories or name not in PARAMETERS]
        if wrong:
            raise ValueError(f"column '{wrong[0]}' is no parameter of this study; those are: {', '.join(PARAMETERS)}")
        return RangesCodec(tuple(columns))


class RangesCodec(Codec):
    """See ``Ranges``: columns (events,) to (events, columns)."""

    low: Tensor
    high: Tensor
    logarithmic: Tensor
    limits: Tensor

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names, self.size = names, len(names)
        self.register_buffer("low", torch.zeros(self.size))
        self.register_buffer("high", torch.ones(self.size))
        self.register_buffer("logarithmic", torch.tensor([PARAMETERS[name].logarithmic for name in names]), persistent=False)
        self.register_buffer("limits", torch.tensor([PARAMETERS[name].limits for name in names]).T, persistent=False)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        values = self._values(columns)
        if not bool(torch.isfinite(values).all()):
            bad = self.names[int((~torch.isfinite(values)).any(0).nonzero()[0])]
            raise ValueError(f"column '{bad}' holds NaN, infinite values, or values without a logarithm")
        low, high = values.amin(0), values.amax(0)
        # the prior's ends lie a little beyond the last of so many; a number that never changes needs a range too
        room = torch.maximum((high - low) / max(len(values), 2), 1e-5 * high.abs().clamp_min(1e-12))
        least, greatest = torch.where(self.logarithmic, self.limits.log(), self.limits)
        self.low.copy_(torch.maximum(low - room, least))
        self.high.copy_(torch.minimum(high + room, greatest))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        share = self._shares(columns)
        return (share.log() - torch.log1p(-share)) / WIDTH

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        values = self.low + (self.high - self.low) * F.sigmoid(flat * WIDTH)
        values = torch.where(self.logarithmic, torch.where(self.logarithmic, values, 0.0).exp(), values)
        # the logarithm of a limit comes back beside it
        return dict(zip(self.names, values.clamp(*self.limits).unbind(1), strict=True))

    def entries(self, flat: Tensor) -> Tensors:
        return dict(zip(self.names, flat.unbind(1), strict=True))

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        share = self._shares(columns)
        total = -(share.log() + torch.log1p(-share) + (self.high - self.low).log() + torch.log(torch.tensor(WIDTH)))
        plain = torch.stack([columns[name].float() for name in self.names], 1)
        return (total - torch.where(self.logarithmic, plain, 1.0).log()).sum(1)

    def _values(self, columns: Tensors) -> Tensor:
        values = torch.stack([columns[name].float() for name in self.names], 1)
        return torch.where(self.logarithmic, torch.where(self.logarithmic, values, 1.0).log(), values)

    def _shares(self, columns: Tensors) -> Tensor:
        return ((self._values(columns) - self.low) / (self.high - self.low)).clamp(EDGE, 1 - EDGE)
