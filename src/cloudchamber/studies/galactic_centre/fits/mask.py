"""What of the sky a user leaves out: a map of 1 where the sky is used and 0 where it is not, or a catalogue of points with a radius around each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.geometry import Frame
from cloudchamber.physics.gamma.face import place_at
from cloudchamber.physics.sphere import galactic_from_equatorial, unit_vectors
from cloudchamber.studies.galactic_centre.fits.layouts import opened, the_maps
from cloudchamber.studies.galactic_centre.fits.sky import face_directions

Array = NDArray[Any]

PARTS = 4
"""A pixel is looked at in so many points along each of its sides."""
PLACES = (("GLON", "GLAT"), ("RAJ2000", "DEJ2000"), ("RA", "DEC"))


def read_mask(path: Path | str, nside: int, radius_deg: float | None = None, frame: Frame | None = None) -> Array:
    """(nside, nside), True where the sky is used.

    A pixel is used where all of it has 1 in a map, or where its centre is at least ``radius_deg`` from all points of a catalogue. ValueError for other values,
    for a catalogue without a radius, and for a mask that leaves nothing.
    """
    with opened(Path(path)) as file:
        catalogue = next((hdu for hdu in file if not hdu.is_image and _coordinates(hdu)), None)
        used = _map(Path(path), file, nside, frame) if catalogue is None else _points(f"'{path}', extension '{catalogue.name}'", catalogue, nside, radius_deg)
    if not used.any():
        raise ValueError(f"'{path}': this mask leaves no pixel of the region (1 is used, 0 is masked)")
    return used


def _coordinates(hdu: Any) -> tuple[str, str] | None:
    names = {name.upper(): name for name in hdu.columns.names}
    return next(((names[one], names[two]) for one, two in PLACES if one in names and two in names), None)


def _map(path: Path, file: Any, nside: int, frame: Frame | None) -> Array:
    maps = the_maps(path, file, frame, ("MASK", "MASK_SAFE", "MASK_FIT"))
    if len(maps) != 1:
        raise ValueError(f"{maps.where}: {len(maps)} maps, {', '.join(maps.names)}, where a mask is one")
    values = maps.values(0)
    other = np.isfinite(values) & (values != 0) & (values != 1)
    if other.any():
        raise ValueError(f"{maps.where}, {maps.names[0]}: a value of {values[other][0]:g} in a mask; allowed: 1 (used), 0 (masked)")
    holding = maps.sky.holding(*(each.ravel() for each in face_directions(nside, PARTS)))
    used = (holding >= 0) & (values[holding] == 1)
    return used.reshape(nside, PARTS, nside, PARTS).all(axis=(1, 3))


def _points(where: str, hdu: Any, nside: int, radius_deg: float | None) -> Array:
    if radius_deg is None or not 0 < radius_deg <= 20:
        raise ValueError(f"{where}: a catalogue masks a radius around each point, in (0, 20] deg, got {radius_deg}")
    names = _coordinates(hdu)
    assert names is not None
    lon, lat = (np.asarray(hdu.data[name], float).ravel() for name in names)
    if not (np.isfinite(lon).all() and (np.abs(lat) <= 90).all()):
        raise ValueError(f"{where}: columns {', '.join(names)} must be finite, and latitudes lie in [-90, 90] deg")
    if names[0].upper() != "GLON":
        lon, lat = galactic_from_equatorial(lon, lat)
    x, y = place_at(lon, lat, nside)
    # a step of r moves x by less than 3 r nside at the latitudes of the image and 20 deg beyond them
    margin = 3 * (np.radians(radius_deg) * nside + 1)
    near = (x > -margin) & (x < nside + margin) & (y > -margin) & (y < nside + margin)
    pixels = unit_vectors(*face_directions(nside))
    used, limit = np.ones((nside, nside), bool), np.cos(np.radians(radius_deg))
    for point in unit_vectors(lon[near], lat[near]):
        used &= pixels @ point <= limit
    return used
