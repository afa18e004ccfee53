"""The columns of a calorimeter shower: the particle that comes in (theta) and the energy in each cell (x)."""

from __future__ import annotations

from cloudchamber.schema import Column, Schema
from cloudchamber.studies.calorimeter.geometry import Crystals

ELECTROMAGNETIC = ("e-", "gamma", "e+")
HEAVY = ("mu-", "mu+", "pi-", "pi+", "kaon-", "kaon+", "proton", "neutron")
"""Muons and hadrons, by Geant4's names."""
POLAR_LIMIT_DEG = 89.9


PARTICLES = (*ELECTROMAGNETIC, *HEAVY)
HIGHEST_ENERGY_MEV = 1e6


def simulated(crystals: Crystals, lowest_energy_mev: float = 1.0) -> dict[str, tuple[float, float]]:
    """The ranges that simulators of an array can make, from ``lowest_energy_mev`` on: particles that meet the front face from before it."""
    face = (-crystals.half_width_mm, crystals.half_width_mm)
    return {
        "energy_mev": (lowest_energy_mev, HIGHEST_ENERGY_MEV),
        "impact_x_mm": face,
        "impact_y_mm": face,
        "polar_deg": (0.0, POLAR_LIMIT_DEG),
    }


def calorimeter_schema(crystals: Crystals) -> Schema:
    """The schema of an array, whatever made its events."""
    theta = {
        "particle": Column(doc="the particle that comes in", dtype="int64", categories=PARTICLES),
        "energy_mev": Column(unit="MeV", doc="its kinetic energy", low=0.0),
        "impact_x_mm": Column(unit="mm", doc="where its line of flight meets the front face, from the array's centre along columns"),
        "impact_y_mm": Column(unit="mm", doc="where its line of flight meets the front face, from the array's centre along rows"),
        "polar_deg": Column(unit="deg", doc="angle of flight to the front face's normal", low=0.0, high=180.0),
        "azimuth_deg": Column(unit="deg", doc="direction of its motion across the face, from +x towards +y", low=-180.0, high=180.0),
    }
    x = {"deposit_mev": Column((crystals.cells,), unit="MeV", doc="energy deposited in each cell, index (layer * n + row) * n + column", low=0.0)}
    return Schema(theta, x)
