"""Diffuse emission as the instrument spreads it: the image folded with the point spread of each energy bin.

The point spread has the shape that it has in the image's middle; at latitude b it is there wider by 1 / cos(b) along the plane and narrower by cos(b) across,
13 % at the edge of the analysed region, where diffuse emission is smooth. Photons of sources are spread one by one on the sphere instead.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gamma.bins import EnergyBins

Array = NDArray[Any]

REACH_DEG = 15.0
"""Photons spread further are left where the spread ends."""
_RADII, _TURNS, _STARTS = 256, 64, 10


@cache
def kernel(bins: EnergyBins, index: float, nside: int) -> Array:
    """Share of the photons of a pixel of the image that is seen in each pixel about it, (bins, 2 n + 1, 2 n + 1), with a sum of 1."""
    reach = _reach(nside)
    radius = np.minimum(bins.radii_rad(index, _RADII), np.radians(REACH_DEG))[:, :, None]
    turn = 2 * np.pi * (np.arange(_TURNS) + 0.5) / _TURNS
    along, across = nside * radius * np.cos(turn) * 2 / np.pi, nside * radius * np.sin(turn) * 0.75
    starts = (np.arange(_STARTS) + 0.5) / _STARTS
    found = np.zeros((bins.bins, 2 * reach + 1, 2 * reach + 1))
    for one in starts:
        for two in starts:
            x, y = (np.floor(each).astype(int) + reach for each in (one + across + along, two + across - along))
            for b in range(bins.bins):
                np.add.at(found[b], (x[b], y[b]), 1.0)
    found /= found.sum((1, 2), keepdims=True)
    found.setflags(write=False)
    return found


@cache
def _transformed(bins: EnergyBins, index: float, nside: int) -> tuple[Array, int]:
    """The kernel in Fourier space, (bins, ...), and the side of the images there."""
    from scipy.fft import next_fast_len, rfft2

    reach = _reach(nside)
    side = next_fast_len(nside + 2 * reach, real=True)
    placed = np.zeros((bins.bins, side, side), np.float32)
    placed[:, : 2 * reach + 1, : 2 * reach + 1] = kernel(bins, index, nside)
    return rfft2(np.roll(placed, (-reach, -reach), (1, 2))), side


def _reach(nside: int) -> int:
    return int(np.ceil(nside * np.radians(REACH_DEG) * np.hypot(2 / np.pi, 0.75)))


def blurred(maps: Array, bins: EnergyBins, index: float) -> Array:
    """Images (..., bins, nside, nside) as they are seen; beyond the image emission goes on as at its edge."""
    from scipy.fft import irfft2, rfft2

    nside = maps.shape[-1]
    reach = _reach(nside)
    spread, side = _transformed(bins, index, nside)
    edges = [(0, 0)] * (maps.ndim - 2) + [(reach, side - nside - reach)] * 2
    wide = np.pad(np.asarray(maps, np.float32), edges, mode="edge")
    found = irfft2(rfft2(wide) * spread, s=(side, side))[..., reach : reach + nside, reach : reach + nside]
    # rounding of far brighter pixels must not make a faint one negative
    return np.maximum(found, 0.0)
