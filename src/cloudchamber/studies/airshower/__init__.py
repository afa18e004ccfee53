"""Air showers: their longitudinal profiles, given the primary particle, its energy and its zenith angle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.schema import Table
from cloudchamber.studies.airshower.formats import FORMATS
from cloudchamber.studies.airshower.hybrid.simulator import Hybrid
from cloudchamber.studies.airshower.parametrised import Parametrised
from cloudchamber.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.validate.check import Check


def flow() -> Recipe:
    """Neural spline flow."""
    from cloudchamber.studies.airshower import recipes

    return recipes.flow()


def matching() -> Recipe:
    """Conditional flow matching, the default."""
    from cloudchamber.studies.airshower import recipes

    return recipes.matching()


def wgan() -> Recipe:
    """Conditional WGAN-GP as in the founding talk."""
    from cloudchamber.studies.airshower import recipes

    return recipes.wgan()


def search_space(recipe: str) -> Mapping[str, Any]:
    """What ``tune`` searches for a recipe."""
    from cloudchamber.studies.airshower import recipes

    return {"matching": recipes.matching_space, "flow": recipes.flow_space}[recipe]()


def checks() -> Sequence[Check]:
    """The physics that a surrogate must keep."""
    from cloudchamber.studies.airshower.observables import checks as all_checks

    return all_checks()


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Profiles, Xmax, muons, elongation rate and ratios."""
    from cloudchamber.studies.airshower.plots.report import plots as all_plots

    return all_plots(truth, answers)


STUDY = Study(
    name="airshower",
    title="Air-shower profiles",
    simulators={"hybrid": Hybrid, "parametrised": Parametrised},
    peers=("parametrised",),
    recipes={"matching": matching, "flow": flow, "wgan": wgan},
    default_recipe="matching",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
    formats=FORMATS,
    search_spaces={name: partial(search_space, name) for name in ("matching", "flow")},
    quick={"tables": "packaged"},
)
