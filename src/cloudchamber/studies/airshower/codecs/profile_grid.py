"""Whole profiles as a grid of numbers, for convolutional networks: ln(profile / energy + floor) along the depth, then the scalars.

A logarithm of a whole profile spans many units, of which a shower's own fluctuations are a small part: on one scale for all, an error that no critic sees is
a tenth of the energy. So the mean and spread at these givens are taken out at every depth. Past the ground, where a profile is not known, a shower keeps its
last number, and no edge moves with the zenith angle; decoding ends every profile at the ground again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Gaussianise
from cloudchamber.schema import Column
from cloudchamber.studies.airshower.codecs.profile_codec import (
    PROFILES,
    SCALARS,
    GivenFeatures,
    GroundDepth,
    Interpolation,
    check_columns,
    energy_gev,
)
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, N_DEPTH

_SMALLEST = 1e-9
_BOUND = 5.5
_LEAST_SPREAD = 0.01
"""Where nearly no shower has begun, the few that have are not blown up."""


@dataclass(frozen=True)
class ProfileGrid:
    """Settings: profiles are resolved down to ``floor`` times their usual maximum per energy; what varies is kept at every ``step``-th depth."""

    floor: float = 1e-3
    step: int = 4

    @property
    def points(self) -> int:
        """How many numbers a profile becomes."""
        return -(-N_DEPTH // self.step)

    def build(self, columns: Mapping[str, Column]) -> ProfileGridCodec:
        """The codec of an air shower's x columns."""
        check_columns(columns)
        if not 1 <= self.step <= N_DEPTH // 2:
            raise ValueError(f"step must lie between 1 and {N_DEPTH // 2} depths, got {self.step}")
        return ProfileGridCodec(self)


class ProfileGridCodec(Codec):
    """See ``ProfileGrid``. Flat numbers, each about normal: the four profiles, ``points`` long each, then six scalars."""

    level: Tensor
    trend: Tensor
    spread: Tensor
    highest: Tensor
    between: Tensor

    def __init__(self, settings: ProfileGrid) -> None:
        super().__init__()
        self.settings = settings
        self.size = len(PROFILES) * settings.points + len(SCALARS)
        self.ground = GroundDepth()
        self.features = GivenFeatures()
        numbers = len(PROFILES) * N_DEPTH + len(SCALARS)
        self.register_buffer("level", torch.zeros(len(PROFILES)))
        self.register_buffer("trend", torch.zeros(GivenFeatures.size, numbers))
        self.register_buffer("spread", torch.zeros(GivenFeatures.size, numbers))
        self.register_buffer("highest", torch.zeros(len(PROFILES) * N_DEPTH))
        self.scale = Gaussianise(self.size)
        # the interpolation from the points to all depths, as a matrix
        place = torch.arange(N_DEPTH) / settings.step
        self.register_buffer("between", Interpolation(place.repeat(settings.points, 1), settings.points)(torch.eye(settings.points)), persistent=False)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        energy = energy_gev(given)
        for index, name in enumerate(PROFILES):
            self.level[index] = (columns[name].amax(1) / energy).clamp_min(1e-12).log().mean().exp()
        features = self.features(given)
        seen = torch.cat([*[self._seen(given)] * len(PROFILES), torch.ones(len(energy), len(SCALARS), device=energy.device)], 1)
        raw = self._raw(columns, energy)
        self.trend.copy_(_least_squares(features, raw, seen))
        residual = raw - features @ self.trend
        self.spread.copy_(0.5 * _least_squares(features, (residual.square() + _LEAST_SPREAD**2).log(), seen))
        self.scale.fit(self._scaled(columns, given))
        self.highest.copy_(_highest(raw[:, : -len(SCALARS)], seen[:, : -len(SCALARS)]))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        flat: Tensor = self.scale(self._scaled(columns, given))
        return flat.clamp(-_BOUND, _BOUND)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        features, energy = self.features(given), energy_gev(given)
        scaled = self.scale.inverse(flat.clamp(-_BOUND, _BOUND))
        signal = scaled[:, : -len(SCALARS)].view(-1, len(PROFILES), self.settings.points) @ self.between
        raw = torch.cat([signal.flatten(1), scaled[:, -len(SCALARS) :]], 1) * self._spread(features) + features @ self.trend
        # however far out the noise, at no depth is there more than the training events ever had
        profiles = torch.minimum(raw[:, : -len(SCALARS)], self.highest).exp() - self.settings.floor
        values = profiles.view(-1, len(PROFILES), N_DEPTH).clamp_min(0.0) * self._seen(given)[:, None] * (energy[:, None] * self.level)[..., None]
        table: Tensors = {name: values[:, index] for index, name in enumerate(PROFILES)}
        scalars = raw[:, -len(SCALARS) :]
        first = scalars[:, 0].clamp(-30.0, 10.0).exp()
        xmax = (first + scalars[:, 1]).clamp(1.0, 10.0 * N_DEPTH)
        invisible, at_ground = scalars[:, 4].clamp_max(0.0).exp() * energy, scalars[:, 5].clamp_max(0.0).exp() * energy
        return table | {
            "xmax_g_cm2": xmax,
            "nmax": scalars[:, 2].clamp(-30.0, 30.0).exp() * energy,
            "first_interaction_g_cm2": first,
            "calorimetric_energy_gev": (energy - invisible - at_ground).clamp_min(0.0),
            "ground_energy_gev": at_ground,
            "invisible_energy_gev": invisible,
            "xmax_deposit_g_cm2": (xmax + scalars[:, 3]).clamp_min(0.0),
        }

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("profiles end at the ground and at a floor: a density of whole profiles does not exist, only samples do")

    def _spread(self, features: Tensor) -> Tensor:
        return (features @ self.spread).clamp(-12.0, 5.0).exp()

    def _seen(self, given: Tensors) -> Tensor:
        """1 at the depths above the ground, else 0, (events, N_DEPTH)."""
        depth = DEPTH_STEP_G_CM2 * torch.arange(N_DEPTH, device=given["zenith_deg"].device)
        return (depth <= self.ground(given["zenith_deg"])[:, None]).float()

    def _raw(self, columns: Tensors, energy: Tensor) -> Tensor:
        """ln(profile / usual maximum + floor) at all depths, then the scalars."""
        profiles = torch.stack([columns[name] for name in PROFILES], 1)
        signal = (profiles / (energy[:, None] * self.level)[..., None] + self.settings.floor).log()
        return torch.cat([signal.flatten(1), _scalars(columns, energy)], 1)

    def _scaled(self, columns: Tensors, given: Tensors) -> Tensor:
        """The fluctuations in spreads, (events, size): past the ground the last one above it."""
        features = self.features(given)
        scaled = (self._raw(columns, energy_gev(given)) - features @ self.trend) / self._spread(features)
        profiles = scaled[:, : -len(SCALARS)].view(-1, len(PROFILES), N_DEPTH)
        last = self._seen(given).sum(1, keepdim=True).long() - 1
        place = torch.minimum(torch.arange(0, N_DEPTH, self.settings.step, device=last.device), last)
        kept = profiles.gather(2, place[:, None].expand(-1, len(PROFILES), -1))
        return torch.cat([kept.flatten(1), scaled[:, -len(SCALARS) :]], 1)


def _scalars(columns: Tensors, energy: Tensor) -> Tensor:
    first = columns["first_interaction_g_cm2"]
    return torch.stack(
        [
            first.clamp_min(0.05).log(),
            columns["xmax_g_cm2"] - first,
            (columns["nmax"] / energy).clamp_min(_SMALLEST).log(),
            columns["xmax_deposit_g_cm2"] - columns["xmax_g_cm2"],
            (columns["invisible_energy_gev"] / energy).clamp_min(_SMALLEST).log(),
            (columns["ground_energy_gev"] / energy).clamp_min(_SMALLEST).log(),
        ],
        1,
    )


def _highest(signal: Tensor, seen: Tensor) -> Tensor:
    """The largest number of each column where it is ``seen``; for one never seen the largest of its profile."""
    columns = torch.where(seen > 0, signal, torch.full_like(signal, -torch.inf)).amax(0).view(len(PROFILES), N_DEPTH)
    return torch.where(columns.isfinite(), columns, columns.amax(1, keepdim=True)).flatten()


def _least_squares(features: Tensor, values: Tensor, weight: Tensor) -> Tensor:
    """Coefficients (features, values) of a ridge regression for each column of ``values``, whose rows have their own ``weight`` (events, values)."""
    events, size = features.shape
    products = (features[:, :, None] * features[:, None]).flatten(1)
    left = (weight.T @ products).double().unflatten(1, (size, size)) + 1e-6 * events * torch.eye(size, dtype=torch.float64, device=features.device)
    right = ((weight * values).T @ features).double()
    return torch.linalg.solve(left, right).T.float()
