"""What is looked at in shapes of the diffuse emission: values by latitude and longitude, power by scale, and what is told of each map as numbers.

All of ln of the shapes, since emission is a product; scales are wavelengths on the sky in the middle of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.diffuse.parameters import GAS_AND_LIGHT
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE
from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels

Array = NDArray[Any]

LATITUDES_DEG = (0.0, 2.0, 5.0, 10.0, 20.0, 42.0)
LONGITUDES_DEG = (0.0, 5.0, 15.0, 45.0)
"""Edges of bands on either side of the plane and of the centre."""
WAVELENGTHS_DEG = (60.0, 30.0, 15.0, 7.5, 3.75, 1.2)
WORDS = {SHAPES[0]: "gas", SHAPES[1]: "inverse Compton"}
SIDE_DEG = float(np.degrees(np.sqrt(4 * np.pi / 12)))
"""Of the image, were it a plane square of its solid angle."""


def logs(table: Mapping[str, Any], name: str) -> Array:
    """ln of a shape (events, nside, nside)."""
    return np.log(np.maximum(np.asarray(table[name], np.float32), np.float32(1e-12)))


@cache
def wavelengths_deg(nside: int) -> Array:
    """Of the cosine waves of an image (nside, nside); infinite for its mean."""
    number = np.hypot(np.arange(nside)[:, None], np.arange(nside))
    return np.divide(2 * SIDE_DEG, number, out=np.full(number.shape, np.inf), where=number > 0)


def power(values: Array, edges_deg: Sequence[float] | Array = WAVELENGTHS_DEG) -> Array:
    """Mean square of the cosine waves between falling wavelengths, (events, edges - 1), of images (events, nside, nside)."""
    nside = values.shape[-1]
    square = fft.dctn(values, axes=(1, 2), norm="ortho", overwrite_x=False).reshape(len(values), -1) ** 2
    length = wavelengths_deg(nside).ravel()
    return np.stack([square[:, (length <= high) & (length > low)].mean(axis=1) for high, low in pairwise(edges_deg)], axis=1)


def fluctuations(values: Array) -> Array:
    """Images less the mean image."""
    return np.asarray(values - values.mean(axis=0))


@cache
def bands(nside: int) -> dict[str, Array]:
    """Pixels (indices) by latitude on both sides of the plane."""
    height = np.abs(pixels(nside).lat_deg).ravel()
    return {f"|b| {low:g} to {high:g} deg": np.flatnonzero((height >= low) & (height < high)) for low, high in pairwise(LATITUDES_DEG)}


@cache
def fields(nside: int) -> list[Array]:
    """Pixels (indices) by latitude and longitude with their signs."""
    at = pixels(nside)
    lon, lat = at.lon_deg.ravel(), at.lat_deg.ravel()
    found = []
    for (low, high), (near, far), north, east in product(pairwise(LATITUDES_DEG), pairwise(LONGITUDES_DEG), (False, True), (False, True)):
        inside = (np.abs(lat) >= low) & (np.abs(lat) < high) & (np.abs(lon) >= near) & (np.abs(lon) < far) & ((lat > 0) == north) & ((lon > 0) == east)
        if inside.any():
            found.append(np.flatnonzero(inside))
    return found


def profile(values: Array) -> Array:
    """Means by latitude and by longitude, (events, bands), of images (events, nside, nside)."""
    at, flat = pixels(values.shape[-1]), values.reshape(len(values), -1)
    parts = list(bands(values.shape[-1]).values())
    parts += [np.flatnonzero((np.abs(at.lon_deg.ravel()) >= low) & (np.abs(at.lon_deg.ravel()) < high)) for low, high in pairwise(LONGITUDES_DEG)]
    return np.stack([flat[:, part].mean(axis=1) for part in parts], axis=1)


def profiles(table: Mapping[str, Any]) -> Array:
    """Of both shapes, (events, bands)."""
    return np.concatenate([profile(logs(table, name)) for name in SHAPES], axis=1)


def parameters(table: Mapping[str, Any]) -> Array:
    """Theta (events, parameters) as the prior is uniform in it, from 0 to 1."""
    found = []
    for name in GAS_AND_LIGHT:
        low, high = DIFFUSE[name].low, DIFFUSE[name].high
        value = np.asarray(table[name], float)
        found.append(np.log(value / low) / np.log(high / low) if DIFFUSE[name].logarithmic else (value - low) / (high - low))
    return np.stack(found, axis=1)


def told(table: Mapping[str, Any]) -> Array:
    """What an analyst would note of each map, (events, numbers): means by field of both shapes; of gas power, skewness and kurtosis by scale."""
    gas, light = (logs(table, name) for name in SHAPES)
    nside = gas.shape[-1]
    means = [each.reshape(len(each), -1)[:, part].mean(axis=1) for each in (gas, light) for part in fields(nside)]
    waves, length = fft.dctn(gas, axes=(1, 2), norm="ortho"), wavelengths_deg(nside)
    shapes = []
    for high, low in pairwise(WAVELENGTHS_DEG):
        image = fft.idctn(waves * ((length <= high) & (length > low)), axes=(1, 2), norm="ortho").reshape(len(gas), -1)
        rms = np.sqrt(np.mean(image**2, axis=1))
        shapes += [np.log(rms), np.mean(image**3, axis=1) / rms**3, np.mean(image**4, axis=1) / rms**4]
        shapes += [np.log(np.mean(image[:, part] ** 2, axis=1)) for part in bands(nside).values()]
    return np.stack([*means, *shapes], axis=1)


def coarse(table: Mapping[str, Any], side: int = 32) -> Array:
    """ln of the gas's shape in ``side``^2 pixels, (events, pixels)."""
    gas = logs(table, SHAPES[0])
    step = gas.shape[-1] // side
    return gas.reshape(len(gas), side, step, side, step).mean(axis=(2, 4)).reshape(len(gas), -1)
