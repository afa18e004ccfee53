"""Recipes as JSON and back."""

from __future__ import annotations

import json

import pytest

from cloudchamber.hub import study_parts
from cloudchamber.models.recipe import Recipe
from cloudchamber.run.parts import Parts
from cloudchamber.study import BUILT_IN, find_study


@pytest.mark.parametrize("study", BUILT_IN)
def test_every_recipe_comes_back_from_its_file(study: str) -> None:
    for name in find_study(study).recipes:
        recipe = find_study(study).recipe(name)
        written = json.loads(json.dumps(recipe.to_json()))
        assert "search" not in written
        assert Recipe.from_json(written, Parts(study_parts(find_study(study))).find) == recipe


def test_settings_change_and_classes_stay() -> None:
    recipe = find_study("toy").recipe()
    changed = recipe.with_json({"fit": {**recipe.to_json()["fit"], "epochs": 3}, "target": ["light"]})
    assert (changed.fit.epochs, changed.fit.batch_size, changed.target) == (3, recipe.fit.batch_size, ("light",))
    assert changed.model == recipe.model and changed.search == recipe.search
    with pytest.raises(ValueError, match="recipe: unknown key 'modle'; allowed: doc, fit, given"):
        recipe.with_json({"modle": {}})
    with pytest.raises(ValueError, match="fit: unknown key 'epoch'"):
        recipe.with_json({"fit": {"epoch": 3}})
