"""A sky of cosmic rays as numbers for a network: each cosmic ray by itself, or maps of their number and energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.sphere import nested_pixel
from cloudchamber.schema import Column
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN

LEAST_EXPOSURE = 0.05
"""Relative exposures below count as this much: one cosmic ray at the edge of the field of view must not outshine the sky."""
_LEAST_ENERGY = 1e-6
_MAPS_AT_A_TIME = 64


@dataclass(frozen=True)
class SkyEvents:
    """Settings of the codec that keeps each cosmic ray."""

    def build(self, columns: Mapping[str, Column]) -> SkyEventsCodec:
        """The codec of arrival directions, energies and exposures."""
        check_columns(columns)
        return SkyEventsCodec()


class SkyEventsCodec(Codec):
    """(events, longest) columns to (events, longest * 6): x, y, z, ln(energy / reference), ln(exposure), 1 for each cosmic ray; zeros where there is none.

    ``size`` is 6, the numbers of one cosmic ray. The reference is the geometric mean of the energies trained on.
    """

    reference_ev: Tensor
    size = 6

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("reference_ev", torch.tensor(10**19.6))

    def fit(self, columns: Tensors, given: Tensors) -> None:
        energy = columns["energy_ev"][present(columns)]
        if not bool((energy > 0).any()):
            raise ValueError("column 'energy_ev': no cosmic ray above 0 eV to take the energies' scale from")
        self.reference_ev.copy_(energy[energy > 0].double().log().mean().exp())

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        there = present(columns)
        energy = (columns["energy_ev"] / self.reference_ev).clamp_min(_LEAST_ENERGY).log()
        exposure = columns["exposure"].clamp_min(LEAST_EXPOSURE).log()
        numbers = torch.stack((*directions(columns), energy, exposure, torch.ones_like(energy)), dim=-1)
        return torch.where(there[..., None], numbers, 0.0).flatten(1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("a sky is what is given: this codec does not decode")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("a sky is what is given: a set of cosmic rays has no density here")


@dataclass(frozen=True)
class SkyMap:
    """Settings of the codec to HEALPix maps of ``nside``; with ``flux`` each cosmic ray counts 1 / exposure, so that the maps estimate the flux."""

    nside: int = 64
    flux: bool = False

    def build(self, columns: Mapping[str, Column]) -> SkyMapCodec:
        """The codec of arrival directions, energies and exposures."""
        check_columns(columns)
        return SkyMapCodec(self)


class SkyMapCodec(Codec):
    """(events, longest) columns to (events, 2 * pixels): the number of cosmic rays in each pixel, nested, then their summed energy.

    Both are divided by their root mean square over the maps trained on, so that empty pixels stay 0.
    """

    scale: Tensor

    def __init__(self, settings: SkyMap) -> None:
        super().__init__()
        if settings.nside < 1 or settings.nside & (settings.nside - 1):
            raise ValueError(f"nside must be a power of two, 1, 2, 4, ..., got {settings.nside}")
        self.settings, self.pixels = settings, 12 * settings.nside**2
        self.size = 2 * self.pixels
        self.register_buffer("scale", torch.tensor([1.0, 10**19.6]))

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.scale.copy_(torch.tensor([1.0, 10**19.6]))
        events = len(columns["lon_deg"])
        square = torch.zeros(2, dtype=torch.float64, device=self.scale.device)
        for start in range(0, events, _MAPS_AT_A_TIME):
            part = {name: values[start : start + _MAPS_AT_A_TIME] for name, values in columns.items()}
            square += self._maps(part).double().square().sum((0, 2))
        if not bool((square > 0).all()):
            raise ValueError("column 'energy_ev': no cosmic ray above 0 eV to take the energies' scale from")
        self.scale.mul_((square / (events * self.pixels)).sqrt())

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        return self._maps(columns).flatten(1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("maps do not say where in a pixel a cosmic ray lies: this codec does not decode")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("maps do not say where in a pixel a cosmic ray lies: there is no density of the columns")

    def _maps(self, columns: Tensors) -> Tensor:
        """(events, 2, pixels)."""
        there = present(columns)
        one = torch.where(there, 1.0, 0.0)
        if self.settings.flux:
            one = torch.where(there, 1.0 / columns["exposure"].clamp_min(LEAST_EXPOSURE), 0.0)
        # of a missing cosmic ray any pixel gets nothing
        pixel = nested_pixel(self.settings.nside, *(torch.where(there, component, 1.0) for component in directions(columns)))
        energy = torch.where(there, columns["energy_ev"] / self.scale[1], 0.0) * one
        empty = torch.zeros(there.shape[0], self.pixels, dtype=one.dtype, device=one.device)
        return torch.stack((empty.scatter_add(1, pixel, one / self.scale[0]), empty.scatter_add(1, pixel, energy.to(one.dtype))), dim=1)


def present(columns: Tensors) -> Tensor:
    """(events, longest), true where there is a cosmic ray: no column is NaN."""
    there = ~columns[SEEN[0]].isnan()
    for name in SEEN[1:]:
        there = there & ~columns[name].isnan()
    return there


def directions(columns: Tensors) -> tuple[Tensor, Tensor, Tensor]:
    """Galactic unit vectors of ``lon_deg`` and ``lat_deg``, component by component; NaN where there is no cosmic ray."""
    lon, lat = (columns[name] * (torch.pi / 180) for name in ("lon_deg", "lat_deg"))
    return lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()


def check_columns(columns: Mapping[str, Column]) -> None:
    """ValueError unless ``columns`` are those that an observatory sees."""
    missing = [name for name in SEEN if name not in columns]
    if missing:
        raise ValueError(f"a sky's codec needs the given column '{missing[0]}'; it reads: {', '.join(SEEN)}")
