"""A study outside of cloudchamber: photons of a flat sky and of a disk about the Galactic Centre, on HEALPix pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.geometry import Healpix
from cloudchamber.schema import Column, Schema, Table
from cloudchamber.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.validate.check import Check

REGION = Healpix(8, base_pixel=4)
SCHEMA = Schema(
    theta={"disk_photons": Column(doc="photons expected of the disk in its brightest pixel", low=0.0)},
    x={"counts": Column(shape=REGION.shape, low=0.0, doc="photons", geometry=REGION)},
)


@dataclass(frozen=True)
class Disk:
    """Poisson counts; the disk falls off with latitude."""

    sky: float = 2.0
    height_deg: float = 10.0

    @property
    def schema(self) -> Schema:
        """The columns of theta and of x."""
        return SCHEMA

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Up to 20 photons."""
        return {"disk_photons": rng.uniform(1.0, 20.0, n)}

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Counts, one map for each event of theta."""
        _, lat = REGION.lon_lat_deg()
        expected = self.sky + theta["disk_photons"][:, None, None] * np.exp(-np.abs(lat) / self.height_deg)
        return {"counts": rng.poisson(expected).astype(np.float32)}


def gaussian() -> Recipe:
    """The disk's photons from the map."""
    from cloudchamber.models.heads import Gaussian
    from cloudchamber.models.recipe import Fit, Optimiser, Recipe
    from cloudchamber.nn.codec import Columns

    return Recipe(
        name="gaussian",
        doc="the disk's photons from the map",
        target=("disk_photons",),
        given=("counts",),
        target_codec=Columns({"disk_photons": "log"}),
        given_codec=Columns(),
        model=Gaussian(hidden=32, layers=1),
        fit=Fit(epochs=15, batch_size=64, optimisers={"": Optimiser(learning_rate=3e-3)}),
    )


def checks() -> Sequence[Check]:
    """How far the estimate is."""
    from cloudchamber.validate.check import Check

    def spread(truth: Table, answer: Table) -> float:
        return float(np.median(np.abs(answer["disk_photons"] / truth["disk_photons"] - 1)))

    return [Check("photons of the disk", "they are what is asked for", spread, limit=0.5, unit="relative")]


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """The first map."""
    from cloudchamber.report.sky import sky_map

    return {"a map": sky_map(truth["counts"][0], SCHEMA.x["counts"], "Counts of the first event.")}


STUDY = Study(
    name="toy_maps",
    title="A disk on the sky",
    simulators={"disk": Disk},
    recipes={"gaussian": gaussian},
    default_recipe="gaussian",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
)
