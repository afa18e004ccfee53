"""A square wafer with a grid of bolometers, and how far a cosmic ray flies in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Wafer:
    """A square of silicon of ``side_mm`` with ``rows`` x ``columns`` bolometers ``pitch_mm`` apart about its centre.

    Its outer ``frame_mm`` sit in the cold frame: of the energy that is left there, only ``frame_share`` reaches bolometers.
    """

    rows: int = 3
    columns: int = 4
    pitch_mm: float = 10.0
    side_mm: float = 100.0
    frame_mm: float = 5.0
    frame_share: float = 0.1

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            if not 1 <= getattr(self, name) <= 100:
                raise ValueError(f"{name}: {getattr(self, name)} is outside the allowed [1, 100]")
        if not 1 <= self.side_mm <= 1000:
            raise ValueError(f"side_mm: {self.side_mm:g} is outside the allowed [1, 1000] mm")
        most = self.side_mm / max(self.rows, self.columns)
        if not 0 < self.pitch_mm <= most:
            raise ValueError(f"pitch_mm: {self.pitch_mm:g} is outside the allowed (0, {most:g}] mm, in which all bolometers are on the wafer")
        if not 0 <= self.frame_mm <= self.side_mm / 2:
            raise ValueError(f"frame_mm: {self.frame_mm:g} is outside the allowed [0, {self.side_mm / 2:g}] mm")
        if not 0 <= self.frame_share <= 1:
            raise ValueError(f"frame_share: {self.frame_share:g} is outside the allowed [0, 1]")

    @property
    def places_mm(self) -> Array:
        """x and y of each bolometer, row by row, (bolometers, 2)."""
        x = (np.arange(self.columns) - 0.5 * (self.columns - 1)) * self.pitch_mm
        y = (np.arange(self.rows) - 0.5 * (self.rows - 1)) * self.pitch_mm
        return np.stack([np.tile(x, self.rows), np.repeat(y, self.columns)], axis=1)

    def transmission(self, x_mm: Array, y_mm: Array) -> Array:
        """Share of the energy left at a place that reaches bolometers: less in the frame."""
        inner = 0.5 * self.side_mm - self.frame_mm
        return np.where(np.maximum(np.abs(x_mm), np.abs(y_mm)) > inner, self.frame_share, 1.0)


def isotropic_hits(side_um: Array, thickness_um: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """(x_um, y_um, path_um), each (hits,): middle and length of the paths of isotropic cosmic rays that enter slabs by their large faces.

    The cosine to the normal has p(mu) = 2 mu; a path is thickness / mu, or ends where the ray leaves by a lateral face. Rays that enter by a lateral face,
    a share of 2 thickness / side, are left out.
    """
    n = len(side_um)
    x, y = (rng.random((2, n)) - 0.5) * side_um
    mu = np.sqrt(1.0 - rng.random(n))
    azimuth = 2 * np.pi * rng.random(n)
    along = np.stack([np.cos(azimuth), np.sin(azimuth)])
    sine = np.sqrt(1 - mu**2)
    # how far the ray moves sideways before it meets the lateral face it flies towards
    room = 0.5 * side_um - np.sign(along) * np.stack([x, y])
    sideways = np.minimum(thickness_um * sine / mu, np.min(room / np.maximum(np.abs(along), 1e-12), axis=0))
    full = sideways >= thickness_um * sine / mu
    path = np.where(full, thickness_um / mu, sideways / np.maximum(sine, 1e-12))
    return x + 0.5 * sideways * along[0], y + 0.5 * sideways * along[1], path


def box_chords(side_um: float, thickness_um: float, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Paths through a box of ``n`` isotropic rays thrown at it from a sphere about it, (rays,), 0 for those that miss; and the sphere's radius.

    An isotropic flux I sends pi I times the sphere's surface through it each second: a check of ``isotropic_hits`` and of rates that shares nothing with them.
    """
    radius = 0.5 * np.sqrt(2 * side_um**2 + thickness_um**2) * 1.0001
    start = rng.standard_normal((n, 3))
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    # inwards, with the cosine law about the sphere's own normal
    mu, azimuth = np.sqrt(1.0 - rng.random(n)), 2 * np.pi * rng.random(n)
    helper = np.where(np.abs(start[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    first = np.cross(start, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(start, first)
    sine = np.sqrt(1 - mu**2)
    direction = -mu[:, None] * start + (sine * np.cos(azimuth))[:, None] * first + (sine * np.sin(azimuth))[:, None] * second
    half = 0.5 * np.array([side_um, side_um, thickness_um])
    with np.errstate(divide="ignore"):
        one, two = (-half - radius * start) / direction, (half - radius * start) / direction
    enter, leave = np.minimum(one, two).max(axis=1), np.maximum(one, two).min(axis=1)
    return np.maximum(leave - enter, 0.0), float(radius)
