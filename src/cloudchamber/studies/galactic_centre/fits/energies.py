"""Energies of a file's maps, in GeV: edges of bins (EBOUNDS of the Fermi tools, in keV; bands of gammapy), or energies that maps are given at (ENERGIES).

References: gamma-astro-data-formats 0.3, sky maps; fermi.gsfc.nasa.gov, Cicerone, likelihood: exposure and counts cubes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SAME = 1e-3
"""Edges nearer than this share of themselves are one."""


class Energies(NamedTuple):
    """Of n maps: edges (n + 1,) of their bins, or None; the energies (n,) that they are given at, or the bins' middles."""

    edges_gev: Array | None
    points_gev: Array


def energies_of(where: str, file: Any, hdu: Any, maps: int) -> Energies | None:
    """None where the file has no table of energies for this extension. ValueError for one that does not fit the number of maps, or lacks units."""
    named = str(hdu.header.get("BANDSHDU", "")).strip()
    if named and named not in file:
        raise ValueError(f"{where}: its energies should be in the extension '{named}' (BANDSHDU), which the file lacks")
    for name in (named or f"{hdu.name}_BANDS", "EBOUNDS", "ENERGIES"):
        if name in file and (found := _table(f"{where}, energies in '{name}'", file[name], maps)) is not None:
            return found
    return None


def _table(where: str, hdu: Any, maps: int) -> Energies | None:
    low, high = (_column(where, hdu, names) for names in (("E_MIN", "ENERGY_MIN", "ENERGY_TRUE_MIN"), ("E_MAX", "ENERGY_MAX", "ENERGY_TRUE_MAX")))
    points = _column(where, hdu, ("ENERGY", "ENERGY_TRUE"))
    if low is None and points is None:
        return None
    rows = len(hdu.data)
    for energies in (low, high, points):
        if energies is not None and not (np.isfinite(energies).all() and (energies > 0).all() and (np.diff(energies) > 0).all()):
            raise ValueError(f"{where}: energies must be above 0 and rise, got {_listed(energies)} GeV")
    if low is not None and high is not None:
        if rows != maps:
            raise ValueError(f"{where}: {rows} bins of energy for {maps} maps")
        gaps = np.abs(low[1:] / high[:-1] - 1) > SAME
        if gaps.any() or not (high > low).all():
            raise ValueError(f"{where}: bins of energy must follow on one another, got {_listed(low)} to {_listed(high)} GeV")
        return Energies(np.append(low, high[-1]), np.sqrt(low * high) if points is None else points)
    if points is None or rows not in (maps, maps + 1):
        raise ValueError(f"{where}: {rows} energies for {maps} maps; allowed: one for each map, or the {maps + 1} edges of their bins")
    return Energies(None, points) if rows == maps else Energies(points, np.sqrt(points[1:] * points[:-1]))


def _column(where: str, hdu: Any, names: Sequence[str]) -> Array | None:
    """The first of these columns in GeV."""
    from astropy import units as u

    for column in hdu.columns:
        if column.name.upper() in names:
            unit = str(column.unit or "").strip()
            # the Fermi tools write MeV there and do not say so
            unit = unit or ("MeV" if hdu.name == "ENERGIES" else "")
            if not unit:
                raise ValueError(f"{where}: column {column.name} has no unit (TUNIT), such as keV, MeV or GeV: write it into the file")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", u.UnitsWarning)
                    factor = float(u.Unit(unit).to(u.GeV))
            except (ValueError, u.UnitConversionError) as error:
                raise ValueError(f"{where}: column {column.name} is in '{unit}', which is no energy ({error})") from error
            return np.asarray(hdu.data[column.name], float).ravel() * factor
    return None


def bins_within(where: str, edges_gev: Array, wanted_gev: Sequence[float] | Array) -> list[slice]:
    """Which of a file's bins make up each wanted one. ValueError where a wanted edge is none of the file's."""
    wanted, edges = np.asarray(wanted_gev, float), np.asarray(edges_gev, float)
    if len(wanted) < 2 or not (np.diff(wanted) > 0).all() or not (wanted > 0).all():
        raise ValueError(f"edges_gev: needs two or more that rise, above 0, got {_listed(wanted)}")
    near = np.abs(np.log(edges[None, :] / wanted[:, None]))
    lacking = wanted[near.min(axis=1) > SAME]
    if len(lacking):
        raise ValueError(
            f"{where}: bins of energy have edges at {_listed(edges)} GeV, which do not make up those wanted, {_listed(wanted)} GeV: {_listed(lacking)} lacks"
        )
    place = near.argmin(axis=1)
    return [slice(int(first), int(last)) for first, last in pairwise(place)]


def _listed(values: Array) -> str:
    return ", ".join(f"{value:.4g}" for value in np.atleast_1d(values))
