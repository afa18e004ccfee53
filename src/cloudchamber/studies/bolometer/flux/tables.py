"""A user's own flux: a table of kinetic energies and fluxes, CSV or ECSV, with units."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.csv import read_csv
from cloudchamber.schema import Column, whole

Array = NDArray[Any]

COLUMNS = {
    "energy_gev": Column(unit="GeV", doc="kinetic energy per nucleon"),
    "proton_flux": Column(unit="1 / (m2 s sr GeV)", doc="flux of protons"),
    "helium_flux": Column(unit="1 / (m2 s sr GeV)", doc="flux of helium per energy per nucleon"),
}


def read_flux(path: Path, lowest_gev: float, highest_gev: float) -> tuple[Callable[[Array], Array], ...]:
    """Spectra of protons and, where the file has them, of helium, power laws between its points and beyond its last one.

    The columns are ``energy_gev``, ``proton_flux`` and perhaps ``helium_flux``; units that the file states are converted. ValueError names the column and the
    row for numbers that are no flux, energies that do not rise, and a table that does not cover ``lowest_gev`` to ``highest_gev``.
    """
    need_file(path, "flux table")
    return _read(path, path.stat().st_mtime_ns, lowest_gev, highest_gev)


def need_file(path: Path, what: str) -> None:
    """ValueError where there is no file, or a folder in its place."""
    if not path.is_file():
        raise ValueError(f"{what} '{path}': {'is a folder, and a file is needed' if path.is_dir() else 'there is no such file'}")


@lru_cache(maxsize=8)
def _read(path: Path, stamp: int, lowest_gev: float, highest_gev: float) -> tuple[Callable[[Array], Array], ...]:
    table = read_numbers(path, COLUMNS, needed=("energy_gev", "proton_flux"))
    energy = table["energy_gev"]
    refuse(path, "energy_gev", energy, energy <= 0, "an energy is above 0 GeV")
    refuse(path, "energy_gev", energy, np.diff(energy, prepend=-np.inf) <= 0, "energies must rise from row to row")
    if len(energy) < 2 or energy[0] > lowest_gev or energy[-1] < highest_gev:
        span = f"{energy[0]:g} to {energy[-1]:g} GeV" if len(energy) else "nothing"
        raise ValueError(f"'{path}', column 'energy_gev': covers {span}, {lowest_gev:g} to {highest_gev:g} GeV are needed (threshold_gev, highest_gev)")
    fluxes = [table[name] for name in ("proton_flux", "helium_flux") if name in table]
    for name, flux in zip(("proton_flux", "helium_flux"), fluxes, strict=False):
        refuse(path, name, flux, flux <= 0, "a flux is above 0")
    return tuple(_power_laws(np.log(energy), np.log(flux)) for flux in fluxes)


def read_numbers(path: Path, columns: dict[str, Column], needed: tuple[str, ...]) -> dict[str, Array]:
    """The named columns of a table of text, as float64 in their units; ValueError names a missing one, and the row of what is no finite number."""
    table = whole(read_csv(path, columns))
    for name in needed:
        if name not in table:
            raise ValueError(f"'{path}' has no column '{name}'; it has: {', '.join(table)}")
    found = {name: np.asarray(table[name]) for name in columns if name in table}
    for name, values in found.items():
        if values.dtype.kind not in "iuf":
            raise ValueError(f"'{path}', column '{name}': holds words, such as '{values[0]}'")
        refuse(path, name, values.astype(float), ~np.isfinite(values.astype(float)), "a finite number is needed")
    return {name: values.astype(float) for name, values in found.items()}


def refuse(path: Path, name: str, values: Array, bad: Array, why: str) -> None:
    """ValueError with the first bad value and its row, counted from 1 below the header."""
    if np.any(bad):
        row = int(np.argmax(bad))
        raise ValueError(f"'{path}', column '{name}', row {row + 1}: {values[row]:g}; {why}")


def _power_laws(ln_energy: Array, ln_flux: Array) -> Callable[[Array], Array]:
    slope = (ln_flux[-1] - ln_flux[-2]) / (ln_energy[-1] - ln_energy[-2])

    def spectrum(energy_gev: Array) -> Array:
        ln = np.log(energy_gev)
        return np.exp(np.interp(ln, ln_energy, ln_flux) + slope * np.maximum(ln - ln_energy[-1], 0.0))

    return spectrum
