"""Where hits may be, as networks see it: four standard normal numbers say when and where a hit is, and geometry makes places and distances of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import Detector

EDGE = 1e-6
"""Shares are kept so far away from 0 and 1."""


class Place(NamedTuple):
    """Of hits: x and y in mm, (hits,), and the bolometer that is hit, -1 for the wafer."""

    x_mm: Tensor
    y_mm: Tensor
    bolometer: Tensor


@dataclass(frozen=True)
class Layout:
    """A grid of ``rows`` x ``columns`` bolometers ``pitch_mm`` apart, and the sides of the squares that each of ``columns.FAMILIES`` is spread over."""

    rows: int
    columns: int
    pitch_mm: float
    sides_mm: tuple[float, ...]

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1 or self.pitch_mm <= 0:
            raise ValueError(f"a layout needs rows, columns and a pitch above 0, got {self.rows}, {self.columns} and {self.pitch_mm:g} mm")
        if len(self.sides_mm) != len(FAMILIES) or min(self.sides_mm) <= 0:
            raise ValueError(f"sides_mm: needs one above 0 for each of {', '.join(FAMILIES)}, got {self.sides_mm}")

    @classmethod
    def of(cls, detector: Detector) -> Layout:
        """That of a detector; families that it has not are 1 mm wide."""
        wafer = detector.wafer
        sides: dict[str, float] = {
            family.name: wafer.side_mm if family.name == "wafer" else max(math.sqrt(family.area_mm2), 1e-3) for family in detector.families
        }
        return cls(wafer.rows, wafer.columns, wafer.pitch_mm, tuple(sides.get(name, 1.0) for name in FAMILIES))

    @property
    def bolometers(self) -> int:
        """How many there are."""
        return self.rows * self.columns

    @property
    def places_mm(self) -> Tensor:
        """x and y of each bolometer, row by row, (bolometers, 2)."""
        x = (torch.arange(self.columns) - 0.5 * (self.columns - 1)) * self.pitch_mm
        y = (torch.arange(self.rows) - 0.5 * (self.rows - 1)) * self.pitch_mm
        return torch.stack((x.repeat(self.rows), y.repeat_interleave(self.columns)), 1)

    def place(self, normal: Tensor, family: Tensor) -> Place:
        """Where hits are whose x, y and bolometer are the quantiles of ``normal`` (hits, 3); ``family`` one-hot, (hits, families)."""
        share = rank(normal)
        side = family @ torch.tensor(self.sides_mm).to(family)
        wafer = family[:, FAMILIES.index("wafer")]
        struck = (share[:, 2] * self.bolometers).floor().clamp(0, self.bolometers - 1)
        centre = (1 - wafer)[:, None] * (self.one_hot(struck) @ self.places_mm.to(family))
        within = (share[:, :2] - 0.5) * side[:, None]
        return Place(centre[:, 0] + within[:, 0], centre[:, 1] + within[:, 1], torch.where(wafer > 0, -1.0, struck))

    def normal(self, place: Place, family: Tensor) -> Tensor:
        """The inverse; where a bolometer does not tell, its number is one by chance, the same at each call."""
        side = family @ torch.tensor(self.sides_mm).to(family)
        chance = torch.rand(len(family), generator=torch.Generator().manual_seed(0)).to(family)
        centre = self.one_hot(place.bolometer) @ self.places_mm.to(family)
        x, y = ((value - middle) / side + 0.5 for value, middle in zip((place.x_mm, place.y_mm), centre.unbind(1), strict=True))
        struck = torch.where(place.bolometer < 0, chance, (place.bolometer + 0.98 * chance + 0.01) / self.bolometers)
        return torch.special.ndtri(torch.stack((x, y, struck), 1).clamp(EDGE, 1 - EDGE))

    def one_hot(self, bolometer: Tensor) -> Tensor:
        """(hits, bolometers); nothing for -1."""
        return (bolometer[:, None] == torch.arange(self.bolometers, device=bolometer.device)).float()

    def distances_mm(self, place: Place) -> Tensor:
        """From hits to bolometers, (hits, bolometers)."""
        at = self.places_mm.to(place.x_mm)
        return ((place.x_mm[:, None] - at[:, 0]).square() + (place.y_mm[:, None] - at[:, 1]).square() + 1e-12).sqrt()

    def depth(self, place: Place) -> Tensor:
        """How far from the wafer's edge, over half its side: 0 at the edge, 1 at the centre, (hits,)."""
        half = 0.5 * self.sides_mm[FAMILIES.index("wafer")]
        return 1 - torch.maximum(place.x_mm.abs(), place.y_mm.abs()) / half

    def inside(self, normal: Tensor) -> Tensor:
        """How far hits of ``normal`` (hits, 3) are from the edge of the wafer or of the bolometer that they are in, over half its side, (hits,)."""
        return 1 - 2 * (rank(normal[:, :2]) - 0.5).abs().amax(1)


def rank(normal: Tensor) -> Tensor:
    """The standard normal distribution's integral, in words that ONNX knows."""
    return (0.5 * (1 + torch.erf(normal / math.sqrt(2)))).clamp(EDGE, 1 - EDGE)
