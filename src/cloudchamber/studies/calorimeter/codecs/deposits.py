"""Deposits as flat numbers: first what leaks out and so the total energy, then how the crystals share it, in one octant of the array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Standardise
from cloudchamber.schema import Column
from cloudchamber.studies.calorimeter.codecs.sharing import (
    OPENED_MEV,
    TINY_MEV,
    close_line,
    in_line,
    lift,
    lift_log_det,
    open_line,
    share,
    share_log_det,
    uniform_of,
    unlift,
    unshare,
)
from cloudchamber.studies.calorimeter.codecs.symmetry import fold, square_side, turns
from cloudchamber.studies.calorimeter.columns import PARTICLES

THRESHOLD_MEV = 0.1
"""Crystals are read out above this, a small part of any real crystal's noise."""
RELEASED_MEV = {"e+": 1.02200, "mu-": 105.66, "mu+": 105.66, "pi-": 139.57, "pi+": 139.57, "kaon-": 493.68, "kaon+": 493.68, "proton": 10.0, "neutron": 10.0}
"""What a particle may deposit beyond its kinetic energy: annihilation, decay or capture at rest, bindings."""


@dataclass(frozen=True)
class Deposits:
    """Settings of the codec of ``deposit_mev``.

    Deposits below ``threshold_mev`` are learned as a blob of random numbers (dequantised), and are 0 when sampled; their energy goes to the hottest
    crystal. ``core`` crystals, the hottest on the average, take what the others leave. ``fold`` turns square arrays of ``layers`` into one octant; without
    it any array will do.
    """

    threshold_mev: float = THRESHOLD_MEV
    core: int = 4
    layers: int = 1
    fold: bool = True

    def build(self, columns: Mapping[str, Column]) -> DepositsCodec:
        """The codec of ``deposit_mev``."""
        if list(columns) != ["deposit_mev"]:
            raise ValueError(f"this codec maps the column 'deposit_mev' alone, got: {', '.join(columns)}")
        if not self.threshold_mev > 0:
            raise ValueError(f"threshold_mev must be above 0, got {self.threshold_mev}")
        [cells] = columns["deposit_mev"].shape
        if not 2 <= self.core < cells:
            raise ValueError(f"core must be between 2 and {cells - 1} of the {cells} cells, got {self.core}")
        return DepositsCodec(self, cells)


@dataclass(frozen=True)
class _Level:
    """How ``parts`` (events, parts) share ``whole`` (events, 1): which are ``there``, and the numbers they become on the way."""

    whole: Tensor
    parts: Tensor
    uniform: Tensor
    threshold: float

    @property
    def there(self) -> Tensor:
        return self.parts >= self.threshold

    @property
    def raised(self) -> Tensor:
        """Energies above the threshold, the line opened."""
        return torch.where(self.there, open_line(self.parts, self.uniform) - self.threshold, 0.0)

    def lifted(self) -> Tensor:
        """The numbers before scaling."""
        return lift(share(self.raised, self.whole), self.there, self.uniform)

    def log_det(self) -> Tensor:
        """ln|d lifted / d parts|, (events,); parts below the threshold or in the line count as probabilities."""
        lines = (in_line(self.parts) & self.there).sum(1)
        slope = lift_log_det(share(self.raised, self.whole), self.there, self.lifted())
        return share_log_det(self.raised, self.there, self.whole) + slope + lines * log(OPENED_MEV)


class DepositsCodec(Codec):
    """See ``Deposits``. Three times a whole is shared by parts and a rest: available energy by leakage and total, the total by the outer crystals and the
    core, the core by its crystals and the hottest of them. So no energy is negative and the deposits add up to the total.
    """

    order: Tensor
    order_back: Tensor
    turned: Tensor
    turned_back: Tensor
    released: Tensor

    def __init__(self, settings: Deposits, cells: int) -> None:
        super().__init__()
        self.settings, self.size = settings, cells
        self.sizes = (1, cells - settings.core, settings.core - 1)
        table = turns(square_side(cells, settings.layers), settings.layers) if settings.fold else torch.arange(cells).expand(8, cells).clone()
        self.register_buffer("turned", table)
        self.register_buffer("turned_back", table.argsort(1))
        self.register_buffer("order", torch.arange(cells))
        self.register_buffer("order_back", torch.arange(cells))
        self.register_buffer("released", torch.tensor([RELEASED_MEV.get(name, 0.0) for name in PARTICLES]))
        self.scale = Standardise(cells)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        folded = columns["deposit_mev"].gather(1, self.turned[fold(given).turn])
        self.order.copy_(folded.double().mean(0).argsort(descending=True))
        self.order_back.copy_(self.order.argsort())
        self.scale.fit(self._lifted(columns, given))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        flat: Tensor = self.scale(self._lifted(columns, given))
        return flat

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        rest, levels = self._available(given), []
        for lifted in self.scale.inverse(flat).split(self.sizes, 1):
            raised = unshare(unlift(lifted), rest)
            parts = torch.where(lifted > 0, close_line(raised + self.settings.threshold_mev), 0.0)
            # thresholds may bring it above the whole where next to nothing was shared
            parts = parts * (rest / parts.sum(1, keepdim=True).clamp_min(TINY_MEV)).clamp_max(1.0)
            levels.append(parts)
            rest = (rest - parts.sum(1, keepdim=True)).clamp_min(0.0)
        deposit = torch.cat((rest, levels[2], levels[1]), 1)[:, self.order_back]
        return {"deposit_mev": deposit.gather(1, self.turned_back[fold(given).turn])}

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        """ln|d flat / d deposits|, (events,), over the deposits above the threshold.

        One below it, or exactly in the annihilation line, counts with its probability, estimated by one draw whose mean is a lower bound (Theis et al.
        2016, arXiv:1511.01844, section 3.1): ln p is per MeV of every other crystal. The hottest crystal always counts as above the threshold.
        """
        total = self.scale.log_det().expand(len(columns["deposit_mev"]))
        for level in self._levels(columns, given):
            total = total + level.log_det()
        return total

    def _levels(self, columns: Tensors, given: Tensors) -> list[_Level]:
        """Leakage of the available energy, outer crystals of the total, all but the hottest of the core."""
        threshold, core = self.settings.threshold_mev, self.settings.core
        noise = uniform_of(columns["deposit_mev"], self.size).split(self.sizes, 1)
        deposit, rest = columns["deposit_mev"].float(), self._available(given)
        deposit = deposit.gather(1, self.turned[fold(given).turn])[:, self.order]
        leakage = (rest - deposit.sum(1, keepdim=True)).clamp_min(0.0)
        levels = []
        for parts, uniform in zip((leakage, deposit[:, core:], deposit[:, 1:core]), noise, strict=True):
            levels.append(_Level(rest, parts, uniform, threshold))
            rest = rest - torch.where(parts < threshold, 0.0, parts).sum(1, keepdim=True)
        return levels

    def _lifted(self, columns: Tensors, given: Tensors) -> Tensor:
        return torch.cat([level.lifted() for level in self._levels(columns, given)], 1)

    def _available(self, given: Tensors) -> Tensor:
        """(events, 1) [MeV]."""
        return (given["energy_mev"].float() + self.released[given["particle"]])[:, None]
