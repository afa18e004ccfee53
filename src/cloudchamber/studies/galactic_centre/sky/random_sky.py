"""The default simulator: every event has diffuse emission of its own, drawn from a physical model of gas, cosmic rays and light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudchamber.schema import Schema, Table
from cloudchamber.studies.galactic_centre.columns import diffuse_columns, theta_columns, x_columns
from cloudchamber.studies.galactic_centre.diffuse.maps import diffuse_maps
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE
from cloudchamber.studies.galactic_centre.diffuse.parameters import draw_parameters
from cloudchamber.studies.galactic_centre.sky.skies import Observation, simulated
from cloudchamber.study import simulable


@dataclass(frozen=True)
class RandomSky(Observation):
    """Maps of photon counts towards the Galactic Centre, of ``years`` (from, to; equally likely logarithms) of data."""

    @property
    def schema(self) -> Schema:
        """Theta and x of a map."""
        return Schema(theta_columns() | diffuse_columns(), x_columns(self.bins.bins, self.nside))

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta."""
        return {name: values.astype(np.float32) for name, values in (self.draw(n, rng) | draw_parameters(n, rng)).items()}

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that is none."""
        return simulable(theta, self.schema.theta, {})

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one map for each event of ``theta``; ValueError for a bad column."""
        theta = self.check(theta)
        return simulated(theta, diffuse_maps({name: theta[name] for name in DIFFUSE}, self.nside, rng), self, rng)
