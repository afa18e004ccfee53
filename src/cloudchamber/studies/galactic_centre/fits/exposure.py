"""Exposures of users, in cm2 s, at the centres of the pixels of an image of base pixel 4 and in bins of energy.

Between the map's pixels it is bilinear, between its energies a power law; a bin's is the mean over photons of E^-``INDEX``. At energies beyond the file's, the
nearest one's holds, where that is less than half of a bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.geometry import Frame
from cloudchamber.physics.sphere import equatorial_from_galactic
from cloudchamber.studies.galactic_centre.fits.energies import SAME
from cloudchamber.studies.galactic_centre.fits.layouts import SkyMaps, opened, the_maps
from cloudchamber.studies.galactic_centre.fits.sky import Interpolation, Pixels, face_directions
from cloudchamber.studies.galactic_centre.fits.units import factor_to

Array = NDArray[Any]

INDEX = 2.4
"""Of the photons that a bin's exposure is the mean for."""
ENERGIES_PER_BIN = 32
DEC_BANDS = 90
FRAME_CONTRAST = 1.5
"""An exposure's scatter at one declination is smaller by this in its own frame than in the other."""


def read_exposure(source: Path | str | float, nside: int, edges_gev: Sequence[float] | Array, frame: Frame | None = None) -> Array:
    """(bins, nside, nside) in cm2 s, NaN where a map has none. ``source`` is a file or a number; ``frame`` is that of a HEALPix map which does not tell it.

    ValueError names the file, the extension and what does not fit: units, energies, negative values, a frame in which it does not follow the declination.
    """
    edges = np.asarray(edges_gev, float)
    if isinstance(source, int | float):
        if not 0 < source < np.inf:
            raise ValueError(f"exposure: {source:g} cm2 s is outside the allowed (0, inf)")
        return np.full((len(edges) - 1, nside, nside), float(source))
    with opened(Path(source)) as file:
        maps = the_maps(Path(source), file, frame, ("EXPOSURE", "HPXEXPOSURES"))
        if not _tells(file):
            _check_frame(maps)
        if maps.energies is None and len(maps) > 1:
            raise ValueError(f"{maps.where}: {len(maps)} maps without energies (ENERGIES or BANDS)")
        # a map without energies holds at all of them
        points = np.sqrt(edges[:1] * edges[-1:]) if maps.energies is None else maps.energies.points_gev
        used = np.arange(1) if maps.energies is None else _used(maps.where, points, edges)
        at = Interpolation(maps.sky, *(each.ravel() for each in face_directions(nside)))
        at_points = np.stack([_one(maps, int(place), at) for place in used])
    return np.stack([_mean(at_points, points[used], *bounds) for bounds in pairwise(edges)]).reshape(-1, nside, nside)


def _tells(file: Any) -> bool:
    """Whether maps say which frame they are in."""
    return all("COORDSYS" in hdu.header for hdu in file if not hdu.is_image and "ORDERING" in hdu.header)


def _one(maps: SkyMaps, place: int, at: Interpolation) -> Array:
    unit = maps.units[place]
    values = maps.values(place)
    if (values < 0).any():
        raise ValueError(f"{maps.where}, {maps.names[place]}: an exposure of {np.nanmin(values):g}; allowed: 0 or more")
    # gtexpcube2 writes cm2 s and does not say so
    return at(values) * (factor_to(f"{maps.where}, {maps.names[place]}", unit, "cm2 s") if unit else 1.0)


def _used(where: str, points: Array, edges: Array) -> Array:
    """Which of a file's energies are around those of the bins."""
    middles = np.sqrt(edges[1:] * edges[:-1])
    if middles[0] < points[0] * (1 - SAME) or middles[-1] > points[-1] * (1 + SAME):
        bounds = f"{points[0]:.4g} to {points[-1]:.4g} GeV"
        raise ValueError(f"{where}: the exposure is there from {bounds}, which does not hold the bins from {edges[0]:.4g} to {edges[-1]:.4g} GeV")
    first, last = np.searchsorted(points, edges[0], side="right") - 1, np.searchsorted(points, edges[-1], side="left")
    return np.arange(max(first, 0), min(last, len(points) - 1) + 1)


def _mean(at_points: Array, points: Array, low: float, high: float) -> Array:
    """Over photons of a power law from ``low`` to ``high``, of exposures (energies, pixels)."""
    energy = np.geomspace(low, high, ENERGIES_PER_BIN + 1)
    energy, weight = np.sqrt(energy[1:] * energy[:-1]), -np.diff(energy ** (1 - INDEX))
    place = np.interp(np.log(energy), np.log(points), np.arange(len(points)))
    left = np.minimum(place.astype(int), max(len(points) - 2, 0))
    right = np.minimum(left + 1, len(points) - 1)
    part = (place - left)[:, None]
    lg = np.log(np.maximum(at_points, 1e-300))
    between = np.exp((1 - part) * lg[left] + part * lg[right])
    return np.asarray((weight[:, None] * between).sum(axis=0) / weight.sum())


def _check_frame(maps: SkyMaps) -> None:
    """Over years an exposure depends on the declination nearly alone: a whole sky shows whether its frame was guessed right."""
    sky = maps.sky
    if not isinstance(sky, Pixels) or sky.numbers is not None:
        return
    values = maps.values(len(maps) // 2)
    other: Frame = "icrs" if sky.frame == "galactic" else "galactic"
    here, there = (_scatter(values, Pixels(sky.nside, sky.nested, each)) for each in (sky.frame, other))
    if here > FRAME_CONTRAST * there:
        raise ValueError(
            f"{maps.where}: no COORDSYS, and in the frame {sky.frame} the exposure would scatter by {here:.2g} of itself at one declination, in {other} by "
            f"{there:.2g}: write COORDSYS into the file"
        )


def _scatter(values: Array, sky: Pixels) -> float:
    """Relative, of a whole sky in bands of declination."""
    dec = equatorial_from_galactic(*sky.centres())[1]
    good = np.isfinite(values)
    band = np.minimum(((dec[good] + 90) / 180 * DEC_BANDS).astype(int), DEC_BANDS - 1)
    number, total = np.bincount(band, minlength=DEC_BANDS), np.bincount(band, values[good], DEC_BANDS)
    rest = values[good] - (total / np.maximum(number, 1))[band]
    return float(np.sqrt(np.mean(rest**2)) / np.mean(values[good]))
