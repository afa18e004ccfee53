"""Recipes of air-shower surrogates: each builds within what is packaged, learns within a few steps, and is searched where it has settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cloudchamber import workflow
from cloudchamber.models.gan import Gan
from cloudchamber.studies.airshower import STUDY
from cloudchamber.studies.airshower.codecs.profile_codec import PROFILES
from cloudchamber.studies.airshower.codecs.profile_grid import ProfileGrid
from cloudchamber.studies.airshower.columns import THETA, X
from recipe_trials import built, every_choice_builds, falls, losses, parameters

FIT = {"epochs": 6, "batch_size": 32, "warmup_epochs": 0.0, "average_decay": None, "validation_fraction": 0.2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 300 showers."""
    folder = tmp_path_factory.mktemp("airshower") / "data"
    workflow.simulate(STUDY, folder, n=300, seed=2, settings=STUDY.quick)
    return folder


@pytest.mark.parametrize("name", STUDY.recipes)
def test_all_of_x_is_learned_from_what_a_user_can_know(name: str) -> None:
    recipe = STUDY.recipe(name)
    assert set(recipe.target) == set(X) and set(recipe.given) <= set(THETA)
    assert "azimuth_deg" not in recipe.given, "profiles know no azimuth"


@pytest.mark.parametrize("name", STUDY.recipes)
def test_weights_fit_into_the_package(name: str) -> None:
    # four bytes each: with codecs and the rest of a run below 2 MB
    assert 10_000 < parameters(built(STUDY, STUDY.recipe(name))) < 500_000


@pytest.mark.parametrize("name", ["flow", "matching"])
def test_every_choice_of_a_search_builds(name: str) -> None:
    assert STUDY.recipe(name).search
    every_choice_builds(STUDY, STUDY.recipe(name))


@pytest.mark.parametrize("name", ["flow", "matching"])
def test_a_short_fit_lowers_the_loss(name: str, data: Path, tmp_path: Path) -> None:
    found = losses(STUDY, data, name, tmp_path / "run", {"fit": FIT})
    assert falls(found["loss"])


def test_networks_against_each_other_stay_finite(data: Path, tmp_path: Path) -> None:
    found = losses(STUDY, data, "wgan", tmp_path / "run", {"fit": FIT | {"epochs": 2, "average_decay": 0.9}})
    assert {"loss_critic", "loss_generator"} <= set(found) and all(len(values) == 2 for values in found.values())


def test_the_generators_profiles_have_the_codecs_length() -> None:
    """The networks take their size from the codec's grid: another grid must bring others."""
    recipe = STUDY.recipe("wgan")
    assert isinstance(recipe.model, Gan)
    size = recipe.target_codec.build(STUDY.simulator.schema.select(recipe.target)).size
    model = built(STUDY, recipe).eval()
    with torch.no_grad():
        made = model.generate(torch.randn(4, model.noise_size), torch.randn(4, model.given_size))
    assert made.shape == (4, size) and size > len(PROFILES) * recipe.target_codec.points
    with pytest.raises(ValueError, match=r"ConvNetworks need channels \* length between 1 and the target's 130 numbers, got 4 \* 62"):
        built(STUDY, replace(recipe, target_codec=ProfileGrid(step=2 * recipe.target_codec.step)))
