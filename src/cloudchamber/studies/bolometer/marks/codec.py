"""A hit's columns as flat numbers: place as standard normal numbers, the deposit by its own quantiles, heights an energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.schema import Column
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.marks.layout import Layout, Place

MARKS = ("waiting_time_s", "x_mm", "y_mm", "bolometer", "deposit_kev", "amplitude_w", "weight")
KNOWN = 5
"""Flat numbers before heights: the waiting time over its mean, x, y and bolometer as normal numbers, the deposit."""
HIGHEST, KNOTS = 4.0, 97
"""Normal numbers between which quantiles are kept, and at how many."""
FEWEST = 200
"""A family of fewer hits has the quantiles of all."""
FEWEST_BEYOND = 20
NOTHING = 1e-25
"""Heights below, in W per keV, are none."""


@dataclass(frozen=True)
class Marks:
    """Settings of the codec of ``MARKS``."""

    layout: Layout

    def build(self, columns: Mapping[str, Column]) -> MarksCodec:
        """The codec of these columns."""
        if tuple(columns) != MARKS:
            raise ValueError(f"a hit's marks are {', '.join(MARKS)}, got: {', '.join(columns)}")
        return MarksCodec(self.layout, columns["weight"].shape)


class MarksCodec(Codec):
    """See ``Marks``. In order: ``KNOWN``, ln height per keV of each bolometer less its mean, shares of the exponentials.

    What a deposit is taken relative to is a power of the wafer's thickness, and then its family's quantiles make a normal number of it: both are fitted.
    """

    fit_events = 1_000_000
    mean_time_s: Tensor
    mean_gain: Tensor
    slope: Tensor
    quantiles: Tensor

    def __init__(self, layout: Layout, weight: tuple[int, ...]) -> None:
        super().__init__()
        if weight[0] != layout.bolometers:
            raise ValueError(f"these hits are of {weight[0]} bolometers, the layout {layout.rows} x {layout.columns}: set codec's and model's")
        self.layout, self.weight = layout, weight
        self.size = KNOWN + layout.bolometers + prod(weight)
        self.register_buffer("mean_time_s", torch.ones(()))
        self.register_buffer("mean_gain", torch.zeros(2))
        self.register_buffer("slope", torch.zeros(len(FAMILIES)))
        self.register_buffer("quantiles", torch.linspace(-HIGHEST, HIGHEST, KNOTS).repeat(len(FAMILIES), 1))

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.mean_time_s.copy_(columns["waiting_time_s"].double().mean())
        gain, struck = _gains(columns), self.layout.one_hot(columns["bolometer"].float()) > 0
        for place, here in enumerate((~struck, struck)):
            pulses = here & (gain > NOTHING)
            self.mean_gain[place] = gain[pulses if bool(pulses.any()) else gain > NOTHING].double().log().mean()
        deposit, thickness = columns["deposit_kev"].double().log(), given["thickness_um"].double().log()
        rank = 0.5 * (1 + torch.erf(torch.linspace(-HIGHEST, HIGHEST, KNOTS, dtype=torch.float64) / 2**0.5))
        for code in range(len(FAMILIES)):
            here = given["family"] == code
            if int(here.sum()) < FEWEST:
                here = torch.ones_like(here)
            along, up = thickness[here] - thickness[here].mean(), deposit[here] - deposit[here].mean()
            self.slope[code] = (along * up).sum() / along.square().sum().clamp_min(1e-9)
            values = (deposit[here] - self.slope[code] * thickness[here]).sort().values
            at = rank * (len(values) - 1)
            low = at.floor().long().clamp(0, len(values) - 2)
            knots = values[low] + (at - low) * (values[low + 1] - values[low])
            self.quantiles[code] = _with_ends(knots, rank, values) + 1e-5 * torch.arange(KNOTS)

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        family = one_hot(given)
        place = self.layout.normal(Place(columns["x_mm"].float(), columns["y_mm"].float(), columns["bolometer"].float()), family)
        relative = columns["deposit_kev"].float().clamp_min(1e-30).log() - (family @ self.slope) * given["thickness_um"].float().log()
        knots = family @ self.quantiles
        step = (relative[:, None] >= knots).sum(1).clamp(1, KNOTS - 1) - 1
        low, high = _at(knots, step), _at(knots, step + 1)
        deposit = (step + (relative - low) / (high - low)) * (2 * HIGHEST / (KNOTS - 1)) - HIGHEST
        gains = _gains(columns).clamp_min(NOTHING).log() - self._means(columns["bolometer"].float())
        return torch.cat(
            ((columns["waiting_time_s"].float() / self.mean_time_s)[:, None], place, deposit[:, None], gains, columns["weight"].float().flatten(1)), 1
        )

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        family = one_hot(given)
        time, normal, deposit, gains, weight = flat.split((1, 3, 1, self.layout.bolometers, prod(self.weight)), 1)
        place = self.layout.place(normal, family)
        deposit = self.deposit_kev(deposit[:, 0], family, given["thickness_um"].float())
        gain = (gains + self._means(place.bolometer)).exp()
        amplitude = torch.where(gain > 2 * NOTHING, gain * deposit[:, None], 0.0)
        weight = torch.where(amplitude[..., None] > 0, weight.reshape(-1, *self.weight), 0.0).clamp(0, 1)
        columns = {"waiting_time_s": time[:, 0].clamp_min(0) * self.mean_time_s, "x_mm": place.x_mm, "y_mm": place.y_mm, "bolometer": place.bolometer}
        return columns | {"deposit_kev": deposit, "amplitude_w": amplitude, "weight": weight}

    def _means(self, bolometer: Tensor) -> Tensor:
        """Of ln heights per keV, (hits, bolometers): a hit bolometer's, and that of all others, are many powers of ten apart."""
        return self.mean_gain[0] + self.layout.one_hot(bolometer) * (self.mean_gain[1] - self.mean_gain[0])

    def deposit_kev(self, normal: Tensor, family: Tensor, thickness_um: Tensor) -> Tensor:
        """Deposits of normal numbers (hits,), of one-hot families and the wafer's thickness."""
        knots = family @ self.quantiles
        at = (normal + HIGHEST) * ((KNOTS - 1) / (2 * HIGHEST))
        step = at.floor().clamp(0, KNOTS - 2)
        low, high = _at(knots, step.long()), _at(knots, step.long() + 1)
        # no deposit is beyond what float32 holds
        return (low + (at - step) * (high - low) + (family @ self.slope) * thickness_um.log()).clamp(-60.0, 60.0).exp()

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("a hit's marks have no joint density: the shares of the exponentials follow from its place")


def one_hot(given: Tensors) -> Tensor:
    """Families, (hits, families)."""
    return (given["family"][:, None] == torch.arange(len(FAMILIES), device=given["family"].device)).float()


def _with_ends(knots: Tensor, rank: Tensor, values: Tensor) -> Tensor:
    """Quantiles that rest on fewer than ``FEWEST_BEYOND`` of the sorted ``values`` lie on a line to the last one, so that none is far out."""
    inner = torch.nonzero(torch.minimum(rank, 1 - rank) * len(values) >= FEWEST_BEYOND)[:, 0]
    normal = torch.linspace(-HIGHEST, HIGHEST, KNOTS, dtype=torch.float64)
    last = -float(torch.special.ndtri(torch.tensor(0.5 / len(values), dtype=torch.float64)))
    # of very few, only the middle is kept
    low, high = (int(inner[0]), int(inner[-1])) if len(inner) else (KNOTS // 2, KNOTS // 2)
    down = (values[0] - knots[low]) / (-last - normal[low]).clamp_max(-0.1)
    up = (values[-1] - knots[high]) / (last - normal[high]).clamp_min(0.1)
    knots = torch.where(normal < normal[low], knots[low] + (normal - normal[low]) * down, knots)
    return torch.where(normal > normal[high], knots[high] + (normal - normal[high]) * up, knots)


def _gains(columns: Tensors) -> Tensor:
    # in W per keV: heights alone are close to the smallest float32
    return columns["amplitude_w"].float() / columns["deposit_kev"].float().clamp_min(1e-30)[:, None]


def _at(table: Tensor, step: Tensor) -> Tensor:
    return table.gather(1, step[:, None])[:, 0]
