"""Counts maps of users as images of base pixel 4, in the bins of energy that are wanted.

HEALPix pixels in Galactic coordinates fit exactly, one or several to each of ours. Of others, half as large at most, each count lies anywhere in its pixel by
chance, always the same: Poisson counts stay Poisson counts, spread by a part of a pixel. ``share`` says how much of the sky each of our pixels has been given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.maps import COUNTED
from cloudchamber.geometry import Frame, Healpix
from cloudchamber.physics.gamma.face import place_at, within
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.columns import REGION_DEG
from cloudchamber.studies.galactic_centre.fits.energies import bins_within
from cloudchamber.studies.galactic_centre.fits.exposure import read_exposure
from cloudchamber.studies.galactic_centre.fits.layouts import SkyMaps, opened, the_maps
from cloudchamber.studies.galactic_centre.fits.sky import Pixels, face_directions

Array = NDArray[Any]

LEAST_SEEN = 0.5
WHOLE = 1e-6
PARTS = 4
"""A pixel is looked at in so many points along each of its sides."""
SPREAD, MARGIN = 4, 2.0
"""Parts of a pixel, a side, among which its counts are spread; how far beyond the face pixels are looked at."""
MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Counts:
    """``counts`` (bins, nside, nside), int32, 0 where not ``seen`` (nside, nside); ``exposure_cm2_s`` as ``counts``, or None; ``edges_gev`` (bins + 1,).

    ``share`` (nside, nside) is the solid angle that each pixel's counts come from over its own: expected counts are to be multiplied with it. It is 1 for
    HEALPix maps in Galactic coordinates.
    """

    counts: Array
    exposure_cm2_s: Array | None
    seen: Array
    edges_gev: Array
    share: Array


def read_counts(
    path: Path | str,
    nside: int,
    edges_gev: Sequence[float] | Array | None = None,
    exposure: Path | str | float | None = None,
    frame: Frame | None = None,
) -> Counts:
    """A file's counts in the bins between ``edges_gev``, its own by default.

    ``frame`` is that of HEALPix maps without COORDSYS. ValueError names the file, the extension, the map, the value and what is allowed: pixels too coarse,
    energies that do not fit, values that are no counts, a sky of which less than LEAST_SEEN is there within REGION_DEG.
    """
    if frame not in (None, "galactic", "icrs"):
        raise ValueError(f"frame: '{frame}'; allowed: galactic, icrs")
    with opened(Path(path)) as file:
        maps = the_maps(Path(path), file, frame, ("COUNTS", "SKYMAP"))
        edges, bins = _bins(maps, edges_gev)
        counts, seen, share = _on_face(maps, bins, nside)
        its = maps.sky.frame
    if frame not in (None, its):
        raise ValueError(f"{maps.where}: its coordinates are {its}, where frame says {frame}")
    exposures = None if exposure is None else read_exposure(exposure, nside, edges, its)
    if exposures is not None:
        seen &= (np.nan_to_num(exposures) > 0).all(axis=0)
        exposures = np.nan_to_num(exposures)
    if (found := float(seen[within(nside, REGION_DEG)].mean())) < LEAST_SEEN:
        raise ValueError(
            f"{maps.where}: {'counts' if exposures is None else 'counts and exposure'} are there for {found:.0%} of the sky within {REGION_DEG:g} deg of the "
            f"Galactic Centre; at least {LEAST_SEEN:.0%} must be"
        )
    return Counts(np.where(seen, counts, 0).astype(np.int32), exposures, seen, edges, share)


def _bins(maps: SkyMaps, wanted: Sequence[float] | Array | None) -> tuple[Array, list[slice]]:
    """Edges in GeV, and the file's maps of each bin."""
    own = None if maps.energies is None else maps.energies.edges_gev
    if own is not None:
        edges = own if wanted is None else np.asarray(wanted, float)
        return edges, bins_within(maps.where, own, edges)
    if maps.energies is not None:
        raise ValueError(f"{maps.where}: counts at energies, where they are of bins: edges of energy (EBOUNDS, or E_MIN and E_MAX) lack")
    if wanted is None:
        raise ValueError(f"{maps.where}: no energies (EBOUNDS or BANDS): say with edges_gev, two numbers, which photons were counted")
    if len(maps) != 1 or len(wanted) != 2:
        told = f"{len(maps)} maps ({', '.join(maps.names[:6])}), {len(wanted) - 1} bins wanted"
        raise ValueError(f"{maps.where}: no energies (EBOUNDS or BANDS), {told}; allowed: one map, one bin")
    edges = np.asarray(wanted, float)
    bins_within(maps.where, edges, edges)
    return edges, [slice(0, 1)]


def _on_face(maps: SkyMaps, bins: Sequence[slice], nside: int) -> tuple[Array, Array, Array]:
    """Counts (bins, nside, nside), float; pixels wholly seen; the solid angle that their counts come from over their own."""
    sky, pixel_sr = maps.sky, Healpix(nside, base_pixel=4).solid_angle_sr
    fitting = isinstance(sky, Pixels) and sky.frame == "galactic"
    x, y = place_at(*sky.centres(), nside)
    places = np.flatnonzero((x >= -MARGIN) & (x < nside + MARGIN) & (y >= -MARGIN) & (y < nside + MARGIN))
    if not len(places):
        raise ValueError(f"{maps.where}: none of its pixels lies within 28.9 deg of the Galactic Centre")
    _check_size(maps, places, nside)
    # of each pixel's parts, those beyond the face in a place of their own
    x, y = place_at(*sky.parts_of(places, 1 if fitting else SPREAD), nside)
    inside = (x >= 0) & (x < nside) & (y >= 0) & (y < nside)
    target = np.where(inside, np.floor(np.where(inside, x, 0)) * nside + np.floor(np.where(inside, y, 0)), nside**2).astype(np.int64)
    random = rng(0, "counts in pixels")
    valid, counts = np.ones(len(sky), bool), np.zeros((len(bins), nside**2))
    for number, part in enumerate(bins):
        for place in range(part.start, part.stop):
            values = maps.values(place)
            valid &= np.isfinite(values)
            values = np.nan_to_num(values[places])
            _check_counts(maps, place, values)
            counts[number] += _spread(np.round(values).astype(np.int64), target, nside, random)
    if counts.max() > MOST:
        raise ValueError(f"{maps.where}: {counts.max():g} counts in a pixel; allowed: up to {MOST}")
    solid = sky.solid_angles_sr(places)
    valid[places[~np.isfinite(solid)]] = False

    def summed(values: Array) -> Array:
        return np.bincount(target.ravel(), np.broadcast_to(values / len(target), target.shape).ravel(), nside**2 + 1)[:-1]

    share = summed(np.where(valid[places], solid, 0.0)) / pixel_sr
    damaged = summed(~valid[places]) > 0
    if fitting:
        seen = share > 1 - WHOLE
    else:
        holding = sky.holding(*(each.ravel() for each in face_directions(nside, PARTS)))
        whole = (holding >= 0) & valid[holding]
        seen = whole.reshape(nside, PARTS, nside, PARTS).all(axis=(1, 3)).ravel()
    shape = (nside, nside)
    return counts.reshape(-1, *shape), (seen & ~damaged).reshape(shape), share.reshape(shape)


def _spread(values: Array, target: Array, nside: int, random: np.random.Generator) -> Array:
    """Counts of the face's pixels (nside^2,) of pixels' counts, each count in one of the parts (parts, pixels) of its pixel by chance."""
    found = np.zeros(nside**2 + 1)
    filled = np.flatnonzero(values)
    left, parts = values[filled], len(target)
    for part in range(parts):
        drawn = left if part == parts - 1 else random.binomial(left, 1 / (parts - part))
        found += np.bincount(target[part, filled], drawn, nside**2 + 1)
        left = left - drawn
    return found[:-1]


def _check_size(maps: SkyMaps, places: Array, nside: int) -> None:
    sky, own = maps.sky, Pixels(nside, True, "galactic")
    if isinstance(sky, Pixels) and sky.frame == "galactic":
        if sky.nside < nside:
            raise ValueError(f"{maps.where}: nside {sky.nside}, where {nside} is needed: counts cannot be divided; allowed: nside {nside} or higher")
        return
    longest = float(np.nanmax(sky.sides_deg(places)))
    if longest > 0.5 * own.side_deg * (1 + 1e-3):
        kind = f"HEALPix pixels in {sky.frame} coordinates" if isinstance(sky, Pixels) else "an image's pixels"
        raise ValueError(
            f"{maps.where}: {kind} of {longest:.3g} deg, where ours of nside {nside} are {own.side_deg:.3g} deg: counts cannot be resampled; allowed: up to "
            f"{0.5 * own.side_deg:.3g} deg, or a HEALPix map in Galactic coordinates"
        )


def _check_counts(maps: SkyMaps, place: int, values: Array) -> None:
    where, unit = f"{maps.where}, {maps.names[place]}", maps.units[place]
    if unit.lower() not in COUNTED:
        raise ValueError(f"{where}: unit '{unit}', where counts have none; allowed: {', '.join(each for each in COUNTED if each)}, or no unit")
    broken = (values < 0) | (np.abs(values - np.round(values)) > WHOLE)
    if broken.any():
        worst = values[broken][0]
        raise ValueError(f"{where}: {int(broken.sum())} pixels have no count, such as {worst:g}; allowed: whole numbers, 0 or more")
