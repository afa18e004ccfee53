"""The columns of both views: a cosmic ray's hit, and a window of data."""

from __future__ import annotations

from math import prod

import numpy as np

from cloudchamber.schema import Column, Ragged, Schema, Table

SPECIES = ("proton", "helium")
FAMILIES = ("wafer", "absorber", "long", "short", "slow")
"""Where a hit goes: the wafer that all bolometers share, one bolometer's absorber; and Planck's three kinds of glitches."""

CONDITIONS = {
    "phi_mv": Column(unit="MV", doc="force field of the Sun, which belongs to the flux's interstellar spectrum", low=0.0),
    "thickness_um": Column(unit="um", doc="the wafer's thickness", low=0.0),
}
"""Theta of both views."""


def hits_schema(bolometers: int, constants: int) -> Schema:
    """One event is one hit; a pulse is a sum of ``constants`` exponentials."""
    theta = {**CONDITIONS, "family": Column(doc="where it hits", categories=FAMILIES)}
    x = {
        "waiting_time_s": Column(unit="s", doc="time since the hit before, of any family", low=0.0),
        "species": Column(doc="the cosmic ray (truth)", categories=SPECIES),
        "energy_gev": Column(unit="GeV", doc="its kinetic energy per nucleon (truth)", low=0.0),
        "x_mm": Column(unit="mm", doc="place of the hit, from the wafer's centre along rows"),
        "y_mm": Column(unit="mm", doc="place of the hit, from the wafer's centre along columns"),
        "bolometer": Column(doc="index of the bolometer that is hit, -1 for the wafer", dtype="int64", low=-1, high=bolometers - 1),
        "deposit_kev": Column(unit="keV", doc="energy that it leaves", low=0.0),
        "amplitude_w": Column((bolometers,), unit="W", doc="height of its pulse at each bolometer, sum over the exponentials", low=0.0),
        "weight": Column((bolometers, constants), doc="share of each exponential in that height, 0 where there is no pulse", low=0.0, high=1.0),
    }
    return Schema(theta, x)


def windows_schema(bolometers: int, samples: int) -> Schema:
    """One event is one window of data of all bolometers, and the hits in it."""
    x = {
        "power_w": Column((bolometers, samples), unit="W", doc="power of cosmic rays in each bolometer at each sample"),
        "hit_time_s": Column(unit="s", doc="times of the hits from the window's first sample on (truth)", ragged=True),
        "hit_deposit_kev": Column(unit="keV", doc="energies that they leave (truth)", low=0.0, ragged=True),
        "hit_family": Column(doc="where they hit (truth)", categories=FAMILIES, ragged=True),
        "hit_bolometer": Column(doc="bolometers that are hit, -1 for the wafer (truth)", dtype="int64", low=-1, high=bolometers - 1, ragged=True),
    }
    return Schema(dict(CONDITIONS), x)


def schema_of(table: Table) -> Schema | None:
    """The schema of a table of windows, or of another detector's hits; None where the default one fits, or the table tells nothing."""
    if (power := _shape(table, "power_w", 2)) is not None:
        return windows_schema(*power)
    weight = _shape(table, "weight", 2)
    if weight is None and (amplitude := _shape(table, "amplitude_w", 1)) is not None:
        weight = (*amplitude, DEFAULT_CONSTANTS)
    return None if weight in (None, (DEFAULT_BOLOMETERS, DEFAULT_CONSTANTS)) else hits_schema(*weight)


DEFAULT_BOLOMETERS, DEFAULT_CONSTANTS = 12, 3


def _shape(table: Table, name: str, axes: int) -> tuple[int, ...] | None:
    values = table.get(name)
    if values is None or isinstance(values, Ragged) or np.ndim(values) != axes + 1 or prod(np.shape(values)[1:]) == 0:
        return None
    return tuple(int(length) for length in np.shape(values)[1:])
