"""Air showers seen by a surface array: the primary from the stations' waveforms, beside a parametric fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.schema import Table
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.formats import FORMATS, schema_of
from cloudchamber.study import Finder, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.validate.check import Check


def waveform_net() -> Recipe:
    """The network on stations with waveforms, the default."""
    from cloudchamber.studies.surface_array import recipes

    return recipes.waveform_net()


def ta_cnn() -> Recipe:
    """The founding lecture's network on a patch of the grid."""
    from cloudchamber.studies.surface_array import recipes

    return recipes.ta_cnn()


def search_space(recipe: str) -> Mapping[str, Any]:
    """What ``tune`` searches for a recipe."""
    from cloudchamber.studies.surface_array import recipes

    return {"waveform_net": recipes.waveform_net_space, "ta_cnn": recipes.ta_cnn_space}[recipe]()


def checks() -> Sequence[Check]:
    """What a reconstruction must keep."""
    from cloudchamber.studies.surface_array.observables import checks as all_checks

    return all_checks()


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """An event, resolutions, calibration, separation."""
    from cloudchamber.studies.surface_array.plots import plots as all_plots

    return all_plots(truth, answers)


def infer(model: TrainedModel, seed: int) -> Finder:
    """The fit beside the network, flags and event displays of observed events."""
    from cloudchamber.studies.surface_array.observed import Observed

    return Observed()


STUDY = Study(
    name="surface_array",
    title="Air showers on a surface array",
    simulators={"scintillators": SurfaceArray},
    recipes={"waveform_net": waveform_net, "ta_cnn": ta_cnn},
    default_recipe="waveform_net",
    checks=checks,
    plots=plots,
    folder=Path(__file__).parent,
    formats=FORMATS,
    infer=infer,
    search_spaces={name: partial(search_space, name) for name in ("waveform_net", "ta_cnn")},
    schema_of=schema_of,
)
