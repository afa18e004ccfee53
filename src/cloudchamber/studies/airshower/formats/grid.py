"""Profiles of any depth grid onto the study's, and the checks that every reader shares."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.hdf5 import IN_DOMAIN
from cloudchamber.meant import meant
from cloudchamber.schema import Table, check_table
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, PRIMARIES, THETA, X, depth_grid

Array = NDArray[np.float64]
COLUMNS = {**THETA, **X, "in_domain": IN_DOMAIN}
"""The study's columns, and the mark that a model sets beside its answers."""
PROFILE_CUTS_GEV = {"electrons": 0.001, "muons": 1.0, "hadrons": 1.0}


Primaries: TypeAlias = Annotated[str | Sequence[str] | None, f"the primary, one for all or one a shower: {', '.join(PRIMARIES)}"]
LgEnergies: TypeAlias = Annotated[float | Sequence[float] | None, "lg(E/eV) of the primary, one for all or one a shower"]
Zeniths: TypeAlias = Annotated[float | Sequence[float] | None, "zenith angle / deg, one for all or one a shower"]
Azimuths: TypeAlias = Annotated[float | Sequence[float] | None, "azimuth angle / deg, one for all or one a shower"]
"""Options of readers: theta that a file does not tell."""


def need(module: str) -> ModuleType:
    """Import a library of the extra ``formats``; ImportError says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"this file format needs '{module.partition('.')[0]}': pip install 'cloudchamber[formats]'") from error


def checked(table: Table) -> Table:
    """The table in the study's dtypes; ValueError names an unknown column or one outside its range."""
    if unknown := [name for name in table if name not in COLUMNS]:
        raise ValueError(f"unknown column '{unknown[0]}'{meant(unknown[0], COLUMNS)}; the study's are: {', '.join(COLUMNS)}")
    return check_table(table, {name: column for name, column in COLUMNS.items() if name in table})


def check_profile(depth: Array, values: Array, what: str) -> None:
    """ValueError unless ``depth`` rises strictly and ``values``, one for each depth, are finite."""
    if len(depth) < 2 or not np.isfinite(depth).all() or np.any(np.diff(depth) <= 0):
        raise ValueError(f"{what}: the depths must rise strictly, at least two of them, without NaN")
    if len(values) != len(depth):
        raise ValueError(f"{what}: {len(values)} values for {len(depth)} depths")
    if not np.isfinite(values).all():
        raise ValueError(f"{what}: NaN or infinite value at depth {depth[~np.isfinite(values)][0]:g} g/cm2")


def numbers_on_grid(depth: Array, numbers: Array, what: str) -> Array:
    """Numbers of particles at slant depths ``depth`` (g/cm2), interpolated linearly onto the grid; zero outside, (N_DEPTH,)."""
    depth, numbers = np.asarray(depth, np.float64), np.asarray(numbers, np.float64)
    check_profile(depth, numbers, what)
    return np.interp(depth_grid(), depth, numbers, left=0.0, right=0.0)


def deposit_on_grid(edges: Array, energy: Array, what: str) -> Array:
    """Energy (GeV) in bins of slant depth with these ``edges`` (g/cm2) as dE/dX at the grid's depths, in GeV/(g/cm2), (N_DEPTH,).

    Each grid depth stands for the 10 g/cm2 around it, so the sum is kept. Nothing lies past the ``edges``: the last depth before the end takes what is left.
    """
    edges, energy = np.asarray(edges, np.float64), np.asarray(energy, np.float64)
    check_profile(edges, np.append(energy, 0.0), what)
    bounds = np.append(depth_grid() - DEPTH_STEP_G_CM2 / 2, depth_grid()[-1] + DEPTH_STEP_G_CM2 / 2)
    summed = np.concatenate([[0.0], np.cumsum(energy)])
    below = np.interp(bounds, edges, summed)
    last = int(np.floor((edges[-1] - 1e-3) / DEPTH_STEP_G_CM2))
    below[last + 1 :] = summed[-1]
    return np.diff(below) / DEPTH_STEP_G_CM2


def deposit_between_depths(deposit: Array) -> Array:
    """dE/dX at the grid's depths as means over the bins that start there, (..., N_DEPTH): the inverse of ``deposit_on_grid``, the sum is kept."""
    following = np.concatenate([deposit[..., 1:], np.zeros_like(deposit[..., :1])], axis=-1)
    return (deposit + following) / 2


def theta_of(given: Mapping[str, Any], found: Mapping[str, Any], events: int, path: Path) -> Table:
    """Theta from what the user gave, else from what stands beside the file; the azimuth may be missing."""
    names = [name for name in given if name != "azimuth_deg" or given[name] is not None or name in found]
    return {name: theta_column(name, given[name], found.get(name), events, path) for name in names}


def theta_column(name: str, given: Any, found: Any, events: int, path: Path) -> np.ndarray:
    """The column from what the user gave, else from what stands beside the file; ValueError asks for the parameter."""
    values = found if given is None else given
    if values is None:
        raise ValueError(f"{path}: the file does not say '{name}'; give --read.{name.replace('_', '-')}, one value, or one for each of the {events} showers")
    values = np.asarray(values)
    if values.ndim and len(values) != events:
        raise ValueError(f"{path}: {name} has {len(values)} values for {events} showers")
    return np.broadcast_to(values, (events,)).copy()


def unknown_primary(path: Path, code: object) -> ValueError:
    """What to raise for a primary outside the study's."""
    return ValueError(f"{path}: primary {code} is none of this study's: {', '.join(PRIMARIES)}")


def warn_about_cuts(path: Path, cuts_gev: dict[str, float]) -> None:
    """Warn where the file counts particles above another energy than this study's profiles do."""
    for kind, cut in cuts_gev.items():
        if not np.isclose(cut, PROFILE_CUTS_GEV[kind], rtol=0.05):
            warnings.warn(f"{path}: counts {kind} above {cut:g} GeV, this study above {PROFILE_CUTS_GEV[kind]:g} GeV: their numbers differ", stacklevel=3)
