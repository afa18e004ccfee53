"""Recipes that reconstruct showers: each builds, learns within a few steps, and corrects the fit alike wherever a shower falls."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudchamber import workflow
from cloudchamber.models.heads import Gaussian
from cloudchamber.studies.surface_array import STUDY
from cloudchamber.studies.surface_array.codecs.stations import GIVEN, TARGET
from cloudchamber.studies.surface_array.columns import PARTICLES, SEEN, THETA
from recipe_trials import built, every_choice_builds, falls, losses, parameters

FIT = {"epochs": 5, "batch_size": 30, "warmup_epochs": 0.0, "average_decay": None, "validation_fraction": 0.2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 300 events."""
    folder = tmp_path_factory.mktemp("array") / "data"
    workflow.simulate(STUDY, folder, n=300, seed=2)
    return folder


@pytest.mark.parametrize("name", STUDY.recipes)
def test_what_made_an_event_is_learned_from_what_was_seen(name: str) -> None:
    recipe = STUDY.recipe(name)
    assert set(recipe.target) <= set(TARGET) <= set(THETA) and tuple(recipe.given) == tuple(GIVEN) and set(GIVEN) <= set(SEEN)
    assert parameters(built(STUDY, recipe)) < 500_000


def test_the_mixture_has_a_class_for_each_particle() -> None:
    recipe = STUDY.recipe("waveform_net")
    assert recipe.target[0] == "particle" and recipe.model.classes == len(PARTICLES) == len(THETA["particle"].categories)
    # least squares knows no classes, and one width for all events
    plain = STUDY.recipe("ta_cnn")
    assert "particle" not in plain.target and isinstance(plain.model, Gaussian)


@pytest.mark.parametrize("name", STUDY.recipes)
def test_every_choice_of_a_search_builds(name: str) -> None:
    assert STUDY.recipe(name).search
    every_choice_builds(STUDY, STUDY.recipe(name))


@pytest.mark.parametrize("name", STUDY.recipes)
def test_a_short_fit_lowers_the_loss(name: str, data: Path, tmp_path: Path) -> None:
    found = losses(STUDY, data, name, tmp_path / "run", {"fit": FIT})
    assert falls(found["loss"])
