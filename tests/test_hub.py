from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cloudchamber import hub, workflow
from cloudchamber.study import Study, find_study


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    workflow.simulate("toy", folder / "data", n=60)
    workflow.train("toy", folder / "data", folder / "run", overrides={"fit": {"epochs": 1}}, seed=7)
    return folder / "run"


@pytest.fixture
def packaged_toy(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    study = replace(find_study("toy"), folder=tmp_path)
    shutil.copytree(run, study.pretrained / "flow")
    monkeypatch.setattr("toy_study.STUDY", study)
    return study


def test_a_run_folder(run: Path) -> None:
    model = hub.load(run)
    assert (model.study, model.recipe.name, model.seed) == ("toy", "flow", 7)
    assert hub.load(str(run)).recipe == model.recipe


def test_packaged_weights_by_name(packaged_toy: Study) -> None:
    assert hub.packaged_recipes(packaged_toy) == ("flow",)
    assert hub.load("toy").recipe.name == hub.load("toy/flow").recipe.name == "flow"
    assert hub.find_run("toy")[0] == packaged_toy.pretrained / "flow"


def test_weights_that_are_not_packaged(packaged_toy: Study) -> None:
    with pytest.raises(ValueError, match=r"no packaged weights for 'toy/matching'; packaged are: flow. Train it: cloudchamber train toy"):
        hub.load("toy/matching")
    with pytest.raises(ValueError, match=r"unknown recipe 'flwo' \(did you mean 'flow'"):
        hub.load("toy/flwo")


def test_names_that_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no packaged weights for 'toy/flow'; none are packaged"):
        hub.load("toy")
    with pytest.raises(ValueError, match=r"no study and no run folder 'toi/flow' \(did you mean 'toy/flow'\?\); studies: .*toy"):
        hub.load("toi/flow")
    with pytest.raises(ValueError, match=r"holds no finished run: run.json is missing"):
        hub.load(tmp_path)


def test_a_broken_run_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "cut")
    weights = tmp_path / "cut/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"weights\.safetensors"):
        hub.load(tmp_path / "cut")


def test_infer_takes_the_recipe_that_infers() -> None:
    assert hub.inferring("bolometer") == "bolometer/glitches" and hub.inferring("surface_array") == "surface_array/waveform_net"
    assert hub.inferring("airshower") == "airshower" and hub.inferring("bolometer/events") == "bolometer/events"
