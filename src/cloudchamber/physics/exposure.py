"""Directional exposure of ground arrays: how much of their time and area looks at a direction, relative to the mean over the whole sphere.

A fully efficient array that runs around the clock sees declination d with
cos(l) cos(d) sin(h) + h sin(l) sin(d), l its latitude, h the hour angle at which the direction reaches the largest zenith angle.

References: P. Sommers, Astropart. Phys. 14 (2001) 271, section 2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cloudchamber.physics.sphere import EQUATORIAL_TO_GALACTIC, random_directions

_NODES = 20_001
MIN_VISIBLE = 0.1
"""A source counts as visible where the exposure is at least a tenth of its mean over the sphere."""


class Site(NamedTuple):
    """An array of detectors and its total exposure."""

    latitude_deg: float
    max_zenith_deg: float
    km2_sr_yr: float


AUGER = Site(-35.2, 80.0, 122_000.0)
"""Auger, Astrophys. J. 935 (2022) 170: 122,000 km2 sr yr above 32 EeV up to 80 deg."""
TA = Site(39.3, 55.0, 14_000.0)
"""Telescope Array up to 55 deg; the ratio to Auger only matters for "both"."""
EXPOSURES: dict[str, tuple[Site, ...]] = {"uniform": (), "auger": (AUGER,), "ta": (TA,), "both": (AUGER, TA)}


def directional_exposure(dec_deg: ArrayLike, latitude_deg: float, max_zenith_deg: float) -> np.ndarray:
    """Exposure at declinations ``dec_deg`` relative to its mean over the sphere, that is pi sin^2(max_zenith) / 4 in the formula's units."""
    if not -90 <= latitude_deg <= 90:
        raise ValueError(f"latitude_deg: {latitude_deg} is outside the allowed [-90, 90] deg")
    if not 0 < max_zenith_deg <= 90:
        raise ValueError(f"max_zenith_deg: {max_zenith_deg} is outside the allowed (0, 90] deg")
    dec = np.asarray(dec_deg, float)
    if np.any(~(np.abs(dec) <= 90)):
        raise ValueError(f"dec_deg: {dec[~(np.abs(dec) <= 90)].flat[0]} is outside the allowed [-90, 90] deg")
    return _at_sine(np.sin(np.deg2rad(dec)), latitude_deg, max_zenith_deg)


def _at_sine(sin_dec: np.ndarray, latitude_deg: float, max_zenith_deg: float) -> np.ndarray:
    latitude, zenith = np.deg2rad(latitude_deg), np.deg2rad(max_zenith_deg)
    along, across = np.sin(latitude) * sin_dec, np.cos(latitude) * np.sqrt(np.maximum(1 - sin_dec**2, 0.0))
    # where across is 0 (a pole of sky or earth) a direction is seen always or never
    hour_angle = np.arccos(np.clip((np.cos(zenith) - along) / np.maximum(across, 1e-12), -1.0, 1.0))
    return (across * np.sin(hour_angle) + hour_angle * along) / (0.25 * np.pi * np.sin(zenith) ** 2)


def sites(exposure: str) -> tuple[Site, ...]:
    """The arrays of one of ``EXPOSURES``; ValueError lists them."""
    if exposure not in EXPOSURES:
        raise ValueError(f"unknown exposure '{exposure}'; there are: {', '.join(EXPOSURES)}")
    return EXPOSURES[exposure]


def exposure_at_sine(sin_dec: np.ndarray, exposure: str) -> np.ndarray:
    """Relative exposure at sines of the declination, of one of ``EXPOSURES``: 1 everywhere for "uniform", sites weighted by their total exposure."""
    seen = sites(exposure)
    if not seen:
        return np.ones_like(sin_dec)
    total = sum(site.km2_sr_yr for site in seen)
    return sum((site.km2_sr_yr / total * _at_sine(sin_dec, site.latitude_deg, site.max_zenith_deg) for site in seen), np.zeros_like(sin_dec))


def exposure_at(vectors: np.ndarray, exposure: str) -> np.ndarray:
    """Relative exposure (...,) at Galactic unit ``vectors`` (..., 3)."""
    if not sites(exposure):
        return np.ones(vectors.shape[:-1])
    return exposure_at_sine(np.clip(vectors @ EQUATORIAL_TO_GALACTIC[:, 2], -1.0, 1.0), exposure)


def draw_exposed(n: int, exposure: str, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) Galactic directions of an isotropic flux as the arrays see it: density ~ exposure."""
    if not sites(exposure):
        return random_directions(n, rng)
    nodes, cumulative, _ = _cumulative(exposure)
    sin_dec, ra = np.interp(rng.random(n), cumulative, nodes), rng.uniform(0.0, 2 * np.pi, n)
    cos_dec = np.sqrt(1 - sin_dec**2)
    return np.stack((cos_dec * np.cos(ra), cos_dec * np.sin(ra), sin_dec), axis=-1) @ EQUATORIAL_TO_GALACTIC.T


def share_below(sin_dec: np.ndarray, exposure: str) -> np.ndarray:
    """The share of an isotropic flux, as the arrays see it, that arrives below these sines of the declination."""
    if not sites(exposure):
        return (np.asarray(sin_dec, float) + 1) / 2
    nodes, cumulative, _ = _cumulative(exposure)
    return np.interp(sin_dec, nodes, cumulative)


def draw_visible(n: int, exposure: str, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) Galactic directions, uniform over the part of the sky that is visible (``MIN_VISIBLE``)."""
    if not sites(exposure):
        return random_directions(n, rng)
    found = np.empty((0, 3))
    while len(found) < n:
        tried = random_directions(2 * n, rng)
        found = np.concatenate((found, tried[visible(tried, exposure)]))
    return found[:n]


def visible(vectors: np.ndarray, exposure: str) -> np.ndarray:
    """Whether each of ``vectors`` (..., 3) is visible."""
    return exposure_at(vectors, exposure) >= MIN_VISIBLE


def greatest_exposure(exposure: str) -> float:
    """The largest relative exposure of the sky, a little rounded up."""
    return 1.0 if not sites(exposure) else _cumulative(exposure)[2]


@lru_cache(maxsize=16)
def _cumulative(exposure: str) -> tuple[np.ndarray, np.ndarray, float]:
    """(sin(dec), share below, maximum)."""
    nodes = np.linspace(-1.0, 1.0, _NODES)
    density = exposure_at_sine(nodes, exposure)
    cumulative = np.concatenate(([0.0], np.cumsum(density[1:] + density[:-1])))
    return nodes, cumulative / cumulative[-1], 1.001 * float(density.max())
