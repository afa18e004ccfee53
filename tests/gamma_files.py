"""Files of gamma-ray maps in the layouts of gtbin, gtexpcube2, gammapy and healpy, written without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import healpix
import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

EDGES_GEV = np.array([1.0, 1.8, 3.3, 6.0])
SOURCE = (3.0, -2.0)
CODES = {"galactic": "GAL", "icrs": "EQU"}


def in_frame(lon: np.ndarray, lat: np.ndarray, frame: str) -> tuple[np.ndarray, np.ndarray]:
    """Galactic directions in another frame, as astropy has it."""
    sky = SkyCoord(lon, lat, unit="deg", frame="galactic").transform_to(frame)
    return sky.spherical.lon.deg, sky.spherical.lat.deg


def photons(n: int = 3000, within_deg: float = 26.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Galactic directions and energy bins: anywhere near the Galactic Centre, and 50 of one source."""
    random = np.random.default_rng(5)
    r = np.degrees(np.arccos(1 - random.random(n) * (1 - np.cos(np.radians(within_deg)))))
    turn = random.uniform(0, 2 * np.pi, n)
    sky = SkyCoord(0, 0, unit="deg", frame="galactic").directional_offset_by(turn * units.rad, r * units.deg)
    lon, lat = (np.append(each, np.full(50, at)) for each, at in zip((sky.l.deg, sky.b.deg), SOURCE, strict=True))
    return lon, lat, np.append(random.integers(0, 3, n), np.full(50, 1))


def healpix_cube(nside: int, nested: bool = False, frame: str = "galactic", maps: int = 3) -> np.ndarray:
    """Counts of the photons, (maps, pixels)."""
    lon, lat, energy = photons()
    pixel = healpix.ang2pix(nside, *in_frame(lon, lat, frame), nest=nested, lonlat=True)
    cube = np.zeros((maps, 12 * nside**2))
    np.add.at(cube, (energy % maps, pixel), 1)
    return cube


def image_cube(header: dict[str, Any]) -> np.ndarray:
    """Counts of the photons, (3, height, width)."""
    lon, lat, energy = photons()
    wcs = WCS(fits.Header(header))
    x, y = wcs.wcs_world2pix(*in_frame(lon, lat, "galactic" if header["CTYPE1"].startswith("GLON") else "icrs"), 0)
    cube = np.zeros((3, header["NAXIS2"], header["NAXIS1"]), np.int32)
    np.add.at(cube, (energy, np.round(y).astype(int), np.round(x).astype(int)), 1)
    return cube


def image_header(kind: str = "CAR", frame: str = "galactic", size: float = 0.2, pixels: int = 300) -> dict[str, Any]:
    """Of a square image around the Galactic Centre."""
    names, centre = (("GLON", "GLAT"), (0.0, 0.0)) if frame == "galactic" else (("RA--", "DEC-"), (266.405, -28.936))
    header: dict[str, Any] = {"NAXIS": 2, "NAXIS1": pixels, "NAXIS2": pixels, "CTYPE1": f"{names[0]}-{kind}", "CTYPE2": f"{names[1]}-{kind}"}
    return header | {"CRVAL1": centre[0], "CRVAL2": centre[1], "CRPIX1": pixels / 2 + 0.5, "CRPIX2": pixels / 2 + 0.5, "CDELT1": -size, "CDELT2": size}


def table(name: str, columns: dict[str, np.ndarray], unit_of: dict[str, str] | None = None, **cards: Any) -> fits.BinTableHDU:
    """An extension of these columns."""
    made = []
    for key, values in columns.items():
        kind = {"f8": "D", "f4": "E", "i8": "K", "i4": "J", "i2": "I"}[values.dtype.str[1:]]
        made.append(fits.Column(key, f"{values.shape[1] if values.ndim > 1 else ''}{kind}", unit=(unit_of or {}).get(key), array=values))
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    hdu.header.update(cards)
    return hdu


def ebounds(edges_gev: np.ndarray = EDGES_GEV, unit: str | None = "keV") -> fits.BinTableHDU:
    """Of the Fermi tools."""
    kev = (edges_gev * 1e6).astype("f4")
    units = {} if unit is None else {"E_MIN": unit, "E_MAX": unit}
    return table("EBOUNDS", {"CHANNEL": np.arange(1, len(kev), dtype="i2"), "E_MIN": kev[:-1], "E_MAX": kev[1:]}, units)


def bands(name: str, edges_gev: np.ndarray = EDGES_GEV, unit: str = "MeV", scale: float = 1e3) -> fits.BinTableHDU:
    """Of gammapy."""
    low, high = (edges_gev[:-1] * scale).astype("f4"), (edges_gev[1:] * scale).astype("f4")
    columns = {"CHANNEL": np.arange(len(low), dtype="i2"), "ENERGY": np.sqrt(low * high), "E_MIN": low, "E_MAX": high}
    return table(name, columns, dict.fromkeys(("ENERGY", "E_MIN", "E_MAX"), unit), AXCOLS1="ENERGY,E_MIN,E_MAX")


def energies(gev: np.ndarray) -> fits.BinTableHDU:
    """Of the Fermi tools: MeV, which they do not say."""
    return table("ENERGIES", {"Energy": gev * 1e3})


def healpix_hdu(cube: np.ndarray, nside: int, name: str = "SKYMAP", nested: bool = False, frame: str | None = "galactic", **cards: Any) -> fits.BinTableHDU:
    """All pixels, as gtbin writes them, or those of ``numbers``."""
    numbers, units, first = cards.pop("numbers", None), cards.pop("units", None), cards.pop("first", "CHANNEL")
    columns = {} if numbers is None else {cards.pop("index", "PIX"): numbers.astype("i8")}
    columns |= {f"{first}{place}": each for place, each in enumerate(cube, 1)}
    header = {"PIXTYPE": "HEALPIX", "ORDERING": "NESTED" if nested else "RING", "NSIDE": nside, "FIRSTPIX": 0, "LASTPIX": 12 * nside**2 - 1}
    return table(name, columns, units, **header, **({} if frame is None else {"COORDSYS": CODES[frame]}), **cards)


def write(path: Path, *hdus: Any) -> Path:
    """A file of a primary and these extensions."""
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)
    return path


def write_image(path: Path, cube: np.ndarray, header: dict[str, Any], *hdus: Any, **cards: Any) -> Path:
    """A file with the image in its primary."""
    kept = fits.Header({key: value for key, value in (header | cards).items() if not key.startswith("NAXIS")})
    fits.HDUList([fits.PrimaryHDU(cube, kept), *hdus]).writeto(path, overwrite=True)
    return path
