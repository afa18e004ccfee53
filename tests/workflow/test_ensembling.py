"""Runs made of several, through the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.hub import load
from cloudchamber.run.files import RunFiles
from cloudchamber.store.read import Store
from cloudchamber.store.write import StoreWriter

QUICK = {"fit": {"epochs": 2}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, three runs and the ensemble of two."""
    place = tmp_path_factory.mktemp("ensemble")
    workflow.simulate("toy", place / "data", 600, seed=3)
    for seed, recipe in ((1, "flow"), (2, "matching"), (3, "flow")):
        workflow.train("toy", place / "data", place / f"run{seed}", recipe, seed=seed, overrides=QUICK)
    main(["ensemble", str(place / "run1"), str(place / "run2"), "--out", str(place / "two")])
    return place


def test_one_run_answers_for_several(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = str(place / "two")
    main(["ensemble", str(place / "run1"), str(place / "run2"), "--out", two])  # once more: nothing to do
    assert "mixture of 2 trained models: flow, matching" in " ".join(capsys.readouterr().out.split())
    main(["sample", two, str(tmp_path / "events"), "--n", "300"])
    main(["sample", two, str(tmp_path / "events"), "--n", "300"])
    assert Store(tmp_path / "events").n_events == 300
    main(["export", two, str(tmp_path / "two.onnx")])
    main(["validate", two, "--n", "200", "--compare", str(place / "run1"), "--out", str(tmp_path / "report")])
    assert (tmp_path / "report" / "index.html").exists() and (tmp_path / "two.onnx").exists()


def test_it_learned_what_its_members_learned(place: Path) -> None:
    with pytest.raises(ValueError, match="was trained on the events of"):
        workflow.validate(place / "two", data=place / "data")


def test_damage_to_a_member_is_noticed(place: Path, tmp_path: Path) -> None:
    for number, break_it in enumerate(
        (
            lambda folder: (folder / "member-01" / "domain.json").write_text("{}"),
            lambda folder: shutil.rmtree(folder / "member-01"),
            lambda folder: shutil.rmtree(folder / "member-00"),
            lambda folder: shutil.copytree(folder / "member-01", folder / "member-02"),
            lambda folder: (shutil.rmtree(folder / "member-01"), shutil.copytree(place / "run3", folder / "member-01")),
        )
    ):
        folder = shutil.copytree(place / "two", tmp_path / str(number))
        break_it(folder)
        with pytest.raises((ValueError, FileNotFoundError), match=r"run\.json|is missing|checksum"):
            load(folder)


def test_an_interrupted_copy_is_finished(place: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(place / "two", tmp_path / "two")
    (folder / "run.json").unlink()
    shutil.rmtree(folder / "member-01")
    with pytest.raises(ValueError, match="holds no finished run"):
        load(folder)
    workflow.ensemble([place / "run1", place / "run2"], folder)
    assert load(folder).digest == load(place / "two").digest


def test_what_else_is_in_the_folder_stays(place: Path, tmp_path: Path) -> None:
    for folder in (place / "two", place / "run3"):
        with pytest.raises(ValueError, match="holds another run"):
            workflow.ensemble([place / "run1", place / "run3"], folder)
    assert load(place / "two").name == "ensemble of 2"


def test_one_network_is_asked_for_where_only_one_will_do(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "toy", str(place / "data"), str(tmp_path / "finer"), "--start", str(place / "two")])
    said = " ".join(capsys.readouterr().err.split())
    assert "no network by itself" in said and "member-00" in said
    with pytest.raises(ValueError, match="no network by itself"):
        workflow.ensemble([place / "two", place / "run3"], tmp_path / "nested")
    started = workflow.train("toy", place / "data", tmp_path / "finer", start=place / "two" / "member-00", overrides=QUICK)
    assert started.epochs == 2


def test_members_of_different_simulators_need_data(place: Path, tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "bright", 300, settings={"light_pe": 44.0})
    workflow.train("toy", tmp_path / "bright", tmp_path / "bright_run", seed=9, overrides=QUICK)
    workflow.ensemble([place / "run1", tmp_path / "bright_run"], tmp_path / "both")
    with pytest.raises(ValueError, match="learned from different simulators or settings"):
        workflow.validate(tmp_path / "both", n=100)
    workflow.simulate("toy", tmp_path / "test", 300, seed=77)
    assert workflow.validate(tmp_path / "both", data=tmp_path / "test", out=tmp_path / "report").n == 150


def test_training_events_are_known_in_whatever_they_come_back(place: Path, tmp_path: Path) -> None:
    run, data = place / "run1", place / "data"
    table = Store(data).read()
    # one of the store's own names, another seed's label
    with StoreWriter(tmp_path / "renamed", Store(data).schema, "hand", {}, 99, events=600, blocks=1) as writer:
        writer.write_block(0, {name: values[::-1] for name, values in table.items()})
    main(["convert", "toy", str(data), "--out", str(tmp_path / "file.parquet")])
    main(["convert", "toy", str(tmp_path / "file.parquet"), "--out", str(tmp_path / "back")])
    for subject in (run, place / "two"):
        for where in ({"data": tmp_path / "renamed"}, {"file": tmp_path / "file.parquet"}, {"data": tmp_path / "back"}):
            with pytest.raises(ValueError, match=r"was trained on events of .*: at least \d+ of 600 are the same"):
                workflow.validate(subject, **where)
    # also what a run started from
    workflow.simulate("toy", tmp_path / "more", 300, seed=12)
    workflow.train("toy", tmp_path / "more", tmp_path / "finer", start=run, overrides=QUICK)
    with pytest.raises(ValueError, match="was trained on events of"):
        workflow.validate(tmp_path / "finer", file=tmp_path / "file.parquet")
    assert len(np.load(RunFiles(run).training_events)) == json.loads((run / "metrics.json").read_text())["training"]["events"]["training"]
