"""Whole profiles as a grid of numbers, for convolutional networks: ln(profile / energy + floor) at every depth, then the scalars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Standardise
from cloudchamber.schema import Column
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, N_DEPTH
from cloudchamber.studies.airshower.profile_codec import PROFILES, SCALARS, GroundDepth, check_columns, energy_gev

_SMALLEST = 1e-9


@dataclass(frozen=True)
class ProfileGrid:
    """Settings: profiles are resolved down to ``floor`` times their mean maximum per energy."""

    floor: float = 1e-3

    def build(self, columns: Mapping[str, Column]) -> ProfileGridCodec:
        """The codec of an air shower's x columns."""
        check_columns(columns)
        return ProfileGridCodec(self)


class ProfileGridCodec(Codec):
    """See ``ProfileGrid``. Flat numbers: the four profiles, each N_DEPTH long and on one scale, then six scalars."""

    level: Tensor
    middle: Tensor
    width: Tensor

    def __init__(self, settings: ProfileGrid) -> None:
        super().__init__()
        self.settings = settings
        self.size = len(PROFILES) * N_DEPTH + len(SCALARS)
        self.ground = GroundDepth()
        self.register_buffer("level", torch.zeros(len(PROFILES)))
        self.register_buffer("middle", torch.zeros(len(PROFILES)))
        self.register_buffer("width", torch.zeros(len(PROFILES)))
        self.scale = Standardise(len(SCALARS))

    def fit(self, columns: Tensors, given: Tensors) -> None:
        energy = energy_gev(given)
        for index, name in enumerate(PROFILES):
            self.level[index] = (columns[name].amax(1) / energy).clamp_min(1e-12).log().mean().exp()
        signal = self._signal(columns, energy)
        self.middle.copy_(signal.mean((0, 2)))
        self.width.copy_(signal.std((0, 2)))
        self.scale.fit(_scalars(columns, energy))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        energy = energy_gev(given)
        signal = (self._signal(columns, energy) - self.middle[:, None]) / self.width[:, None]
        return torch.cat([signal.flatten(1), self.scale(_scalars(columns, energy))], 1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        energy = energy_gev(given)
        signal = flat[:, : -len(SCALARS)].view(-1, len(PROFILES), N_DEPTH) * self.width[:, None] + self.middle[:, None]
        depth = DEPTH_STEP_G_CM2 * torch.arange(N_DEPTH, device=flat.device, dtype=flat.dtype)
        seen = (depth[None, :] <= self.ground(given["zenith_deg"])[:, None]).to(flat.dtype)
        values = (signal.clamp(-30.0, 30.0).exp() - self.settings.floor).clamp_min(0.0) * seen[:, None] * (energy[:, None] * self.level)[..., None]
        table: Tensors = {name: values[:, index] for index, name in enumerate(PROFILES)}
        scalars = self.scale.inverse(flat[:, -len(SCALARS) :])
        invisible, at_ground = scalars[:, 4].clamp_max(0.0).exp() * energy, scalars[:, 5].clamp_max(0.0).exp() * energy
        return table | {
            "xmax_g_cm2": scalars[:, 1].clamp_min(1.0),
            "nmax": scalars[:, 2].clamp(-30.0, 30.0).exp() * energy,
            "first_interaction_g_cm2": scalars[:, 0].clamp(-30.0, 10.0).exp(),
            "calorimetric_energy_gev": (energy - invisible - at_ground).clamp_min(0.0),
            "ground_energy_gev": at_ground,
            "invisible_energy_gev": invisible,
            "xmax_deposit_g_cm2": (scalars[:, 1] + scalars[:, 3]).clamp_min(0.0),
        }

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("profiles end at the ground and at a floor: a density of whole profiles does not exist, only samples do")

    def _signal(self, columns: Tensors, energy: Tensor) -> Tensor:
        profiles = torch.stack([columns[name] for name in PROFILES], 1)
        return (profiles / (energy[:, None] * self.level)[..., None] + self.settings.floor).log()


def _scalars(columns: Tensors, energy: Tensor) -> Tensor:
    return torch.stack(
        [
            columns["first_interaction_g_cm2"].clamp_min(0.05).log(),
            columns["xmax_g_cm2"],
            (columns["nmax"] / energy).clamp_min(_SMALLEST).log(),
            columns["xmax_deposit_g_cm2"] - columns["xmax_g_cm2"],
            (columns["invisible_energy_gev"] / energy).clamp_min(_SMALLEST).log(),
            (columns["ground_energy_gev"] / energy).clamp_min(_SMALLEST).log(),
        ],
        1,
    )
