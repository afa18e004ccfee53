"""The columns of a calorimeter shower: the particle that comes in (theta) and the energy in each cell (x)."""

from __future__ import annotations

from cloudchamber.schema import Column, Schema
from cloudchamber.studies.calorimeter.geometry import Crystals

ELECTROMAGNETIC = ("e-", "gamma", "e+")
HEAVY = ("mu-", "mu+", "pi-", "pi+", "kaon-", "kaon+", "proton", "neutron")
"""Muons and hadrons, by Geant4's names."""
POLAR_LIMIT_DEG = 89.9


def calorimeter_schema(crystals: Crystals, particles: tuple[str, ...] = ELECTROMAGNETIC, lowest_energy_mev: float = 1.0) -> Schema:
    """The schema of an array; ``particles`` and ``lowest_energy_mev`` as its simulator allows them."""
    width = crystals.half_width_mm
    theta = {
        "particle": Column(doc="the particle that comes in", dtype="int64", categories=particles),
        "energy_mev": Column(unit="MeV", doc="its kinetic energy", low=lowest_energy_mev, high=1e6),
        "impact_x_mm": Column(unit="mm", doc="where its line of flight meets the front face, from the array's centre along columns", low=-width, high=width),
        "impact_y_mm": Column(unit="mm", doc="where its line of flight meets the front face, from the array's centre along rows", low=-width, high=width),
        "polar_deg": Column(unit="deg", doc="angle of flight to the front face's normal", low=0.0, high=POLAR_LIMIT_DEG),
        "azimuth_deg": Column(unit="deg", doc="direction of its motion across the face, from +x towards +y", low=-180.0, high=180.0),
    }
    x = {"deposit_mev": Column((crystals.cells,), unit="MeV", doc="energy deposited in each cell, index (layer * n + row) * n + column", low=0.0)}
    return Schema(theta, x)
