"""Shapes of the diffuse emission as a few numbers and noise: profiles and long waves, the strength of each small scale, and inverse Compton's components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.schema import Column
from cloudchamber.studies.galactic_centre.codecs.details import Details
from cloudchamber.studies.galactic_centre.codecs.principal import Components, Whitened
from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels, reference_region

INNER = 4
BRIGHTEST = 30.0
"""Of the logarithm of a shape, either way: beyond is no emission."""


@dataclass(frozen=True)
class Shapes:
    """Settings of the codec of ``SHAPES``: all in logarithms, and of mean 1 over the reference region again when decoded.

    Gas: the long waves of ``details``, ``gas`` principal components of what is left (the thin plane), what the four pixels about the centre have beyond
    (the central molecular zone), then small scales as random fields.
    Inverse Compton: ``light`` principal components of a quarter of the image, since it is symmetric about the plane and the centre.
    """

    gas: int = 12
    light: int = 20

    def numbers(self, nside: int) -> int:
        """How many come before the noise."""
        details = Details(nside)
        return details.long + self.gas + INNER + details.strengths + self.light

    def build(self, columns: Mapping[str, Column]) -> ShapesCodec:
        """The codec of both shapes; ValueError for other columns."""
        if set(columns) != set(SHAPES):
            raise ValueError(f"this codec maps the columns {' and '.join(SHAPES)}, got: {', '.join(columns)}")
        return ShapesCodec(self, columns[SHAPES[0]].shape[0])


class ShapesCodec(Codec):
    """See ``Shapes``: (events, numbers + noise), the numbers uncorrelated and of width 1, the noise near standard normal."""

    region: Tensor
    inner: Tensor
    mean_gas: Tensor
    mean_light: Tensor
    quarter: Tensor
    place: Tensor
    fit_events = 3000

    def __init__(self, settings: Shapes, nside: int) -> None:
        super().__init__()
        self.details, self.nside = Details(nside), nside
        at = pixels(nside)
        east, sine = torch.from_numpy(at.longitude - (nside - 1)), torch.from_numpy(at.sine.copy())
        # one pixel of each four that are alike, and for each pixel which of them it is
        alike = (east.abs() * nside + sine).flatten()
        kept, place = alike.unique(return_inverse=True)
        first = torch.full((len(kept),), nside**2).scatter_reduce(0, place, torch.arange(nside**2), "amin")
        self.register_buffer("quarter", first, persistent=False)
        self.register_buffer("place", place, persistent=False)
        region = torch.from_numpy(reference_region(nside).copy()).float().flatten()
        self.register_buffer("region", region / region.sum(), persistent=False)
        inner = torch.zeros(nside, nside, dtype=torch.bool)
        inner[nside // 2 - 1 : nside // 2 + 1, nside // 2 - 1 : nside // 2 + 1] = True
        self.register_buffer("inner", torch.eye(nside**2)[inner.flatten()], persistent=False)
        self.register_buffer("mean_gas", torch.zeros(nside**2))
        self.register_buffer("mean_light", torch.zeros(len(kept)))
        self.gas, self.light = Components(settings.gas, nside**2), Components(settings.light, len(kept))
        self.sizes = [self.details.long, settings.gas, INNER, self.details.strengths, settings.light]
        self.numbers = Whitened(sum(self.sizes))
        self.size = sum(self.sizes) + self.details.noise

    def fit(self, columns: Tensors, given: Tensors) -> None:
        gas, light = self._logs(columns)
        self.mean_gas.copy_(gas.double().mean(0).flatten())
        self.mean_light.copy_(light.double().mean(0))
        images = gas - self.mean_gas.reshape(self.nside, self.nside)
        self.gas.fit(self.details(images)[1].flatten(1))
        self.light.fit(light - self.mean_light)
        told, rest = (torch.cat(each) for each in zip(*map(self._told, self._parts(columns)), strict=True))
        self.details.fit(rest)
        self.numbers.fit(told)

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        found = []
        for part in self._parts(columns):
            told, rest = self._told(part)
            found.append(torch.cat((self.numbers(told), self.details.white(rest, told.split(self.sizes, 1)[3])), 1))
        return torch.cat(found)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        told, noise = flat.split((sum(self.sizes), self.details.noise), 1)
        long, thin, inner, strengths, light = self.numbers.inverse(told).split(self.sizes, 1)
        small = self.details.made(noise, strengths).flatten(1) * (1 - self.inner.sum(0)) + inner @ self.inner
        coarse = self.mean_gas + self.details.smooth(long).flatten(1) + self.gas.inverse(thin)
        shapes = (coarse + small, (self.mean_light + self.light.inverse(light))[:, self.place])
        return {name: self._shape(logs) for name, logs in zip(SHAPES, shapes, strict=True)}

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("inverse Compton emission is told by a few components: shapes have no density")

    def _parts(self, columns: Tensors) -> list[Tensors]:
        """Of some hundred events, as the scales of all at once would take much memory."""
        split = {name: columns[name].split(500) for name in SHAPES}
        return [dict(zip(split, each, strict=True)) for each in zip(*split.values(), strict=True)]

    def _logs(self, columns: Tensors) -> tuple[Tensor, Tensor]:
        """ln of gas (events, nside, nside), of inverse Compton (events, quarter)."""
        logs = [columns[name].float().clamp(torch.e**-BRIGHTEST, torch.e**BRIGHTEST).log() for name in SHAPES]
        return logs[0], logs[1].flatten(1)[:, self.quarter]

    def _told(self, columns: Tensors) -> tuple[Tensor, Tensor]:
        """All numbers as they are, and the image of small scales."""
        gas, light = self._logs(columns)
        images = gas - self.mean_gas.reshape(self.nside, self.nside)
        long, short = self.details(images)
        thin = self.gas(short.flatten(1))
        rest = short.flatten(1) - self.gas.inverse(thin)
        inner = rest @ self.inner.T
        rest = (rest * (1 - self.inner.sum(0))).reshape(-1, self.nside, self.nside)
        return torch.cat((long, thin, inner, self.details.told(rest), self.light(light - self.mean_light)), 1), rest

    def _shape(self, logs: Tensor) -> Tensor:
        values = logs.clamp(-BRIGHTEST, BRIGHTEST).exp()
        return (values / (values @ self.region)[:, None]).reshape(-1, self.nside, self.nside)
