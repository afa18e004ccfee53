"""Air-shower profiles as a few nearly independent numbers: scalars, and principal components of the profiles' shapes.

Stretched so that the first interaction and the maximum of all showers meet, profiles are nearly universal: no steep start is left whose place varies, and few
components describe the rest. Past the ground, where a profile is not known, the mean shape continues it; decoding ends every profile at the ground again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Gaussianise
from cloudchamber.physics.atmosphere import ground_depth_g_cm2
from cloudchamber.schema import Column
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, N_DEPTH, PRIMARIES

PROFILES = ("n_electron", "energy_deposit_gev_per_g_cm2", "n_muon", "n_hadron")
SCALARS = ("first_interaction_g_cm2", "xmax_g_cm2", "nmax", "xmax_deposit_g_cm2", "invisible_energy_gev", "ground_energy_gev")
_AHEAD, _RISE, _AFTER = 2, 80, 200
"""Points of a shape ahead of the first interaction, from there to the maximum (spread evenly, whatever the distance), and after it (one a depth step)."""
_POINTS = _AHEAD + _RISE + _AFTER + 1
_EDGE = 1e-9
_BOUND = 5.5
_LARGEST = 5.0
"""A profile stays below e^5 of its scale, however far out the noise."""
_LEAST_WEIGHT = 0.1


@dataclass(frozen=True)
class Profiles:
    """Settings of the codec: how many ``components``, and the ``floor`` (share of a profile's scale) below which its shape is not resolved."""

    components: int = 40
    floor: float = 5e-4

    def build(self, columns: Mapping[str, Column]) -> ProfileCodec:
        """The codec of an air shower's x columns."""
        check_columns(columns)
        return ProfileCodec(self)


class ProfileCodec(Codec):
    """See ``Profiles``. Flat numbers: six scalars, then the components; the mean and spread at these givens are taken out, what is left is made normal."""

    mean_shape: Tensor
    weight: Tensor
    components: Tensor
    level: Tensor
    length: Tensor
    trend: Tensor
    spread: Tensor

    def __init__(self, settings: Profiles) -> None:
        super().__init__()
        self.settings = settings
        self.size = len(SCALARS) + settings.components
        self.ground = GroundDepth()
        width = len(PROFILES) * _POINTS
        features = GivenFeatures.size
        for name, shape in {
            "mean_shape": (width,),
            "weight": (width,),
            "components": (width, settings.components),
            "level": (len(PROFILES),),
            "length": (features,),
            "trend": (features, self.size),
            "spread": (features, self.size),
        }.items():
            self.register_buffer(name, torch.zeros(shape))
        self.features = GivenFeatures()
        self.scale = Gaussianise(self.size)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        features = self.features(given)
        self.length.copy_(_least_squares(features, columns["first_interaction_g_cm2"].clamp_min(1e-3).log() + 0.5772157))
        energy = energy_gev(given)
        for index, name in enumerate(PROFILES):
            self.level[index] = (columns[name].amax(1) / energy).clamp_min(1e-12).log().mean().exp()
        shapes, seen = self._relative(columns, given)
        count = seen.sum(0).clamp_min(1)
        self.mean_shape.copy_((shapes * seen).sum(0) / count)
        importance = self.mean_shape.view(len(PROFILES), _POINTS).exp()
        self.weight.copy_((importance / importance.amax(1, keepdim=True)).sqrt().clamp_min(_LEAST_WEIGHT).flatten())
        centred = (self._continued(shapes, seen) - self.mean_shape) * self.weight
        covariance = centred.double().T @ centred.double() / len(centred)
        _, vectors = torch.linalg.eigh(covariance)
        self.components.copy_(vectors.flip(1)[:, : self.settings.components])
        raw = self._raw(columns, given)
        self.trend.copy_(_least_squares(features, raw))
        residual = raw - features @ self.trend
        self.spread.copy_(_least_squares(features, residual.square().clamp_min(1e-12).log()) * 0.5)
        self.scale.fit(residual / self._spread(features))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        features = self.features(given)
        flat: Tensor = self.scale((self._raw(columns, given) - features @ self.trend) / self._spread(features))
        return flat.clamp(-_BOUND, _BOUND)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        features = self.features(given)
        raw = self.scale.inverse(flat.clamp(-_BOUND, _BOUND)) * self._spread(features) + features @ self.trend
        energy = energy_gev(given)
        first = _minus_log_survival(raw[:, 0]) * (features @ self.length).exp()
        xmax = (first + raw[:, 1]).clamp(1.0, 10.0 * N_DEPTH)
        nmax = raw[:, 2].exp() * energy
        shapes = self.mean_shape + (raw[:, len(SCALARS) :] @ self.components.T) / self.weight
        ground = self.ground(given["zenith_deg"])
        depth = DEPTH_STEP_G_CM2 * torch.arange(N_DEPTH, device=flat.device, dtype=flat.dtype)
        position = _points_at(depth, first, xmax)
        # nothing before the first interaction, whose particles start at the grid points on either side of it; the edge is steep, not a step, so that
        # rounding cannot flip it
        started = ((depth[None, :] - first[:, None] + DEPTH_STEP_G_CM2) * 2.0).clamp(0.0, 1.0)
        seen = (depth[None, :] <= ground[:, None]).to(flat.dtype) * started
        table: Tensors = {}
        interpolated = Interpolation(position, _POINTS)
        for index, (name, shape) in enumerate(zip(PROFILES, shapes.view(-1, len(PROFILES), _POINTS).unbind(1), strict=True)):
            values = interpolated(shape).clamp_max(_LARGEST).exp() - self.settings.floor
            table[name] = values.clamp_min(0.0) * seen * self._scales(index, nmax, energy)[:, None]
        # however far out the noise, no more than the primary brought
        invisible = torch.minimum(raw[:, 4].exp() * energy, energy)
        at_ground = torch.minimum(raw[:, 5].exp() * energy, energy - invisible)
        return table | {
            "xmax_g_cm2": xmax,
            "nmax": nmax,
            "first_interaction_g_cm2": first,
            "calorimetric_energy_gev": energy - invisible - at_ground,
            "ground_energy_gev": at_ground,
            "invisible_energy_gev": invisible,
            "xmax_deposit_g_cm2": (xmax + raw[:, 3]).clamp_min(0.0),
        }

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("profiles are kept as their principal components: a density of whole profiles does not exist, only samples do")

    def _spread(self, features: Tensor) -> Tensor:
        return (features @ self.spread).clamp(-15.0, 15.0).exp()

    def _scales(self, index: int, nmax: Tensor, energy: Tensor) -> Tensor:
        """What a profile is measured in: electrons and deposit in the shower's own maximum, muons and hadrons in the energy."""
        if index < 2:
            return nmax * (self.level[index] / self.level[0])
        return energy * self.level[index]

    def _relative(self, columns: Tensors, given: Tensors) -> tuple[Tensor, Tensor]:
        """ln(profile / scale + floor) at a shape's points, (events, 4 * points), and 1 where they lie above the ground, else 0."""
        energy = energy_gev(given)
        position = _depths_of_points(columns["first_interaction_g_cm2"], columns["xmax_g_cm2"]) / DEPTH_STEP_G_CM2
        last = torch.floor(self.ground(given["zenith_deg"]) / DEPTH_STEP_G_CM2).clamp_max(N_DEPTH - 1)
        floor = self.settings.floor
        parts = []
        interpolated = Interpolation(position, N_DEPTH, last)
        for index, name in enumerate(PROFILES):
            shape = (columns[name] / self._scales(index, columns["nmax"], energy)[:, None] + floor).log()
            inside = interpolated(shape)
            parts.append(torch.where(position < 0, torch.full_like(inside, floor).log(), inside))
        seen = (position <= last[:, None]).to(position.dtype)
        return torch.cat(parts, 1), seen.repeat(1, len(PROFILES))

    def _continued(self, shapes: Tensor, seen: Tensor) -> Tensor:
        """Profiles past the ground follow the mean shape from where they were."""
        blocks = shapes.view(-1, len(PROFILES), _POINTS)
        mean = self.mean_shape.view(1, len(PROFILES), _POINTS)
        visible = seen.view_as(blocks)
        last = (visible.sum(-1, keepdim=True).long() - 1).clamp_min(0)
        offset = blocks.gather(2, last) - mean.expand_as(blocks).gather(2, last)
        return (visible * blocks + (1 - visible) * (mean + offset)).flatten(1)

    def _raw(self, columns: Tensors, given: Tensors) -> Tensor:
        features, energy = self.features(given), energy_gev(given)
        first = columns["first_interaction_g_cm2"]
        survived = torch.exp(-first / (features @ self.length).exp()).clamp(1e-6, 1 - 1e-6)
        scalars = (
            -torch.special.ndtri(survived),
            columns["xmax_g_cm2"] - first,
            (columns["nmax"] / energy).clamp_min(_EDGE).log(),
            columns["xmax_deposit_g_cm2"] - columns["xmax_g_cm2"],
            (columns["invisible_energy_gev"] / energy).clamp_min(_EDGE).log(),
            (columns["ground_energy_gev"] / energy).clamp_min(_EDGE).log(),
        )
        shapes = self._continued(*self._relative(columns, given))
        scores = ((shapes - self.mean_shape) * self.weight) @ self.components
        return torch.cat([torch.stack(scalars, 1), scores], 1)


class GroundDepth(nn.Module):
    """Slant depth at the ground from the zenith angle, by a table of a tenth of a degree."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        zenith = torch.linspace(0.0, 66.0, 661, dtype=torch.float64)
        self.register_buffer("table", torch.as_tensor(ground_depth_g_cm2(zenith.numpy())).float())

    def forward(self, zenith_deg: Tensor) -> Tensor:
        place = (zenith_deg.float() * 10.0).clamp(0.0, 659.999)
        low = place.floor().long()
        depth: Tensor = self.table[low] + (place - low) * (self.table[low + 1] - self.table[low])
        return depth


class GivenFeatures(nn.Module):
    """Smooth features of (primary, energy, zenith), on which means and spreads are regressed."""

    size = 3 * len(PRIMARIES) + 4

    def forward(self, given: Tensors) -> Tensor:
        codes = torch.arange(len(PRIMARIES), device=given["primary"].device)
        one = (given["primary"][:, None] == codes).float()
        energy = (given["lg_energy_ev"].float() - 18.0)[:, None]
        slant = (1.0 / torch.cos(given["zenith_deg"].float() * (torch.pi / 180)) - 1.4)[:, None]
        return torch.cat([one, one * energy, one * slant, energy**2, slant**2, energy * slant, slant**3], 1)


def check_columns(columns: Mapping[str, Column]) -> None:
    """ValueError unless ``columns`` are all that an air shower's codec maps."""
    missing = [name for name in (*PROFILES, *SCALARS, "calorimetric_energy_gev") if name not in columns]
    if missing:
        raise ValueError(f"an air shower's codec needs the column '{missing[0]}'; it maps: {', '.join((*PROFILES, *SCALARS))}")


def energy_gev(given: Tensors) -> Tensor:
    """The primary's energy, (events,)."""
    return torch.exp((given["lg_energy_ev"].float() - 9.0) * 2.302585093)


def _rise(first: Tensor, xmax: Tensor) -> Tensor:
    """From the first interaction to the maximum [g/cm2], (events, 1)."""
    return (xmax - first).clamp_min(DEPTH_STEP_G_CM2)[:, None]


def _depths_of_points(first: Tensor, xmax: Tensor) -> Tensor:
    """Slant depths of a shape's points [g/cm2], (events, points)."""
    points = torch.arange(_POINTS, device=xmax.device) - _AHEAD
    rise = _rise(first, xmax)
    return first[:, None] + torch.where(points < _RISE, points / _RISE * rise, rise + (points - _RISE) * DEPTH_STEP_G_CM2)


def _points_at(depth: Tensor, first: Tensor, xmax: Tensor) -> Tensor:
    """Where the slant depths ``depth`` (places,) lie among a shape's points, (events, places): undoes ``_depths_of_points``."""
    rise = _rise(first, xmax)
    below = depth[None, :] - first[:, None]
    return _AHEAD + torch.where(below < rise, below / rise * _RISE, _RISE + (below - rise) / DEPTH_STEP_G_CM2)


def _minus_log_survival(normal: Tensor) -> Tensor:
    """-ln(1 - Phi(z)) without cancellation: from the error function, and from Laplace's continued fraction of the Mills ratio where z > 1.5."""
    body = -(0.5 - 0.5 * torch.erf(normal.clamp_max(1.5) * 0.70710678)).log()
    z = normal.clamp_min(1.5)
    fraction = z
    for level in range(12, 0, -1):
        fraction = z + level / fraction
    return torch.where(normal > 1.5, 0.5 * z**2 + 0.91893853 + fraction.log(), body)


def _least_squares(features: Tensor, values: Tensor) -> Tensor:
    """Coefficients of a ridge regression in double precision."""
    a, b = features.double(), values.double()
    ridge = 1e-6 * len(a) * torch.eye(a.shape[1], dtype=a.dtype)
    return torch.linalg.solve(a.T @ a + ridge, a.T @ b).float()


class Interpolation:
    """Where cubic (Catmull-Rom) interpolation at ``position`` (events, places) looks in rows of ``points``, held at the ends,
    the same for all rows at the same places.

    ``last`` (events,) is a row's last point, where that is not the same for all.
    """

    def __init__(self, position: Tensor, points: int, last: Tensor | None = None) -> None:
        end = torch.full_like(position[:, :1], points - 1) if last is None else last[:, None]
        place = torch.minimum(position.clamp_min(0.0), end)
        low = torch.minimum(place.floor(), (end - 1).clamp_min(0.0))
        self._u = place - low
        low, stop = low.long(), end.long()
        self._around = ((low - 1).clamp_min(0), low, torch.minimum(low + 1, stop), torch.minimum(low + 2, stop))

    def __call__(self, values: Tensor) -> Tensor:
        """The rows ``values`` (events, points) at the places."""
        u, (a, b, c, d) = self._u, (values.gather(1, index) for index in self._around)
        return b + 0.5 * u * ((c - a) + u * ((2 * a - 5 * b + 4 * c - d) + u * (3 * (b - c) + d - a)))
