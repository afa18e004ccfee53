"""Geant4 showers that several tests look at: a start of Geant4 takes a second. ``events`` holds what other files here share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.geant4.simulator import Geant4

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def geant4_needed() -> None:
    """Skip a test where the extra ``geant4`` is not installed. (Importing geant4_pybind here would ask for its data sets.)"""
    for module in ("geant4_pybind", "xraylib"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


@pytest.fixture(scope="session")
def geant4_electrons(geant4_needed: None) -> Table:
    """theta and x of 784 electrons of 1 GeV, perpendicular to the face, evenly over the central of 5 x 5 CsI crystals."""
    # one impact point a cell of a 28 x 28 grid: E1/E9 depends on it more than on the shower
    side = 28
    x, y = np.meshgrid(*2 * [60 * ((np.arange(side) + 0.5) / side - 0.5)])
    theta = {
        "particle": np.full(side**2, "e-"),
        "energy_mev": np.full(side**2, 1000.0),
        "impact_x_mm": x.ravel(),
        "impact_y_mm": y.ravel(),
        "polar_deg": np.zeros(side**2),
        "azimuth_deg": np.zeros(side**2),
    }
    return {**theta, **Geant4().simulate(theta, rng(1))}
