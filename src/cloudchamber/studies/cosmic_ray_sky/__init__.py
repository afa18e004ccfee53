"""The cosmic-ray sky: sources among a thousand cosmic rays, from arrival directions and energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.schema import Table
from cloudchamber.studies.cosmic_ray_sky.formats import FORMATS
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.skies.universe import Universe
from cloudchamber.studies.cosmic_ray_sky.skies.varied import Varied
from cloudchamber.study import Finder, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.validate.check import Check


def events() -> Recipe:
    """The network on cosmic rays, the default."""
    from cloudchamber.studies.cosmic_ray_sky import recipes

    return recipes.events()


def deepsphere() -> Recipe:
    """The founding talk's network on HEALPix maps."""
    from cloudchamber.studies.cosmic_ray_sky import recipes

    return recipes.deepsphere()


def search_space(recipe: str) -> Mapping[str, Any]:
    """What ``tune`` searches for a recipe."""
    from cloudchamber.studies.cosmic_ray_sky import recipes

    return {"events": recipes.events_space, "deepsphere": recipes.deepsphere_space}[recipe]()


def checks() -> Sequence[Check]:
    """What a verdict on a sky must keep."""
    from cloudchamber.studies.cosmic_ray_sky.observables import checks as all_checks

    return all_checks()


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """A sky, calibration and verdicts."""
    from cloudchamber.studies.cosmic_ray_sky.plots import plots as all_plots

    return all_plots(truth, answers)


def infer(model: TrainedModel, seed: int) -> Finder:
    """p-values, relevances and excesses of observed skies."""
    from cloudchamber.studies.cosmic_ray_sky.observed import Observed

    return Observed(model, seed)


STUDY = Study(
    name="cosmic_ray_sky",
    title="Sources in the cosmic-ray sky",
    simulators={"toy": Toy, "varied": Varied, "jf12": Lensed, "universe": Universe},
    recipes={"events": events, "deepsphere": deepsphere},
    default_recipe="events",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
    formats=FORMATS,
    infer=infer,
    search_spaces={name: partial(search_space, name) for name in ("events", "deepsphere")},
)
