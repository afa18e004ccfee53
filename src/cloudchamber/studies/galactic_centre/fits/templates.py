"""Templates of diffuse emission that a user brings, as images of base pixel 4: arrays by name (.npz), HEALPix maps and images (FITS), of any frame and size.

Maps without energies are taken as they are, those with a unit in photons cm-2 s-1 sr-1. Cubes are integrated over bins of energy: dN/dE is a power law between
the file's energies. A template of equal or smaller pixels in Galactic HEALPix is the mean over each of ours; others are interpolated at 4 x 4 points of it.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.geometry import Frame
from cloudchamber.meant import meant
from cloudchamber.physics.gamma.face import place_at
from cloudchamber.studies.galactic_centre.columns import REGION_DEG
from cloudchamber.studies.galactic_centre.fits.energies import SAME, bins_within
from cloudchamber.studies.galactic_centre.fits.layouts import SkyMaps, maps_of, opened
from cloudchamber.studies.galactic_centre.fits.sky import Image, Interpolation, Pixels, face_directions
from cloudchamber.studies.galactic_centre.fits.units import factor_or_none

Array = NDArray[Any]

PARTS = 4
INTENSITY, SPECTRAL = "cm-2 s-1 sr-1", "cm-2 s-1 sr-1 GeV-1"
FERMI_UNIT = "cm-2 s-1 sr-1 MeV-1"
"""Of cubes that have no unit: the Fermi tools' files."""


def read_templates(
    path: Path | str,
    nside: int,
    names: Iterable[str] | None = None,
    edges_gev: Sequence[float] | Array | None = None,
    frame: Frame | None = None,
    within_deg: float = REGION_DEG,
) -> dict[str, Array]:
    """Templates by name, those of ``names`` or all: (nside, nside), or (bins, nside, nside) of cubes, in photons cm-2 s-1 sr-1 between ``edges_gev``.

    The names are the arrays' of an .npz file, the columns' of a HEALPix table, else the extension's or the file's. Pixels further than ``within_deg`` from the
    Galactic Centre that the file does not hold are 0, and a warning says so. ValueError for names that are not there, for values that are negative or lacking,
    for units and energies that do not fit.
    """
    path = Path(path)
    found = _arrays(path, nside, names) if path.suffix == ".npz" else _fits(path, nside, names, edges_gev, frame, within_deg)
    for name, template in found.items():
        if not template.any():
            raise ValueError(f"'{path}', template {name}: it is 0 everywhere")
    return found


def _chosen(path: Path, names: Iterable[str] | None, there: Sequence[str]) -> list[str]:
    if names is None:
        return list(there)
    wanted = list(names)
    for name in wanted:
        if name not in there:
            raise ValueError(f"'{path}' has no template '{name}'{meant(name, there)}; it has: {', '.join(there)}")
    return wanted


def _arrays(path: Path, nside: int, names: Iterable[str] | None) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"'{path}' is not a readable .npz file: {error}") from error
    # a file may hold masks and tables too
    square = [name for name, values in arrays.items() if values.ndim == 2 and len(set(values.shape)) == 1 and values.dtype.kind in "fiu"]
    if not square:
        raise ValueError(f"'{path}' holds no template: no array of (nside, nside) numbers; it has: {', '.join(arrays)}")
    return {name: _resized(f"'{path}', array {name}", np.asarray(arrays[name], float), nside) for name in _chosen(path, names, square)}


def _resized(where: str, template: Array, nside: int) -> Array:
    """An image of base pixel 4 at another nside."""
    own = len(template)
    if own & (own - 1):
        raise ValueError(f"{where}: {own} x {own} pixels; allowed: a power of 2, an image of base pixel 4")
    _check(where, template)
    if own >= nside:
        return np.asarray(template.reshape(nside, own // nside, nside, own // nside).mean(axis=(1, 3)))
    from scipy.ndimage import map_coordinates

    at = (np.arange(nside) + 0.5) * own / nside - 0.5
    return np.asarray(map_coordinates(template, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest"))


def _check(where: str, values: Array) -> None:
    if np.isnan(values).any() or np.isinf(values).any():
        raise ValueError(f"{where}: {int((~np.isfinite(values)).sum())} of {values.size} pixels have no finite value")
    if (values < 0).any():
        raise ValueError(f"{where}: a template must not be negative, got {values.min():g}")


def _fits(path: Path, nside: int, names: Iterable[str] | None, edges: Sequence[float] | Array | None, frame: Frame | None, within: float) -> dict[str, Array]:
    with opened(path) as file:
        there: dict[str, tuple[SkyMaps, int | None]] = {}
        for maps in maps_of(path, file, frame):
            if maps.energies is not None:
                there[maps.name] = (maps, None)
            elif isinstance(maps.sky, Pixels):
                there.update({name: (maps, place) for place, name in enumerate(maps.names)})
            elif len(maps) == 1:
                there[maps.name] = (maps, 0)
            else:
                raise ValueError(f"{maps.where}: {len(maps)} planes without energies (ENERGIES or BANDS)")
        found = {}
        for name in _chosen(path, names, list(there)):
            maps, place = there[name]
            where = f"{maps.where}, template {name}"
            template = _cube(where, maps, nside, edges) if place is None else _scale(where, maps.units[place]) * _faces(where, maps, [place], nside)[0]
            found[name] = _covered(where, template, within)
        return found


def _scale(where: str, unit: str) -> float:
    """Of a map without energies."""
    if not unit:
        return 1.0
    factor = factor_or_none(unit, INTENSITY)
    if factor is None:
        spectral = factor_or_none(unit, SPECTRAL) is not None
        why = "dN/dE without energies (ENERGIES or BANDS)" if spectral else "which is no intensity"
        raise ValueError(f"{where}: unit '{unit}', {why}; allowed: photons {INTENSITY}, or none for a template of relative values")
    return factor


def _cube(where: str, maps: SkyMaps, nside: int, edges_gev: Sequence[float] | Array | None) -> Array:
    """(bins, nside, nside) in photons cm-2 s-1 sr-1."""
    assert maps.energies is not None
    if edges_gev is None:
        raise ValueError(f"{where}: a cube is integrated over energy: say with edges_gev between which energies")
    unit = maps.units[0] or FERMI_UNIT
    spectral, whole = factor_or_none(unit, SPECTRAL), factor_or_none(unit, INTENSITY)
    if spectral is not None:
        return spectral * _integrated(where, maps, nside, np.asarray(edges_gev, float))
    if whole is None or maps.energies.edges_gev is None:
        raise ValueError(f"{where}: unit '{unit}', which is no intensity; allowed: photons {FERMI_UNIT}, or photons {INTENSITY} in bins")
    bins = bins_within(where, maps.energies.edges_gev, edges_gev)
    return whole * np.stack([_faces(where, maps, range(part.start, part.stop), nside).sum(axis=0) for part in bins])


def _integrated(where: str, maps: SkyMaps, nside: int, edges: Array) -> Array:
    assert maps.energies is not None
    points = maps.energies.points_gev
    bins_within(where, edges, edges)
    if edges[0] < points[0] * (1 - SAME) or edges[-1] > points[-1] * (1 + SAME):
        raise ValueError(
            f"{where}: energies from {points[0]:.4g} to {points[-1]:.4g} GeV, which do not hold the bins from {edges[0]:.4g} to {edges[-1]:.4g} GeV"
        )
    first = max(int(np.searchsorted(points, edges[0], side="right")) - 1, 0)
    last = min(int(np.searchsorted(points, edges[-1], side="left")), len(points) - 1)
    nodes, values = points[first : last + 1], _faces(where, maps, range(first, last + 1), nside)
    return np.stack([integral(nodes, values, *bounds) for bounds in pairwise(edges)])


def integral(points: Array, values: Array, low: float, high: float) -> Array:
    """Of dN/dE (points, ...), a power law between the ``points`` and beyond them, from ``low`` to ``high``."""
    inside = points[(points > low * (1 + 1e-9)) & (points < high * (1 - 1e-9))]
    energy, lg, total = np.concatenate([[low], inside, [high]]), np.log(np.maximum(values, 1e-300)), np.zeros(values.shape[1:])
    place = np.clip(np.searchsorted(points, energy, side="right") - 1, 0, max(len(points) - 2, 0))
    following = np.minimum(place + 1, len(points) - 1)
    width = np.where(following > place, np.log(points[following] / points[place]), 1.0)
    part = (np.log(energy / points[place]) / width).reshape(-1, *[1] * (values.ndim - 1))
    # per logarithm of energy
    height = (1 - part) * lg[place] + part * lg[following] + np.log(energy).reshape(part.shape)
    for one, two, low_e, high_e in zip(height[:-1], height[1:], energy[:-1], energy[1:], strict=True):
        step = np.abs(two - one)
        mean = np.where(step > 1e-8, -np.expm1(-step) / np.where(step > 1e-8, step, 1.0), 1.0 - step / 2)
        total = total + np.exp(np.maximum(one, two)) * mean * np.log(high_e / low_e)
    return total


def _faces(where: str, maps: SkyMaps, places: Sequence[int], nside: int) -> Array:
    """(maps, nside, nside), NaN where they have no value."""
    sky = maps.sky
    at = _Mean(sky, nside) if isinstance(sky, Pixels) and sky.frame == "galactic" and sky.nside >= nside else _Points(sky, nside)
    found = []
    for place in places:
        values = maps.values(place)
        if np.isinf(values).any() or (values < 0).any():
            raise ValueError(f"{where}, {maps.names[place]}: must be finite and not negative, got {np.nanmin(values):g} to {np.nanmax(values):g}")
        found.append(at(values))
    return np.stack(found)


class _Mean:
    """Over the pixels of a finer map that lie in each of ours."""

    def __init__(self, sky: Pixels, nside: int) -> None:
        x, y = place_at(*sky.centres(), nside)
        self._on = np.flatnonzero((x >= 0) & (x < nside) & (y >= 0) & (y < nside))
        self._target = x[self._on].astype(np.int64) * nside + y[self._on].astype(np.int64)
        self._nside, self._number = nside, (sky.nside // nside) ** 2

    def __call__(self, values: Array) -> Array:
        total, number = (np.bincount(self._target, each, self._nside**2) for each in (values[self._on], np.ones(len(self._on))))
        return np.where(number == self._number, total / self._number, np.nan).reshape(self._nside, self._nside)


class _Points:
    """Over PARTS x PARTS points in each of our pixels, between the map's centres."""

    def __init__(self, sky: Pixels | Image, nside: int) -> None:
        self._nside, self._at = nside, Interpolation(sky, *(each.ravel() for each in face_directions(nside, PARTS)))

    def __call__(self, values: Array) -> Array:
        return np.asarray(self._at(values).reshape(self._nside, PARTS, self._nside, PARTS).mean(axis=(1, 3)))


def _covered(where: str, template: Array, within_deg: float) -> Array:
    """With 0 where there is no value, far from the Galactic Centre."""
    lon, lat = face_directions(template.shape[-1])
    region = np.cos(np.radians(lat)) * np.cos(np.radians(lon)) > np.cos(np.radians(within_deg))
    lacking = np.asarray(np.isnan(template).reshape(-1, *region.shape).any(axis=0))
    if (lacking & region).any():
        share = lacking[region].mean()
        raise ValueError(f"{where}: no value (not there, NaN or UNSEEN) in {share:.0%} of the pixels within {within_deg:g} deg of the Galactic Centre")
    if lacking.any():
        warnings.warn(f"{where}: no value in {int(lacking.sum())} pixels further than {within_deg:g} deg from the Galactic Centre, taken as 0", stacklevel=4)
    return np.where(np.isnan(template), 0.0, template)
