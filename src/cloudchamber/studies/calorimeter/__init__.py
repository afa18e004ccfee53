"""Calorimeter showers: the energy in each crystal of an array, given the particle that comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.formats.samples import FORMATS
from cloudchamber.studies.calorimeter.formats.schema import schema_of
from cloudchamber.studies.calorimeter.geant4.simulator import Geant4
from cloudchamber.studies.calorimeter.gflash.simulator import Gflash
from cloudchamber.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.validate.check import Check, CheckResult


def flow() -> Recipe:
    """Two neural spline flows, the default."""
    from cloudchamber.studies.calorimeter import recipes

    return recipes.flow()


def matching() -> Recipe:
    """A spline flow, then conditional flow matching."""
    from cloudchamber.studies.calorimeter import recipes

    return recipes.matching()


def wgan() -> Recipe:
    """Conditional WGAN-GP on images."""
    from cloudchamber.studies.calorimeter import recipes

    return recipes.wgan()


def wgan_constrained() -> Recipe:
    """The same with energy and position constrainers, as in the founding talk."""
    from cloudchamber.studies.calorimeter import recipes

    return recipes.wgan_constrained()


def search_space(recipe: str) -> Mapping[str, Any]:
    """What ``tune`` searches for a recipe."""
    from cloudchamber.studies.calorimeter import recipes

    return {"flow": recipes.flow_space, "matching": recipes.matching_space}[recipe]()


def checks() -> Sequence[Check]:
    """The physics that a surrogate must keep."""
    from cloudchamber.studies.calorimeter.observables import checks as all_checks

    return all_checks()


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Mean image, spectra, E1/E9, total energy, correlations and single showers."""
    from cloudchamber.studies.calorimeter.plots import plots as all_plots

    return all_plots(truth, answers)


def calochallenge(
    truth: Table, answers: Mapping[str, Table], second_truth: Table, seed: int, told: Callable[[str], None]
) -> Mapping[str, Sequence[CheckResult]]:
    """The CaloChallenge's classifiers and separation powers."""
    from cloudchamber.studies.calorimeter.challenge.protocol import calochallenge as protocol

    return protocol(truth, answers, second_truth, seed, told)


STUDY = Study(
    name="calorimeter",
    title="Calorimeter showers",
    simulators={"gflash": Gflash, "geant4": Geant4},
    peers=("gflash",),
    recipes={"flow": flow, "matching": matching, "wgan": wgan, "wgan_constrained": wgan_constrained},
    default_recipe="flow",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
    formats=FORMATS,
    search_spaces={name: partial(search_space, name) for name in ("flow", "matching")},
    schema_of=schema_of,
    protocols={"calochallenge": calochallenge},
)
