"""The recipe is one that infers."""

from __future__ import annotations

from cloudchamber.studies.bolometer.glitches.columns import SCHEMA
from cloudchamber.studies.bolometer.glitches.recipe import glitches, glitches_space


def test_it_infers_theta_from_x() -> None:
    recipe = glitches()
    assert set(recipe.target) == set(SCHEMA.theta) and set(recipe.given) <= set(SCHEMA.x)
    assert recipe.search == glitches_space()
