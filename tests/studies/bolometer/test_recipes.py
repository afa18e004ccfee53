"""Recipes of hits."""

from __future__ import annotations

from cloudchamber.studies.bolometer.recipes import GIVEN, MARKS, flow, flow_space
from cloudchamber.studies.bolometer.views.hits import HitsView


def test_the_flow_learns_marks_from_conditions() -> None:
    recipe = flow()
    schema = HitsView().schema
    assert recipe.target == MARKS and recipe.given == GIVEN == tuple(schema.theta) and set(MARKS) <= set(schema.x)
    codec = recipe.target_codec.build(schema.select(MARKS))
    assert codec.size == 4 + 12 and recipe.search == flow_space()
