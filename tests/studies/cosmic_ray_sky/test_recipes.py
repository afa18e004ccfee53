"""Recipes that judge a sky: each builds, learns within a few steps, and the rotation-invariant one cannot tell how the sky is turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cloudchamber import workflow
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.physics.sphere import lon_lat_deg, random_rotation, unit_vectors
from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.cosmic_ray_sky import STUDY
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from recipe_trials import built, every_choice_builds, falls, losses, parameters

FIT = {"epochs": 5, "batch_size": 20, "warmup_epochs": 0.0, "average_decay": None, "validation_fraction": 0.2}
SMALL = {
    "events": {"model": {"body": {"anchors": 40, "angles": 6, "hidden": 8}}},
    "deepsphere": {"given_codec": {"nside": 8}, "model": {"body": {"nside": 8, "order": 3, "channels": [8, 16]}}},
}
STRONG = Toy(n=200, composition="He", signal=(60, 80))
"""Skies whose signals nobody can miss."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 200 skies with strong signals or none."""
    folder = tmp_path_factory.mktemp("skies") / "data"
    name = next(name for name in STUDY.simulators if isinstance(STUDY.make_simulator(name), Toy))
    workflow.simulate(STUDY, folder, n=200, seed=3, simulator=name, settings={"n": 200, "composition": "He", "signal": [60, 80]})
    return folder


@pytest.mark.parametrize("name", STUDY.recipes)
def test_the_kind_of_a_sky_is_learned_from_what_is_seen(name: str) -> None:
    recipe = STUDY.recipe(name)
    assert recipe.target == ("kind",) and recipe.given == tuple(SEEN)
    assert parameters(built(STUDY, recipe)) < 500_000


@pytest.mark.parametrize("name", STUDY.recipes)
def test_every_choice_of_a_search_builds(name: str) -> None:
    assert STUDY.recipe(name).search
    every_choice_builds(STUDY, STUDY.recipe(name))


@pytest.mark.parametrize("name", STUDY.recipes)
def test_a_short_fit_lowers_the_loss(name: str, data: Path, tmp_path: Path) -> None:
    found = losses(STUDY, data, name, tmp_path / "run", {"fit": FIT | {"optimisers": {"": {"learning_rate": 3e-3}}}} | SMALL[name])
    assert falls(found["loss"]) and found["loss"][0] < 2.0, "two classes: ln 2 is a guess"


def turned(table: Table, seed: int) -> Table:
    """All skies turned by one rotation."""
    vectors = unit_vectors(table["lon_deg"].values, table["lat_deg"].values) @ random_rotation(np.random.default_rng(seed)).T
    lon, lat = lon_lat_deg(vectors)
    return {**table, "lon_deg": Ragged(lon.astype("f4"), table["lon_deg"].offsets), "lat_deg": Ragged(lat.astype("f4"), table["lat_deg"].offsets)}


def test_the_network_of_events_knows_no_direction() -> None:
    random = np.random.default_rng(1)
    theta = STRONG.prior(12, random)
    table = theta | STRONG.simulate(theta, random)
    recipe = STUDY.recipe("events")
    columns = STUDY.simulator.schema.select(recipe.given)
    codec = recipe.given_codec.build(columns)
    codec.fit(to_tensors(table, columns), {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = recipe.model.build(2, codec.size).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    with torch.no_grad():
        here, there = (model(codec.encode(to_tensors(sky, columns), {})).probabilities() for sky in (table, turned(table, 2)))
    # skies differ from each other, and not from themselves
    assert float(here[:, 0].std()) > 1e-3
    torch.testing.assert_close(here, there, atol=2e-3, rtol=1e-2)
