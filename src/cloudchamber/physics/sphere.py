"""Directions on the sphere: unit vectors, rotations, steps along great circles, Galactic coordinates and HEALPix pixels.

Vectors are (..., 3) float64, x towards longitude 0, y towards longitude 90 deg, z towards the north pole. HEALPix pixels are in nested order.
"""

from __future__ import annotations

import healpix
import numpy as np
from numpy.typing import ArrayLike

GALACTIC_POLE_DEG = (192.85948, 27.12825)
"""Right ascension and declination of the Galactic north pole (ICRS)."""
GALACTIC_NODE_DEG = 32.93192
"""Galactic longitude at which the Galactic plane rises through the equator."""


def unit_vectors(lon_deg: ArrayLike, lat_deg: ArrayLike) -> np.ndarray:
    """Unit vectors (..., 3) of longitudes and latitudes."""
    lon, lat = np.broadcast_arrays(np.deg2rad(np.asarray(lon_deg, float)), np.deg2rad(np.asarray(lat_deg, float)))
    return np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=-1)


def lon_lat_deg(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude (-180 to 180) and latitude of ``vectors`` (..., 3) of any length."""
    x, y, z = np.moveaxis(np.asarray(vectors, float), -1, 0)
    return np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def angular_distance_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle between ``a`` and ``b`` (..., 3), exact for small and for opposite directions too."""
    return np.rad2deg(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(np.asarray(a) * b, axis=-1)))


def random_directions(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) directions, uniform over the sphere."""
    z, phi = rng.uniform(-1.0, 1.0, n), rng.uniform(0.0, 2 * np.pi, n)
    rho = np.sqrt(1.0 - z**2)
    return np.stack((rho * np.cos(phi), rho * np.sin(phi), z), axis=-1)


def rotation_about(axis: ArrayLike, angle_rad: ArrayLike) -> np.ndarray:
    """Rotation matrices (..., 3, 3) by ``angle_rad``, right-handed about ``axis`` (..., 3): ``vectors @ matrix.T`` turns (n, 3) vectors.

    References: Rodrigues' formula, R = cos(a) + (1 - cos(a)) n n^T + sin(a) [n]_x.
    """
    axis = np.asarray(axis, float)
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    if np.any(length == 0):
        raise ValueError("a rotation needs an axis of a length above 0")
    n, angle = axis / length, np.asarray(angle_rad, float)[..., None, None]
    outer = n[..., :, None] * n[..., None, :]
    # the columns of [n]_x are n x e_i
    cross = np.swapaxes(np.cross(n[..., None, :], np.eye(3)), -1, -2)
    return np.cos(angle) * np.eye(3) + (1.0 - np.cos(angle)) * outer + np.sin(angle) * cross


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation matrix (3, 3), uniform over all rotations: a random pole, and a random turn about it."""
    pole = random_directions(1, rng)[0]
    east, north = tangent_basis(pole)
    return np.stack((east, north, pole), axis=-1) @ rotation_about([0.0, 0.0, 1.0], rng.uniform(0.0, 2 * np.pi))


def tangent_basis(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors to the east and to the north, (..., 3) each, in the tangent plane at ``vectors``; at a pole those of longitude 0."""
    vectors = np.asarray(vectors, float)
    lon = np.arctan2(vectors[..., 1], vectors[..., 0])
    east = np.stack((-np.sin(lon), np.cos(lon), np.zeros_like(lon)), axis=-1)
    return east, np.cross(vectors, east)


def move(vectors: np.ndarray, angle_rad: ArrayLike, position_angle_rad: ArrayLike) -> np.ndarray:
    """Step from unit ``vectors`` (..., 3) by ``angle_rad`` along the great circle that leaves at ``position_angle_rad`` (from north through east)."""
    east, north = tangent_basis(vectors)
    angle, position = np.asarray(angle_rad, float)[..., None], np.asarray(position_angle_rad, float)[..., None]
    return np.cos(angle) * vectors + np.sin(angle) * (np.cos(position) * north + np.sin(position) * east)


def von_mises_fisher(mean: np.ndarray, sigma_rad: ArrayLike, rng: np.random.Generator) -> np.ndarray:
    """One direction about each of ``mean`` (n, 3), density ~ exp(kappa cos(angle)), kappa = 1 / sigma^2: a Gaussian of width sigma where that is small.

    References: Fisher (1953), Proc. R. Soc. A 217, 295; its cumulative distribution inverted.
    """
    mean = np.asarray(mean, float)
    sigma = np.broadcast_to(np.asarray(sigma_rad, float), mean.shape[:-1])
    if np.any(~(sigma >= 0)):
        raise ValueError(f"sigma_rad must be at least 0, got {sigma[~(sigma >= 0)].flat[0]}")
    share, position = rng.random(sigma.shape), rng.uniform(0.0, 2 * np.pi, sigma.shape)
    with np.errstate(divide="ignore", over="ignore"):
        versine = -(sigma**2) * np.log1p(share * np.expm1(-2.0 / sigma**2))
    return move(mean, 2.0 * np.arcsin(np.sqrt(np.minimum(versine / 2.0, 1.0))), position)


def galactic_from_equatorial(ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Galactic longitude (-180 to 180) and latitude of right ascension and declination (ICRS)."""
    return lon_lat_deg(unit_vectors(ra_deg, dec_deg) @ EQUATORIAL_TO_GALACTIC.T)


def equatorial_from_galactic(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension (0 to 360) and declination (ICRS) of Galactic longitude and latitude."""
    ra, dec = lon_lat_deg(unit_vectors(lon_deg, lat_deg) @ EQUATORIAL_TO_GALACTIC)
    return ra % 360.0, dec


def nested_pixels(nside: int, vectors: np.ndarray) -> np.ndarray:
    """The pixel (...,), int64, in which each of ``vectors`` (..., 3) lies. References: Gorski et al. (2005), ApJ 622, 759."""
    _check_nside(nside)
    x, y, z = np.moveaxis(np.asarray(vectors, float), -1, 0)
    return np.asarray(healpix.vec2pix(nside, x, y, z, nest=True), dtype=np.int64)


def pixel_centres(nside: int) -> np.ndarray:
    """Unit vectors (12 nside^2, 3) to the centres of all pixels."""
    _check_nside(nside)
    return np.stack(healpix.pix2vec(nside, np.arange(12 * nside**2), nest=True), axis=-1)


def _check_nside(nside: int) -> None:
    if nside < 1 or nside & (nside - 1):
        raise ValueError(f"nside must be a power of two, 1, 2, 4, ..., got {nside}")


def _equatorial_to_galactic() -> np.ndarray:
    """Matrix (3, 3) from equatorial to Galactic vectors. References: ESA (1997), The Hipparcos catalogue, volume 1, section 1.5.3."""
    pole, node = unit_vectors(*GALACTIC_POLE_DEG), unit_vectors(GALACTIC_POLE_DEG[0] + 90.0, 0.0)
    axes = np.stack((node, np.cross(pole, node), pole))
    return rotation_about([0.0, 0.0, 1.0], np.deg2rad(GALACTIC_NODE_DEG)) @ axes


EQUATORIAL_TO_GALACTIC = _equatorial_to_galactic()
