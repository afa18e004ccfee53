"""FITS files of maps: HEALPix tables, whole or in part, and images with world coordinates, for columns that have a geometry.

What this package writes has an extension for each map, ``<column> <event>``, and a table ``EVENTS`` of the other columns. Files of others may have any
maps that lie as a column's do: pixels are sorted, units converted, and what would need resampling is refused.

References: FITS standard 4.0; A. Gorski et al., The HEALPix Primer, FITS conventions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.formats.astronomy import refusing_damage
from cloudchamber.geometry import Healpix, Wcs
from cloudchamber.schema import Column, Ragged, Schema, Table, chunked, events_in

UNSEEN = -1.6375e30
FRAMES = {"G": "galactic", "GAL": "galactic", "GALACTIC": "galactic", "C": "icrs", "CEL": "icrs", "EQU": "icrs", "EQUATORIAL": "icrs"}
COUNTED = ("", "ct", "count", "counts", "photon", "ph", "photons")
"""Units of what is counted, which are none."""
EVENTS = "EVENTS"
CARDS = re.compile(r"(CTYPE|CRVAL|CRPIX|CDELT|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d+|LONPOLE|LATPOLE")
"""Of an image's coordinates: its first two axes'."""


def map_columns(schema: Schema) -> dict[str, Column]:
    """The columns that lie on the sky."""
    return {name: column for name, column in schema.columns.items() if column.geometry is not None and not column.ragged}


def write_maps(path: Path, tables: Table | Iterable[Table], columns: Mapping[str, Column]) -> None:
    """One extension for each map of each event, and the table of the events' other columns at the end."""
    from astropy.io import fits

    maps, others, before = {name: column for name, column in columns.items() if column.geometry is not None}, dict[str, list[np.ndarray]](), 0
    fits.HDUList([fits.PrimaryHDU()]).writeto(path)
    with fits.open(path, mode="append") as file:
        for table in chunked(tables):
            if not set(maps) & set(table):
                raise ValueError(f"a FITS file of maps needs one of the columns {', '.join(maps)}; the table has: {', '.join(table)}")
            for name, values in table.items():
                if isinstance(values, Ragged):
                    raise ValueError(f"column '{name}' is ragged and does not fit into a FITS file of maps: write .h5")
                if name in maps:
                    for event, each in enumerate(values, before):
                        file.append(_extension(f"{name} {event}", maps[name], each))
                else:
                    column = columns.get(name)
                    labels = np.array(column.categories)[values] if column is not None and column.categories else values
                    others.setdefault(name, []).append(np.asarray(labels))
            before += events_in(table)
            file.flush()
        if others:
            file.append(fits.BinTableHDU(_astropy_table(others, columns), name=EVENTS))


def read_maps(path: Path, columns: Mapping[str, Column]) -> Iterator[Table]:
    """One event after the other. ValueError names the extension and what does not fit: pixels, frame, size, units, missing values."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    try:
        with refusing_damage(), fits.open(path) as file:
            others = _others(file[EVENTS]) if EVENTS in file else {}
            found = list(_maps_of(path, file, columns))
            events = sorted({event for event, _, _ in found})
            if not events:
                raise ValueError(f"'{path}' holds no map: no HEALPix table and no image with world coordinates; it has: {', '.join(h.name for h in file)}")
            for place, event in enumerate(events):
                maps = {name: _values(path, hdu, columns[name])[None] for number, name, hdu in found if number == event}
                yield maps | {name: values[place : place + 1] for name, values in others.items()}
    except (OSError, AstropyWarning) as error:
        raise ValueError(f"'{path}' is not a readable FITS file: {error}") from error


def _maps_of(path: Path, file: Any, columns: Mapping[str, Column]) -> Iterator[tuple[int, str, Any]]:
    """Event, column and extension of each map."""
    for number, hdu in enumerate(file):
        if not (hdu.header.get("PIXTYPE") == "HEALPIX" or (hdu.is_image and hdu.header.get("NAXIS", 0) >= 2 and "CTYPE1" in hdu.header)):
            continue
        name, _, event = hdu.name.lower().rpartition(" ")
        if name in columns and event.isdigit():
            yield int(event), name, hdu
            continue
        fitting = [name for name, column in columns.items() if column.geometry is not None and isinstance(column.geometry, Wcs) == hdu.is_image]
        if len(fitting) != 1:
            raise ValueError(f"'{path}', extension {number} '{hdu.name}': which of the columns {', '.join(fitting) or 'none'} it holds is not told")
        yield number, fitting[0], hdu


def _values(path: Path, hdu: Any, column: Column) -> np.ndarray:
    """The map in the column's shape and unit."""
    where = f"'{path}', extension '{hdu.name}'"
    geometry = column.geometry
    if isinstance(geometry, Healpix):
        if hdu.is_image:
            raise ValueError(f"{where}: an image, where the column has HEALPix pixels of nside {geometry.nside}")
        values, units = _healpix(where, hdu, geometry)
    else:
        assert isinstance(geometry, Wcs)
        values, units = _image(where, hdu, geometry), [str(hdu.header.get("BUNIT", ""))]
    leading = column.shape[: len(column.shape) - len(geometry.shape)]
    if values.shape[: values.ndim - len(geometry.shape)] != leading and values.size != int(np.prod(column.shape)):
        raise ValueError(f"{where}: {values.shape[0]} maps, where an event has {int(np.prod(leading))}")
    factor = _factor(where, units, column.unit)
    bad = ~np.isfinite(values) | (values == np.float32(UNSEEN)) | (values == UNSEEN)
    if bad.any():
        raise ValueError(f"{where}: {int(bad.sum())} of {values.size} pixels have no value (NaN or UNSEEN); fill or cut them out first")
    return np.asarray(values * factor).reshape(column.shape)


def _healpix(where: str, hdu: Any, geometry: Healpix) -> tuple[np.ndarray, list[str]]:
    """Maps (maps, ...) of the geometry's pixels in its order, and their units."""
    import healpix

    header = hdu.header
    nside, ordering = int(header["NSIDE"]), str(header.get("ORDERING", "")).strip().upper()
    if nside != geometry.nside:
        raise ValueError(f"{where}: nside {nside}, where the column has {geometry.nside}: bring it there with a tool that resamples")
    if ordering not in ("RING", "NESTED", "NEST"):
        raise ValueError(f"{where}: ORDERING is '{ordering}'; allowed: RING, NESTED")
    frame = FRAMES.get(str(header.get("COORDSYS", "")).strip().upper())
    if frame != geometry.frame:
        raise ValueError(f"{where}: COORDSYS is '{header.get('COORDSYS', 'missing')}', where the column is {geometry.frame}")
    names = [name for name in hdu.columns.names if name.upper() not in ("PIX", "PIXEL", "HPX_INDEX")]
    wanted = geometry.numbers.ravel()
    if ordering == "RING" and geometry.order == "nested":
        wanted = healpix.nest2ring(nside, wanted)
    elif ordering != "RING" and geometry.order == "ring":
        wanted = healpix.ring2nest(nside, wanted)
    content = np.stack([np.asarray(hdu.data[name], float).ravel() for name in names])
    if len(names) < len(hdu.columns.names):
        [index] = [name for name in hdu.columns.names if name not in names][:1]
        there = np.asarray(hdu.data[index], np.int64).ravel()
    else:
        there = np.arange(content.shape[1]) + int(header.get("FIRSTPIX", 0))
    order = np.argsort(there)
    place = np.minimum(np.searchsorted(there, wanted, sorter=order), len(there) - 1)
    missing = there[order][place] != wanted
    if missing.any():
        raise ValueError(f"{where}: {int(missing.sum())} of the column's {len(wanted)} pixels are not there, such as {int(wanted[missing][0])} ({ordering})")
    return content[:, order[place]].reshape(len(names), *geometry.shape), [str(hdu.columns[name].unit or "") for name in names]


def _image(where: str, hdu: Any, geometry: Wcs) -> np.ndarray:
    data = np.asarray(hdu.data, float)
    if data.shape[-2:] != geometry.shape:
        raise ValueError(f"{where}: an image of {data.shape[-2:]} pixels, where the column has {geometry.shape}")
    here = image_wcs(where, hdu.header)
    if here.frame != geometry.frame:
        raise ValueError(f"{where}: coordinates are {here.frame}, where the column is {geometry.frame}")
    (lon, lat), (other_lon, other_lat) = here.lon_lat_deg(), geometry.lon_lat_deg()
    apart = np.hypot((lon - other_lon + 180) % 360 - 180, lat - other_lat)
    if not np.nanmax(apart) < 1e-4:
        raise ValueError(
            f"{where}: its pixels lie up to {np.nanmax(apart):.3g} deg from the column's (projection, centre or pixel size differ): resample it first"
        )
    return data


def image_wcs(where: str, header: Mapping[str, Any]) -> Wcs:
    """Where the pixels of an image lie, from the cards of its first two axes. ValueError for axes that are not those of the sky in degrees."""
    kinds, units = [str(header.get(f"CTYPE{axis}", "")) for axis in (1, 2)], [str(header.get(f"CUNIT{axis}", "deg")).strip() or "deg" for axis in (1, 2)]
    if (kinds[0][:4].strip("-"), kinds[1][:4].strip("-")) not in (("GLON", "GLAT"), ("RA", "DEC")) or {*units} - {"deg", "degree", "degrees"}:
        raise ValueError(f"{where}: axes are {' and '.join(kinds)} in {' and '.join(units)}; allowed: GLON and GLAT, or RA and DEC, in deg")
    return Wcs(int(header["NAXIS2"]), int(header["NAXIS1"]), {key: header[key] for key in header if CARDS.fullmatch(key)})


def _factor(where: str, units: list[str], wanted: str) -> float:
    """What to multiply with to come to the column's unit."""
    from astropy import units as u

    [unit] = set(units) if len(set(units)) == 1 else [""]
    if len(set(units)) > 1:
        raise ValueError(f"{where}: maps of different units, {', '.join(sorted(set(units)))}")
    if unit == wanted or (unit.strip().lower() in COUNTED and wanted.strip().lower() in COUNTED):
        return 1.0
    if not unit:
        raise ValueError(f"{where}: no unit (TUNIT, BUNIT), where the column is in {wanted}: write it into the file")
    try:
        return float(u.Unit(unit).to(u.Unit(wanted)))
    except (ValueError, u.UnitConversionError) as error:
        raise ValueError(f"{where}: unit '{unit}' is none that becomes the column's '{wanted}' ({error})") from error


def _extension(name: str, column: Column, values: np.ndarray) -> Any:
    from astropy.io import fits

    geometry = column.geometry
    if isinstance(geometry, Wcs):
        header = fits.Header(dict(geometry.header) | ({"BUNIT": column.unit} if column.unit else {}))
        return fits.ImageHDU(np.asarray(values, np.float32), header, name=name)
    assert isinstance(geometry, Healpix)
    maps = np.asarray(values, np.float32).reshape(-1, int(np.prod(geometry.shape)))
    numbers = geometry.numbers.ravel()
    full = len(numbers) == 12 * geometry.nside**2
    made = [] if full else [fits.Column("PIXEL", "K", array=numbers)]
    made += [fits.Column(f"MAP{place}", "E", unit=column.unit or None, array=each) for place, each in enumerate(maps, 1)]
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    cards = {"PIXTYPE": "HEALPIX", "ORDERING": geometry.order.upper(), "NSIDE": geometry.nside, "COORDSYS": "G" if geometry.frame == "galactic" else "C"}
    hdu.header.update(cards | {"INDXSCHM": "IMPLICIT" if full else "EXPLICIT"} | ({"FIRSTPIX": 0, "LASTPIX": len(numbers) - 1} if full else {}))
    return hdu


def _astropy_table(others: Mapping[str, list[np.ndarray]], columns: Mapping[str, Column]) -> Any:
    from astropy.table import Table as AstropyTable

    table = AstropyTable({name: np.concatenate(parts) for name, parts in others.items()})
    for name in others:
        if name in columns and columns[name].unit:
            table[name].meta["unit"] = columns[name].unit
    return table


def _others(hdu: Any) -> Table:
    table: Table = {}
    for name in hdu.columns.names:
        values = np.asarray(hdu.data[name])
        table[name.lower() if name.isupper() else name] = values if values.dtype.kind in "US" else values.astype(values.dtype.newbyteorder("="))
    return table
