"""What tests of recipes share: every choice of a search builds another model, and a short fit learns."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudchamber import workflow
from cloudchamber.jsonable import merge
from cloudchamber.models.base import ConditionalModel
from cloudchamber.models.recipe import Recipe
from cloudchamber.study import Study
from cloudchamber.train.space import read_space
from cloudchamber.workflow.tuning import overrides_of


def built(study: Study, recipe: Recipe) -> ConditionalModel:
    """The network of a recipe, for the sizes of its codecs."""
    given, target = (study.columns.select(columns) for columns in (recipe.given, recipe.target))
    return recipe.model.build(recipe.target_codec.build(target).size, recipe.given_codec.build(given).size)


def parameters(model: ConditionalModel) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in model.parameters())


def every_choice_builds(study: Study, recipe: Recipe) -> None:
    """Each value of the search space makes a network with finite weights; no two recipes of one setting are alike."""
    settings = recipe.to_json()
    for name, values in read_space(recipe.search).items():
        made = [recipe.with_json(merge(settings, overrides_of({name: value}, settings))) for value in values.examples()]
        assert len({str(each.to_json()) for each in made}) == len(made), f"'{name}' has a value twice"
        for each in made:
            model = built(study, each)
            assert all(bool(parameter.isfinite().all()) for parameter in model.parameters()), f"'{name}'"


def losses(study: Study, data: Path, recipe: str, folder: Path, overrides: Mapping[str, Any]) -> dict[str, list[float]]:
    """The columns of the log of a short fit, epoch by epoch; all must be finite."""
    workflow.train(study, data, folder, recipe, seed=4, overrides=overrides)
    rows = list(csv.DictReader((folder / "log.csv").read_text().splitlines()))
    found = {name: [float(row[name]) for row in rows] for name in rows[0] if "loss" in name}
    assert found and all(math.isfinite(value) for values in found.values() for value in values), found
    return found


def falls(values: list[float]) -> bool:
    """Whether a loss ends 5 % lower than it began; one that learns nothing moves by 2 % at most."""
    return values[-1] < values[0] - 0.05 * abs(values[0])
