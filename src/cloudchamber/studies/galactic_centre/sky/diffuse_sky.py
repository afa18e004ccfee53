"""The diffuse emission alone, as no instrument sees it: the truth that its surrogate learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudchamber.schema import Schema, Table
from cloudchamber.studies.galactic_centre.columns import SHAPES, SHAPES_NSIDE, shape_schema
from cloudchamber.studies.galactic_centre.diffuse.maps import emission_maps
from cloudchamber.studies.galactic_centre.diffuse.parameters import GAS_AND_LIGHT, draw_parameters
from cloudchamber.study import simulable


@dataclass(frozen=True)
class DiffuseSky:
    """Shapes of the diffuse emission of random Galaxies, those of ``random`` without the Fermi bubbles, on the image of HEALPix ``nside``."""

    nside: int = SHAPES_NSIDE

    def __post_init__(self) -> None:
        if not 32 <= self.nside <= 512 or self.nside & (self.nside - 1):
            raise ValueError(f"nside: {self.nside} is none of 32, 64, 128, 256, 512")

    @property
    def schema(self) -> Schema:
        """Theta and x of a map."""
        return shape_schema(self.nside)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta."""
        drawn = draw_parameters(n, rng)
        return {name: drawn[name].astype(np.float32) for name in GAS_AND_LIGHT}

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that is none."""
        return simulable(theta, self.schema.theta, {})

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one map of each kind for each event of ``theta``; ValueError for a bad column."""
        return dict(zip(SHAPES, emission_maps(self.check(theta), self.nside, rng), strict=True))
