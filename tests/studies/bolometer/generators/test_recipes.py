"""Recipes of windows, and the command line that trains them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.hub import load
from cloudchamber.schema import Table
from cloudchamber.studies.bolometer import GENERATORS
from cloudchamber.studies.bolometer.generators.crab import trainable
from cloudchamber.studies.bolometer.generators.recipes import crab_gan, crab_wgan
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.study import find_study

FIXED = ("--settings.families", "wafer", "--settings.conditions.phi-mv", "500", "500", "--settings.conditions.thickness-um", "500", "500")
QUICK = ("--fit.epochs", "2", "--fit.batch-size", "8", "--fit.validation-fraction", "0.3", "--accelerator", "cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows") / "data"
    main(["simulate", "bolometer", str(folder), "--n", "24", "--simulator", "windows", "--workers", "1", *FIXED])
    return folder


@pytest.mark.parametrize("name", GENERATORS)
def test_run_folders_stay_small(name: str) -> None:
    recipe, schema = find_study("bolometer").recipe(name), WindowsView().schema
    assert recipe.name == name and recipe.watch is not None and set(recipe.target) <= set(schema.x)
    model = recipe.model.build(recipe.target_codec.build(schema.select(recipe.target)).size, recipe.given_codec.build(schema.select(recipe.given)).size)
    assert 4 * trainable(model) < 2_500_000


def test_the_talk_s_training_is_in_the_settings() -> None:
    for recipe, words in ((crab_gan(), ("cross_entropy", 0.1, 0.5)), (crab_wgan(), ("wasserstein", 0.0, 1.0))):
        gan, optimisers = recipe.model.model, recipe.fit.optimisers  # type: ignore[attr-defined]
        assert (gan.loss, gan.generator_smoothing, gan.synthetic) == words and gan.latent == 100 and gan.critic_steps > 1
        assert optimisers["model.critic"].name == "sgd" and optimisers["model.critic"].rest_epochs == 0
        assert optimisers["model.generator"].name == "adam" and 0 < optimisers["model.generator"].rest_epochs < recipe.fit.epochs / 2


def test_the_command_line_trains_samples_and_says_the_degrees_of_freedom(data: Path, tmp_path: Path) -> None:
    main(["train", "bolometer", str(data), str(tmp_path / "run"), "--recipe", "crab_gan", *QUICK])
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # the discriminator learns alone at first
    assert [bool(row["loss_model.generator"]) for row in rows] == [False, True] and all(float(row["degrees_of_freedom"]) > 0 for row in rows)
    model = load(tmp_path / "run")
    assert model.batch_events * 12 * 1060 <= 2**21
    given: Table = {"phi_mv": np.full(2, 500.0), "thickness_um": np.full(2, 500.0)}
    power = model.sample(given, seed=1)["power_w"]
    assert power.shape == (2, 12, 1060)
    # each bolometer is a draw of its own
    flat = power.reshape(24, -1)
    assert np.unique(flat[:, 500]).size == 24


def test_a_hopeless_run_stops_with_advice(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "bolometer", str(data), str(tmp_path / "run"), "--recipe", "vae_bernoulli_1", *QUICK, "--watch.least", "10", "--watch.patience", "1"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 2 and "stopped after epoch 1: what it draws has" in told and "Try lower learning rates" in told
    assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) == 2


def test_events_of_the_other_view_are_refused_by_name(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["simulate", "bolometer", str(tmp_path / "hits"), "--n", "20", "--workers", "1"])
    for store, recipe, view in ((tmp_path / "hits", "crab_gan", "windows"), (data, "events", "hits")):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main(["train", "bolometer", str(store), str(tmp_path / "run"), "--recipe", recipe])
        told = " ".join(capsys.readouterr().err.split())
        assert f"'{recipe}' learns" in told and f"--simulator {view}" in told
