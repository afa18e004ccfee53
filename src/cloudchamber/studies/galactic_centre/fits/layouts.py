"""Maps of the sky in FITS files, in the layouts that gtbin, gtexpcube2, gammapy and healpy write: their pixels, units and energies.

HEALPix tables: all pixels in order (IMPLICIT; rows of one or of 1024), those of a column PIX or PIXEL (EXPLICIT), or single values of pixel and map (SPARSE).
Images: one, or planes of a cube. References: FITS standard 4.0; gamma-astro-data-formats 0.3, sky maps.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.astronomy import refusing_damage
from cloudchamber.formats.maps import FRAMES, UNSEEN, image_wcs
from cloudchamber.geometry import Frame
from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.studies.galactic_centre.fits.energies import Energies, energies_of
from cloudchamber.studies.galactic_centre.fits.sky import Image, Pixels

Array = NDArray[Any]

INDEX = ("PIX", "PIXEL", "HPX_INDEX")
DISK = re.compile(r"\(?DISK(_INC)?[(,]\s*([^,]+),([^,]+),([^,)]+)\)?")


@dataclass(frozen=True, eq=False)
class SkyMaps:
    """Maps of one extension: where their pixels lie, the ``name`` and unit of each, their energies."""

    where: str
    name: str
    sky: Pixels | Image
    names: tuple[str, ...]
    units: tuple[str, ...]
    stored: Sequence[Array]
    energies: Energies | None

    def __len__(self) -> int:
        return len(self.names)

    def values(self, place: int) -> Array:
        """Of one map, (pixels,): NaN where it has none."""
        values = np.array(self.stored[place], float).ravel()
        values[values <= 0.999 * UNSEEN] = np.nan
        return values


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A FITS file. ValueError for one that is none, or damaged."""
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyError
    from astropy.utils.exceptions import AstropyWarning

    try:
        with refusing_damage(), fits.open(path) as file:
            yield file
    except (OSError, EOFError, zlib.error, VerifyError, AstropyWarning) as error:
        raise ValueError(f"'{path}' is not a readable FITS file: {error}") from error


def maps_of(path: Path, file: Any, frame: Frame | None) -> list[SkyMaps]:
    """All maps of a file, an entry for each extension; ``frame`` is that of HEALPix maps without COORDSYS. ValueError where there is none."""
    found = [_maps(path, file, hdu, frame) for hdu in file if _is_map(hdu)]
    if not found:
        raise ValueError(f"'{path}' holds no map: no HEALPix table and no image with world coordinates; it has: {', '.join(h.name for h in file)}")
    return found


def the_maps(path: Path, file: Any, frame: Frame | None, preferred: Sequence[str]) -> SkyMaps:
    """The one extension of maps, or the one of several with a ``preferred`` name."""
    hdus = [hdu for hdu in file if _is_map(hdu)]
    named = [hdu for hdu in hdus if hdu.name.upper() in preferred]
    if len(hdus) > 1 and len(named) != 1:
        raise ValueError(
            f"'{path}' holds maps in {len(hdus)} extensions, {', '.join(hdu.name for hdu in hdus)}: one of the name {' or '.join(preferred)} is read"
        )
    return _maps(path, file, (named or hdus)[0], frame) if hdus else maps_of(path, file, frame)[0]


def _is_map(hdu: Any) -> bool:
    header = hdu.header
    if hdu.is_image:
        return bool(header.get("NAXIS", 0) >= 2 and "CTYPE1" in header)
    return header.get("PIXTYPE") == "HEALPIX" or ("ORDERING" in header and ("NSIDE" in header or "ORDER" in header))


def _maps(path: Path, file: Any, hdu: Any, frame: Frame | None) -> SkyMaps:
    where = f"'{path}', extension '{hdu.name}'"
    name = Path(path).name.split(".")[0] if hdu.name.upper() in ("", "PRIMARY", "SKYMAP") else hdu.name
    if not hdu.is_image:
        return _healpix(where, name, file, hdu, frame)
    wcs, shape = image_wcs(where, hdu.header), hdu.shape
    try:
        wcs.lon_lat_at(np.zeros(1), np.zeros(1))
    except ValueError as error:
        raise ValueError(f"{where}: its coordinates cannot be used: {error}") from error
    if len(shape) > 3 and int(np.prod(shape[:-3])) != 1:
        raise ValueError(f"{where}: an image of {len(shape)} axes, {shape}; allowed: two of the sky, and one of energy")
    planes = hdu.data.reshape(-1, len(Image(wcs)))
    unit = str(hdu.header.get("BUNIT") or "").strip()
    names = tuple(f"plane {number}" for number in range(1, len(planes) + 1))
    return SkyMaps(where, name, Image(wcs), names, (unit,) * len(planes), planes, energies_of(where, file, hdu, len(planes)))


def _healpix(where: str, name: str, file: Any, hdu: Any, frame: Frame | None) -> SkyMaps:
    header = hdu.header
    nside = _whole(where, header, "NSIDE", 0) if "NSIDE" in header else 2 ** _whole(where, header, "ORDER", 0)
    ordering, told = (str(header.get(card) or "").strip().upper() for card in ("ORDERING", "COORDSYS"))
    if nside < 1 or nside & (nside - 1):
        raise ValueError(f"{where}: NSIDE is {nside}; allowed: a power of 2")
    if ordering not in ("RING", "NESTED", "NEST"):
        raise ValueError(f"{where}: ORDERING is '{ordering}'; allowed: RING, NESTED")
    if told and told not in FRAMES:
        raise ValueError(f"{where}: COORDSYS is '{told}'; allowed: {', '.join(FRAMES)}")
    if not told and frame is None:
        raise ValueError(f"{where}: no COORDSYS: say with frame which it is, galactic or icrs")
    sky = Pixels(nside, not ordering.startswith("R"), frame if not told and frame else "galactic" if FRAMES[told] == "galactic" else "icrs")
    scheme, columns = str(header.get("INDXSCHM") or "").strip().upper(), {column.name.upper(): column for column in hdu.columns}
    if scheme.endswith("_EDEP") or "KEY" in columns:
        raise ValueError(f"{where}: INDXSCHM '{scheme}' is not read; allowed: IMPLICIT, EXPLICIT, and SPARSE with PIX, CHANNEL and VALUE")
    if scheme == "SPARSE" or {"PIX", "CHANNEL", "VALUE"} == set(columns):
        return _sparse(where, name, file, hdu, sky)
    index = next((column.name for key, column in columns.items() if key in INDEX), None)
    mapped = [column for column in hdu.columns if column.name != index]
    stored = [hdu.data[column.name] for column in mapped]
    texts = [column.name for column, values in zip(mapped, stored, strict=True) if values.dtype.kind not in "fiub"]
    if texts:
        raise ValueError(f"{where}: column {', '.join(texts)} holds no numbers")
    if not stored:
        raise ValueError(f"{where}: no column of values beside {index}")
    if index is None:
        first, rows = _whole(where, header, "FIRSTPIX", 0), stored[0].size
        if rows != 12 * nside**2 and (first + rows > 12 * nside**2 or _whole(where, header, "LASTPIX", -1) != first + rows - 1):
            raise ValueError(f"{where}: {rows} values, where nside {nside} has {12 * nside**2} pixels and no column PIXEL says which they are")
        numbers = None if rows == 12 * nside**2 else np.arange(first, first + rows)
    else:
        numbers = np.asarray(hdu.data[index], np.int64).ravel()
        _check_numbers(f"{where}, column {index}", numbers, nside)
        if len(np.unique(numbers)) < len(numbers):
            raise ValueError(f"{where}: column {index} has {len(numbers) - len(np.unique(numbers))} pixels twice")
    sky = replace(sky, numbers=numbers)
    sizes = {column.size for column in stored}
    if sizes != {len(sky)}:
        raise ValueError(f"{where}: columns of {', '.join(map(str, sorted(sizes)))} values for {len(sky)} pixels")
    fallback = str(header.get("BUNIT") or "").strip()
    units = tuple(str(column.unit or fallback).strip() for column in mapped)
    return SkyMaps(where, name, sky, tuple(column.name for column in mapped), units, stored, energies_of(where, file, hdu, len(mapped)))


def _sparse(where: str, name: str, file: Any, hdu: Any, whole: Pixels) -> SkyMaps:
    """Values of pixels and maps; what is not listed is 0, within the region of HPX_REG where there is one."""
    lacking = {"PIX", "VALUE"} - {each.upper() for each in hdu.columns.names}
    if lacking:
        raise ValueError(f"{where}: SPARSE without the column {', '.join(sorted(lacking))}")
    pixel, value = np.asarray(hdu.data["PIX"], np.int64).ravel(), np.asarray(hdu.data["VALUE"], float).ravel()
    has_channel = "CHANNEL" in {each.upper() for each in hdu.columns.names}
    channel = np.asarray(hdu.data["CHANNEL"], np.int64).ravel() if has_channel else np.zeros(len(pixel), np.int64)
    _check_numbers(f"{where}, column PIX", pixel, whole.nside)
    bands = str(hdu.header.get("BANDSHDU", "")).strip() or f"{hdu.name}_BANDS"
    maps = len(file[bands].data) if bands in file else int(channel.max(initial=0)) + 1
    if len(channel) and not 0 <= channel.min() <= channel.max() < maps:
        raise ValueError(f"{where}: column CHANNEL goes from {channel.min()} to {channel.max()}, where there are maps 0 to {maps - 1}")
    dense = np.zeros((maps, len(whole)))
    dense[channel, pixel] = value
    outside = _outside(where, str(hdu.header.get("HPX_REG") or hdu.header.get("HPXREGION") or "").strip(), whole)
    if outside is not None:
        outside[pixel] = False
        dense[:, outside] = np.nan
    unit = str(hdu.columns["VALUE"].unit or hdu.header.get("BUNIT") or "").strip()
    names = tuple(f"VALUE of CHANNEL {number}" for number in range(maps))
    return SkyMaps(where, name, whole, names, (unit,) * maps, list(dense), energies_of(where, file, hdu, maps))


def _outside(where: str, region: str, whole: Pixels) -> Array | None:
    """Pixels with their centre beyond a disk, given in the map's frame."""
    import healpix

    if not region:
        return None
    match = DISK.fullmatch(region)
    if match is None:
        raise ValueError(f"{where}: region '{region}' of a SPARSE map is not read; allowed: DISK(lon,lat,radius), or none for the whole sky")
    lon, lat, radius = (float(each) for each in match.groups()[1:])
    vectors = np.stack(healpix.pix2vec(whole.nside, np.arange(len(whole)), nest=whole.nested), axis=-1)
    return np.asarray(vectors @ unit_vectors(lon, lat) < np.cos(np.radians(radius)))


def _whole(where: str, header: Any, card: str, default: int) -> int:
    value = header.get(card, default)
    if not isinstance(value, int):
        raise ValueError(f"{where}: {card} is '{value}'; allowed: a whole number")
    return value


def _check_numbers(where: str, numbers: Array, nside: int) -> None:
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < 12 * nside**2:
        raise ValueError(f"{where}: pixels {numbers.min()} to {numbers.max()}, where nside {nside} has 0 to {12 * nside**2 - 1}")
