"""Recipes for maps: each builds, learns within a few steps, and its search has no idle choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.formats.tables import read_table
from cloudchamber.models.heads import Gaussian
from cloudchamber.nn.maps import MapConvolutions, PooledMaps
from cloudchamber.studies.galactic_centre import STUDY
from cloudchamber.studies.galactic_centre.columns import GIVEN, SHAPES, TARGET
from recipe_trials import built, every_choice_builds, falls, losses, parameters

FIT = {"epochs": 6, "batch_size": 25, "warmup_epochs": 0.0, "average_decay": None, "validation_fraction": 0.2, "optimisers": {"": {"learning_rate": 2e-3}}}
SMALL = {
    "posterior": {"transforms": 2, "hidden": 32, "body": {"channels": [8, 16]}},
    "summaries": {"transforms": 2, "hidden": 32},
    "fsrc_cnn": {"body": {"channels": [8, 16], "hidden": 32}},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 250 small maps."""
    folder = tmp_path_factory.mktemp("maps") / "data"
    workflow.simulate(STUDY, folder, n=250, seed=3, settings={"nside": 32})
    return folder


@pytest.mark.parametrize("name", SMALL)
def test_what_shines_is_learned_from_what_was_counted(name: str) -> None:
    recipe = STUDY.recipe(name)
    assert recipe.given == GIVEN and set(recipe.target) <= set(TARGET)
    assert parameters(built(STUDY, recipe)) < 2_000_000


def test_the_posterior_is_of_all_parameters_and_the_talk_s_network_of_one() -> None:
    assert STUDY.default_recipe == "posterior"
    assert STUDY.recipe("posterior").target == STUDY.recipe("summaries").target == TARGET
    assert isinstance(STUDY.recipe("posterior").model.body, MapConvolutions) and STUDY.recipe("summaries").model.body is None
    talk = STUDY.recipe("fsrc_cnn")
    assert talk.target == ("f_src",) and isinstance(talk.model, Gaussian) and isinstance(talk.model.body, PooledMaps)


@pytest.mark.parametrize("name", STUDY.recipes)
def test_every_choice_of_a_search_builds(name: str) -> None:
    assert STUDY.recipe(name).search
    every_choice_builds(STUDY, STUDY.recipe(name))


@pytest.mark.parametrize("name", SMALL)
def test_a_short_fit_lowers_the_loss(name: str, data: Path, tmp_path: Path) -> None:
    found = losses(STUDY, data, name, tmp_path / "run", {"fit": FIT, "model": SMALL[name]})
    assert falls(found["loss"]), found


@pytest.fixture(scope="module")
def surrogate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learned 250 small maps of the diffuse emission, a little."""
    folder = tmp_path_factory.mktemp("shapes")
    workflow.simulate(STUDY, folder / "data", n=250, seed=3, simulator="diffuse", settings={"nside": 32})
    # few events have large numbers: whitened, hardly anything follows from theta
    fit = FIT | {"epochs": 15, "batch_size": 10, "optimisers": {"": {"learning_rate": 5e-3}}}
    found = losses(STUDY, folder / "data", "diffuse", folder / "run", {"fit": fit, "model": {"model": {"hidden": 32, "layers": 1}}})
    assert falls(found["loss_model"]), found
    return folder / "run"


def test_the_surrogate_draws_maps_of_its_theta_and_no_others(surrogate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parameters(built(STUDY, STUDY.recipe("diffuse"))) < 200_000
    main(["sample", str(surrogate), str(tmp_path / "some.h5"), "--n", "3"])
    drawn = read_table(tmp_path / "some.h5", STUDY)
    assert all(drawn[name].shape == (3, 32, 32) for name in SHAPES)
    names = STUDY.recipe("diffuse").given
    rows = [[float(drawn[name][0]) for name in names], [float(drawn[name][1]) for name in names]]
    rows[1][names.index("turbulence")] = 0.9
    np.savetxt(tmp_path / "far.csv", rows, delimiter=",", header=",".join(names), comments="")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["sample", str(surrogate), str(tmp_path / "far.h5"), "--given", str(tmp_path / "far.csv")])
    told = " ".join(capsys.readouterr().err.split())
    assert "'turbulence': 0.9" in told and "outside the trained range" in told
    assert not (tmp_path / "far.h5").exists()
