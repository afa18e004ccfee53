"""What a network is told about the beam: energy, impact point, direction and particle, turned into one octant of the array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Standardise
from cloudchamber.schema import Column
from cloudchamber.studies.calorimeter.codecs.symmetry import fold

GIVEN = ("particle", "energy_mev", "impact_x_mm", "impact_y_mm", "polar_deg", "azimuth_deg")
ENERGY, IMPACT = (0,), (1, 2)
"""Where a network finds the logarithm of the energy and the impact point among its given numbers."""


@dataclass(frozen=True)
class FoldedBeam:
    """Settings of the given codec: crystals' ``pitch_mm``, whose edges the network is shown."""

    pitch_mm: float = 60.0

    def build(self, columns: Mapping[str, Column]) -> FoldedBeamCodec:
        """The codec of the beam's columns."""
        missing = [name for name in GIVEN if name not in columns]
        if missing:
            raise ValueError(f"a beam needs the column '{missing[0]}'; it is made of: {', '.join(GIVEN)}")
        return FoldedBeamCodec(self.pitch_mm, len(columns["particle"].categories))


class FoldedBeamCodec(Codec):
    """See ``FoldedBeam``. In order: ln energy, impact, direction, axis at the shower's depth as waves of one and two pitches, particle one-hot."""

    def __init__(self, pitch_mm: float, particles: int) -> None:
        super().__init__()
        self.pitch_mm, self.particles = pitch_mm, particles
        self.scale = Standardise(5)
        self.size = 5 + 8 + particles

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.scale.fit(self._numbers(columns)[0])

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        numbers, waves = self._numbers(columns)
        one_hot = (columns["particle"][:, None] == torch.arange(self.particles, device=numbers.device)).float()
        return torch.cat((self.scale(numbers), waves, one_hot), 1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("a folded beam does not tell which of eight alike it was: this codec is for given columns only")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("a folded beam has no density: this codec is for given columns only")

    def _numbers(self, columns: Tensors) -> tuple[Tensor, Tensor]:
        beam = fold(columns)
        energy = columns["energy_mev"].float().log()
        phase = torch.stack((beam.axis_x_mm, beam.axis_y_mm), 1) * (torch.pi / self.pitch_mm)
        waves = torch.cat((phase.cos(), phase.sin(), (2 * phase).cos(), (2 * phase).sin()), 1)
        return torch.stack((energy, beam.impact_x_mm, beam.impact_y_mm, beam.direction_x, beam.direction_y), 1), waves
