from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cloudchamber.nn.sets import EventAnchors
from cloudchamber.nn.sphere import DeepSphere
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.studies.cosmic_ray_sky import STUDY
from cloudchamber.studies.cosmic_ray_sky.codec import SkyMap


def untrained(name: str) -> TrainedNetwork:
    """A small network of a recipe with random weights."""
    recipe, schema = STUDY.recipe(name), STUDY.simulator.schema
    body = EventAnchors(anchors=40, angles=6, hidden=8) if name == "events" else DeepSphere(nside=8, order=2, channels=(4, 8))
    codec = recipe.given_codec if name == "events" else SkyMap(nside=8)
    recipe = replace(recipe, given_codec=codec, model=replace(recipe.model, body=body))
    given, target = recipe.given_codec.build(schema.select(recipe.given)), recipe.target_codec.build(schema.select(recipe.target))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = recipe.model.build(target.size, given.size).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3 if name == "events" else 1.0)
    return TrainedNetwork(STUDY.name, recipe, schema, given, target, model, {}, 5)


@pytest.fixture(scope="session", params=["events", "deepsphere"])
def network(request: pytest.FixtureRequest) -> TrainedNetwork:
    return untrained(request.param)
