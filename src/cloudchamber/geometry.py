"""Where the pixels of a column lie on the sky: HEALPix, whole or in part, or an image with a world coordinate system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

Frame = Literal["galactic", "icrs"]


@dataclass(frozen=True)
class Healpix:
    """HEALPix pixels of the sky, in the ``order`` that the column has them: all, those of a ``base_pixel`` (0 to 11) as a square image, or ``pixels``.

    A base pixel's image (nside, nside) is its nested scheme unrolled: pixels that touch in the image touch on the sky, and all have one solid angle.
    References: Gorski et al. (2005), ApJ 622, 759, section 4.
    """

    nside: int
    order: Literal["nested", "ring"] = "nested"
    frame: Frame = "galactic"
    base_pixel: int | None = None
    pixels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.nside < 1 or self.nside & (self.nside - 1):
            raise ValueError(f"nside must be a power of 2, got {self.nside}")
        if self.base_pixel is not None and (self.pixels or self.order != "nested" or not 0 <= self.base_pixel < 12):
            raise ValueError(f"a base pixel is one of 0 to 11 in nested order, without a list of pixels, got {self.base_pixel} in {self.order} order")
        if self.pixels and not 0 <= min(self.pixels) <= max(self.pixels) < 12 * self.nside**2:
            raise ValueError(f"pixels must lie between 0 and {12 * self.nside**2 - 1} for nside {self.nside}, got {min(self.pixels)} to {max(self.pixels)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the column's last axes."""
        if self.base_pixel is not None:
            return (self.nside, self.nside)
        return (len(self.pixels) or 12 * self.nside**2,)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The pixels' numbers in ``order``, in the shape of the column."""
        if self.base_pixel is not None:
            x, y = np.meshgrid(np.arange(self.nside), np.arange(self.nside), indexing="ij")
            return self.base_pixel * self.nside**2 + (_spread(x) | (_spread(y) << 1))
        return np.array(self.pixels) if self.pixels else np.arange(12 * self.nside**2)

    @property
    def solid_angle_sr(self) -> float:
        """Of a pixel."""
        return float(4 * np.pi / (12 * self.nside**2))

    def lon_lat_deg(self) -> tuple[np.ndarray, np.ndarray]:
        """Longitude and latitude of the pixels' centres in ``frame``, in the shape of the column."""
        import healpix

        lon, lat = healpix.pix2ang(self.nside, self.numbers, nest=self.order == "nested", lonlat=True)
        return np.asarray(lon), np.asarray(lat)

    def place_of(self, lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
        """The place in the flattened column of the pixel that holds each direction; -1 where it is none of them."""
        import healpix

        wanted = healpix.ang2pix(self.nside, lon_deg, lat_deg, nest=self.order == "nested", lonlat=True)
        flat = self.numbers.ravel()
        order = np.argsort(flat)
        found = np.minimum(np.searchsorted(flat, wanted, sorter=order), len(flat) - 1)
        return np.where(flat[order][found] == wanted, order[found], -1)


@dataclass(frozen=True)
class Wcs:
    """An image (height, width) with the FITS ``header`` cards of its world coordinate system (CTYPE1, CRVAL1, CDELT1, ...).

    References: Greisen & Calabretta (2002), A&A 395, 1061.
    """

    height: int
    width: int
    header: Mapping[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [key for key in ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2") if key not in self.header]
        if missing or self.height < 1 or self.width < 1:
            raise ValueError(f"an image needs a height, a width and the cards of its coordinates; '{missing[0] if missing else 'height'}' is missing")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the column's last axes."""
        return (self.height, self.width)

    @property
    def frame(self) -> Frame:
        """Of the coordinates."""
        return "galactic" if str(self.header["CTYPE1"]).startswith("GLON") else "icrs"

    @cached_property
    def _wcs(self) -> Any:
        from astropy.io.fits import Header
        from astropy.wcs import WCS

        return WCS(Header({"NAXIS": 2, "NAXIS1": self.width, "NAXIS2": self.height, **dict(self.header)}))

    @property
    def solid_angle_sr(self) -> float:
        """Of a pixel at the reference."""
        return float(np.deg2rad(1.0) ** 2 * self._wcs.proj_plane_pixel_area().to_value("deg2"))

    def lon_lat_deg(self) -> tuple[np.ndarray, np.ndarray]:
        """Longitude and latitude of the pixels' centres in ``frame``, in the shape of the column; NaN beyond the projection."""
        y, x = np.mgrid[: self.height, : self.width]
        return self.lon_lat_at(x, y)

    def lon_lat_at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Longitude and latitude of places in the image, whole numbers at the centres of pixels, ``x`` along the width; NaN beyond the projection."""
        lon, lat = self._wcs.all_pix2world(x, y, 0)
        return np.asarray(lon) % 360.0, np.asarray(lat)

    def xy_at(self, lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The other way round."""
        x, y = self._wcs.all_world2pix(lon_deg, lat_deg, 0)
        return np.asarray(x), np.asarray(y)

    def place_of(self, lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
        """The place in the flattened column of the pixel that holds each direction; -1 where it is none of them."""
        x, y = (np.floor(each + 0.5) for each in self.xy_at(lon_deg, lat_deg))
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        return np.where(inside, np.where(inside, y, 0).astype(int) * self.width + np.where(inside, x, 0).astype(int), -1)


def _spread(values: np.ndarray) -> np.ndarray:
    """The bits of whole numbers below 2^29 at every second place."""
    spread = np.asarray(values, np.int64)
    for shift, mask in ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333), (1, 0x5555555555555555)):
        spread = (spread | (spread << shift)) & mask
    return spread
