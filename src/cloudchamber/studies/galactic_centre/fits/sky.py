"""Pixels of a map in a file, HEALPix or an image: where their centres lie in Galactic coordinates, which of them holds a direction, values between centres.

References: Gorski et al. (2005), ApJ 622, 759, section 5 and appendix A; Greisen & Calabretta (2002), A&A 395, 1061.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.geometry import Frame, Wcs
from cloudchamber.physics.gamma.face import direction_at
from cloudchamber.physics.sphere import equatorial_from_galactic, galactic_from_equatorial, unit_vectors

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pixels:
    """HEALPix pixels with these ``numbers`` in the file's order, or all of them."""

    nside: int
    nested: bool
    frame: Frame
    numbers: Array | None = None

    def __len__(self) -> int:
        return 12 * self.nside**2 if self.numbers is None else len(self.numbers)

    def centres(self) -> tuple[Array, Array]:
        """Galactic longitude and latitude in deg, (pixels,)."""
        import healpix

        numbers = np.arange(len(self)) if self.numbers is None else self.numbers
        lon, lat = healpix.pix2ang(self.nside, numbers, nest=self.nested, lonlat=True)
        return _galactic(lon, lat, self.frame)

    def parts_of(self, places: Array, parts: int) -> tuple[Array, Array]:
        """Galactic directions of the middles of ``parts`` x ``parts`` parts of some of the pixels, (parts^2, places); parts are a power of 2."""
        import healpix

        numbers = places if self.numbers is None else self.numbers[places]
        if parts == 1:
            lon, lat = healpix.pix2ang(self.nside, numbers[None], nest=self.nested, lonlat=True)
        else:
            nested = numbers if self.nested else healpix.ring2nest(self.nside, numbers)
            lon, lat = healpix.pix2ang(self.nside * parts, nested * parts**2 + np.arange(parts**2)[:, None], nest=True, lonlat=True)
        return _galactic(lon, lat, self.frame)

    @property
    def side_deg(self) -> float:
        """Of a square as large as a pixel."""
        return float(np.degrees(np.sqrt(4 * np.pi / (12 * self.nside**2))))

    def solid_angles_sr(self, places: Array) -> Array:
        """Of some of the pixels."""
        return np.full(len(places), 4 * np.pi / (12 * self.nside**2))

    def sides_deg(self, places: Array) -> Array:
        """The longest side of some of the pixels."""
        return np.full(len(places), self.side_deg)

    def holding(self, lon_deg: Array, lat_deg: Array) -> Array:
        """The place in the file of the pixel that holds each Galactic direction; -1 where none does."""
        import healpix

        lon, lat = _of_frame(lon_deg, lat_deg, self.frame)
        return self._places(healpix.ang2pix(self.nside, lon, lat, nest=self.nested, lonlat=True))

    def between(self, lon_deg: Array, lat_deg: Array) -> tuple[Array, Array]:
        """Places (4, directions) of the centres around each direction, -1 for those not there, and their weights: linear along two rings and between them."""
        import healpix

        lon, lat = _of_frame(lon_deg, lat_deg, self.frame)
        z, n = np.sin(np.radians(lat)), self.nside
        cap = np.floor(n * np.sqrt(3 * (1 - np.abs(z)))).astype(np.int64)
        above = np.where(np.abs(z) <= 2 / 3, np.floor(n * (2 - 1.5 * z)).astype(np.int64), np.where(z > 0, cap, 4 * n - cap - 1))
        # beyond the ring next to a pole that ring's values hold
        rings = np.clip([above, above + 1], 1, 4 * n - 1)
        angle, height = np.empty((2, len(z))), np.arccos(np.clip(z, -1, 1))
        numbers, weights = np.empty((4, len(z)), np.int64), np.empty((4, len(z)))
        for row, ring in enumerate(rings):
            first, length, shift, angle[row] = _ring(ring, n)
            along = (lon % 360) / 360 * length - 0.5 * shift
            left = np.floor(along)
            numbers[2 * row] = first + left.astype(np.int64) % length
            numbers[2 * row + 1] = first + (left.astype(np.int64) + 1) % length
            weights[2 * row], weights[2 * row + 1] = 1 - (along - left), along - left
        same = rings[0] == rings[1]
        share = np.where(same, 0.0, (height - angle[0]) / np.where(same, 1.0, angle[1] - angle[0]))
        weights *= np.stack([1 - share, 1 - share, share, share])
        return self._places(healpix.ring2nest(n, numbers) if self.nested else numbers), weights

    def _places(self, wanted: Array) -> Array:
        if self.numbers is None:
            return np.asarray(wanted)
        order, rising = self._sorted
        found = np.minimum(np.searchsorted(rising, wanted), len(rising) - 1)
        return np.where(rising[found] == wanted, order[found], -1)

    @cached_property
    def _sorted(self) -> tuple[Array, Array]:
        assert self.numbers is not None
        order = np.argsort(self.numbers)
        return order, self.numbers[order]


@dataclass(frozen=True, eq=False)
class Image:
    """An image's pixels, row after row."""

    wcs: Wcs

    def __len__(self) -> int:
        return self.wcs.height * self.wcs.width

    @property
    def frame(self) -> Frame:
        """Of its coordinates."""
        return self.wcs.frame

    def centres(self) -> tuple[Array, Array]:
        """Galactic longitude and latitude in deg, (pixels,); NaN beyond the projection."""
        lon, lat = (each.ravel() for each in self.wcs.lon_lat_deg())
        there = np.isfinite(lon) & np.isfinite(lat)
        found = np.full((2, len(lon)), np.nan)
        found[:, there] = _galactic(lon[there], lat[there], self.frame)
        return found[0], found[1]

    def parts_of(self, places: Array, parts: int) -> tuple[Array, Array]:
        """Galactic directions of the middles of ``parts`` x ``parts`` parts of some of the pixels, (parts^2, places); NaN beyond the projection."""
        y, x = np.divmod(places, self.wcs.width)
        off = (np.arange(parts) + 0.5) / parts - 0.5
        found = [self.wcs.lon_lat_at(x + right, y + up) for up in off for right in off]
        lon, lat = (np.stack(each) for each in zip(*found, strict=True))
        there = np.isfinite(lon) & np.isfinite(lat)
        galactic = np.full((2, *lon.shape), np.nan)
        galactic[:, there] = _galactic(lon[there], lat[there], self.frame)
        return galactic[0], galactic[1]

    def solid_angles_sr(self, places: Array) -> Array:
        """Of some of the pixels, from their corners; NaN where one lies beyond the projection."""
        lower_left, lower_right, upper_left, upper_right = self._corners(places)
        return np.asarray(np.linalg.norm(np.cross(upper_right - lower_left, upper_left - lower_right), axis=-1) / 2)

    def sides_deg(self, places: Array) -> Array:
        """The longest side of some of the pixels."""
        a, b, c, d = self._corners(places)
        return np.degrees(np.max([np.linalg.norm(one - other, axis=-1) for one, other in ((a, b), (c, d), (a, c), (b, d))], axis=0))

    def holding(self, lon_deg: Array, lat_deg: Array) -> Array:
        """The place in the file of the pixel that holds each Galactic direction; -1 where none does."""
        return self.wcs.place_of(*_of_frame(lon_deg, lat_deg, self.frame))

    def between(self, lon_deg: Array, lat_deg: Array) -> tuple[Array, Array]:
        """Places (4, directions) of the centres around each direction, -1 for those not there, and their weights: bilinear."""
        x, y = self.wcs.xy_at(*_of_frame(lon_deg, lat_deg, self.frame))
        there = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(there, x, -9.0), np.where(there, y, -9.0)
        left, low = np.floor(x), np.floor(y)
        places, weights = [], []
        for up in (0, 1):
            for right in (0, 1):
                column, row = left + right, low + up
                inside = (column >= 0) & (column < self.wcs.width) & (row >= 0) & (row < self.wcs.height)
                places.append(np.where(inside, row * self.wcs.width + column, -1).astype(np.int64))
                weights.append((1 - np.abs(x - column)) * (1 - np.abs(y - row)))
        return np.stack(places), np.stack(weights)

    def _corners(self, places: Array) -> list[Array]:
        """Unit vectors (pixels, 3)."""
        y, x = np.divmod(places, self.wcs.width)
        return [unit_vectors(*self.wcs.lon_lat_at(x + right, y + up)) for up in (-0.5, 0.5) for right in (-0.5, 0.5)]


class Interpolation:
    """Of maps (pixels,) at Galactic directions, any number of maps: from those centres around a direction that have a value."""

    def __init__(self, sky: Pixels | Image, lon_deg: Array, lat_deg: Array) -> None:
        self._places, self._weights = sky.between(lon_deg, lat_deg)
        self._weights = np.where(self._places >= 0, self._weights, 0.0)
        self._holding = sky.holding(lon_deg, lat_deg)

    def __call__(self, values: Array) -> Array:
        """(directions,), NaN where the pixel that holds the direction has no value."""
        around = values[self._places]
        weights = np.where(np.isfinite(around), self._weights, 0.0)
        total = weights.sum(axis=0)
        known = (self._holding >= 0) & np.isfinite(values[self._holding]) & (total > 0)
        return np.where(known, (weights * np.nan_to_num(around)).sum(axis=0) / np.where(total > 0, total, 1.0), np.nan)


def face_directions(nside: int, parts: int = 1) -> tuple[Array, Array]:
    """Galactic longitude and latitude of points in the image of base pixel 4, ``parts`` x ``parts`` in each pixel: (nside parts, nside parts)."""
    steps = (np.arange(nside * parts) + 0.5) / parts
    return direction_at(*np.meshgrid(steps, steps, indexing="ij"), nside)


def _ring(ring: Array, nside: int) -> tuple[Array, Array, Array, Array]:
    """First pixel, number of pixels, 1 where they are shifted by half of one, and colatitude of rings 1 to 4 nside - 1."""
    from_pole = np.minimum(ring, 4 * nside - ring)
    polar, north = from_pole < nside, ring < 2 * nside
    length = 4 * np.minimum(from_pole, nside)
    cap = np.where(north, 2 * from_pole * (from_pole - 1), 12 * nside**2 - 2 * from_pole * (from_pole + 1))
    first = np.where(polar, cap, 2 * nside * (nside - 1) + (ring - nside) * 4 * nside)
    z = np.where(polar, np.where(north, 1, -1) * (1 - from_pole**2 / (3 * nside**2)), 4 / 3 - 2 * ring / (3 * nside))
    return first, length, np.where(polar | ((ring - nside) % 2 == 0), 1, 0), np.arccos(z)


def _galactic(lon: Array, lat: Array, frame: Frame) -> tuple[Array, Array]:
    return (np.asarray(lon), np.asarray(lat)) if frame == "galactic" else galactic_from_equatorial(lon, lat)


def _of_frame(lon: Array, lat: Array, frame: Frame) -> tuple[Array, Array]:
    return (np.asarray(lon), np.asarray(lat)) if frame == "galactic" else equatorial_from_galactic(lon, lat)
