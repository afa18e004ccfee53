"""A study outside of cloudchamber: which pixels of a noisy image a round source covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.schema import Column, Schema, Table
from cloudchamber.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.validate.check import Check

SIDE = 8
KINDS = ("sky", "source")
SCHEMA = Schema(
    theta={"pixel_kind": Column(shape=(SIDE, SIDE), dtype="int64", categories=KINDS, doc="what each pixel shows")},
    x={"counts": Column(shape=(SIDE, SIDE), low=0.0, doc="photons in each pixel")},
)


@dataclass(frozen=True)
class Photons:
    """Poisson counts of a flat sky and a round source."""

    sky: float = 2.0
    source: float = 8.0

    @property
    def schema(self) -> Schema:
        """The columns of theta and of x."""
        return SCHEMA

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Sources of any place, of radius 1 to 3 pixels."""
        x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
        centre, radius = rng.uniform(0, SIDE, (2, n, 1, 1)), rng.uniform(1.0, 3.0, (n, 1, 1))
        return {"pixel_kind": ((x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2).astype(np.int64)}

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Counts, one image for each event of theta."""
        return {"counts": rng.poisson(self.sky + self.source * theta["pixel_kind"]).astype(np.float32)}


@dataclass(frozen=True)
class Convolutions:
    """A body that looks at each pixel's neighbours; registered under the entry point of parts."""

    channels: int = 8

    def build(self, given_size: int) -> nn.Module:
        """The network for so many pixels."""
        from torch import nn

        body = nn.Sequential(
            nn.Unflatten(1, (1, SIDE, SIDE)), nn.Conv2d(1, self.channels, 5, padding=2), nn.SiLU(), nn.Conv2d(self.channels, self.channels, 3, padding=1),
            nn.SiLU(), nn.Flatten(),
        )  # fmt: skip
        body.size = self.channels * SIDE**2
        return body


def pixels() -> Recipe:
    """A class for each pixel from the image."""
    from cloudchamber.models.pixels import PixelClasses
    from cloudchamber.models.recipe import Fit, Optimiser, Recipe
    from cloudchamber.nn.codec import Columns

    return Recipe(
        name="pixels",
        doc="the kind of each pixel from counts",
        target=("pixel_kind",),
        given=("counts",),
        target_codec=Columns(),
        given_codec=Columns(),
        model=PixelClasses(classes=2, hidden=16, body=Convolutions()),
        fit=Fit(epochs=15, batch_size=64, optimisers={"": Optimiser(learning_rate=1e-2)}),
    )


def checks() -> Sequence[Check]:
    """The default ones of pixels."""
    from cloudchamber.validate.defaults import pixel_checks

    return pixel_checks(SCHEMA.theta, calibration=0.05)


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """The first image and its source."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3))
    for axes, name in zip(figure.subplots(1, 2), ("counts", "pixel_kind"), strict=True):
        axes.imshow(truth[name][0])
        axes.set_title(name)
    return {"an image": figure}


STUDY = Study(
    name="toy_images",
    title="Sources in images",
    simulators={"photons": Photons},
    recipes={"pixels": pixels},
    default_recipe="pixels",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
)
