"""Geant4 showers in an array of crystals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cloudchamber.schema import Schema, Table, check_table
from cloudchamber.studies.calorimeter.beam import Beam
from cloudchamber.studies.calorimeter.columns import ELECTROMAGNETIC, HEAVY, calorimeter_schema, simulated
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.study import simulable

LOWEST_ENERGY_MEV = 1.0


@dataclass(frozen=True)
class Geant4:
    """Geant4 11 through geant4-pybind (``pip install 'cloudchamber[geant4]'``): energy deposits without light yield or noise.

    ``physics``: Geant4's standard electromagnetic option 0, 1 or 2 (e-, gamma, e+ only), or the list FTFP_BERT with muons and hadrons, which needs the
    official data sets. Without these, the electromagnetic options use the data set of ``em_data``. ``cut_mm``: the range cut for secondaries.

    Measured, e- of 0.5 / 1 / 2 GeV in 5 x 5 CsI crystals: 1.5 / 2.9 / 5.7 CPU ms an event with option 0, 1.0 / 2.0 / 3.9 with option 1; 4.5 with the default
    beam. At 1 GeV with option 0: E/E0 0.9689 +- 0.0004, E1/E9 0.747 +- 0.003 uniform over the central crystal and 0.875 at its centre.

    Each process of the caller keeps one Geant4 process for each setting; the same theta and rng give the same bits, whatever was simulated before.
    """

    crystals: Crystals = Crystals()
    beam: Beam = Beam()
    physics: Literal["opt0", "opt1", "opt2", "FTFP_BERT"] = "opt0"
    cut_mm: float = 0.7

    def __post_init__(self) -> None:
        if self.physics not in ("opt0", "opt1", "opt2", "FTFP_BERT"):
            raise ValueError(f"physics: '{self.physics}' is unknown; allowed: opt0, opt1, opt2, FTFP_BERT")
        if not 1e-3 <= self.cut_mm <= 100:
            raise ValueError(f"cut_mm: {self.cut_mm} is outside the allowed [0.001, 100] mm")
        heavy = [name for name in self.beam.particles if name in HEAVY]
        self.beam.check(self.particles, LOWEST_ENERGY_MEV, "; muons and hadrons need physics='FTFP_BERT' and Geant4's official data sets" if heavy else "")

    @property
    def schema(self) -> Schema:
        """Theta and x of a shower in these crystals."""
        return calorimeter_schema(self.crystals)

    @property
    def particles(self) -> tuple[str, ...]:
        """Those that ``physics`` can follow."""
        return ELECTROMAGNETIC + (HEAVY if self.physics == "FTFP_BERT" else ())

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta from ``beam``."""
        return self.beam.draw(n, self.crystals, self.schema, rng)

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that cannot be simulated."""
        return simulable(theta, self.schema.theta, simulated(self.crystals, LOWEST_ENERGY_MEV), {"particle": self.particles})

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Deposits of one shower for each event of ``theta``.

        ValueError for a bad column or missing data sets, ImportError without geant4-pybind, RuntimeError if Geant4 crashes.
        """
        from cloudchamber.studies.calorimeter.geant4.data import find_data
        from cloudchamber.studies.calorimeter.geant4.process import geant4_process

        schema = self.schema
        theta = self.check(theta)
        polar, azimuth = np.radians(theta["polar_deg"].astype(float)), np.radians(theta["azimuth_deg"].astype(float))
        categories = schema.theta["particle"].categories
        events = {
            "particle": [categories[code] for code in theta["particle"]],
            "energy_mev": theta["energy_mev"].astype(float),
            "impact_mm": np.column_stack([theta["impact_x_mm"], theta["impact_y_mm"]]).astype(float),
            "direction": np.column_stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]),
        }
        seeds = [int(seed) for seed in rng.integers(1, 2**32, size=4)]
        if not len(polar):
            return check_table({"deposit_mev": np.zeros((0, self.crystals.cells))}, schema.x)
        process = geant4_process(self.crystals, self.physics, self.cut_mm, find_data(self.physics == "FTFP_BERT"))
        return check_table({"deposit_mev": process.run(events, seeds)}, schema.x)
