"""Recipes of hits."""

from __future__ import annotations

from cloudchamber.studies.bolometer.recipes import GIVEN, NUMBERS, flow, flow_space
from cloudchamber.studies.bolometer.views.hits import HitsView


def test_the_flow_learns_marks_from_conditions() -> None:
    recipe = flow()
    schema = HitsView().schema
    assert recipe.target == NUMBERS and recipe.given == GIVEN == tuple(schema.theta) and set(NUMBERS) <= set(schema.x)
    codec = recipe.target_codec.build(schema.select(NUMBERS))
    assert codec.size == 4 + 12 and recipe.search == flow_space()
