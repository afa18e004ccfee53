"""Runs that cannot lie: every file is known, every part registered, and what decides the weights decides whether a training goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from cloudchamber import cli, workflow
from cloudchamber.atomic import held
from cloudchamber.hub import load
from cloudchamber.models.base import ConditionalModel
from cloudchamber.models.flow import Flow
from cloudchamber.nn.codec import Columns, ColumnsCodec
from cloudchamber.run.files import Manifest, RunFiles
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.schema import Column
from cloudchamber.store.read import Store
from cloudchamber.study import find_study

FEW = ["--fit.epochs", "1", "--accelerator", "cpu"]


@dataclass(frozen=True)
class MyColumns:
    """A codec of one's own, which no study and no entry point knows."""

    note: str = ""

    def build(self, columns: Mapping[str, Column]) -> ColumnsCodec:
        return Columns().build(columns)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "toy"
    cli.main(["simulate", "toy", str(folder), "--n", "80", "--workers", "1"])
    return folder


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    folder = data.parent / "run"
    cli.main(["train", "toy", str(data), str(folder), *FEW])
    return folder


def complaint(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line of a command that ends with exit code 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_every_file_of_a_run_is_known(run: Path) -> None:
    there = {path.name for path in run.iterdir() if not path.name.startswith(".")}
    assert there == {*RunFiles(run).sealed.files, "run.json"}
    assert {"weights.safetensors", "log.csv", "loss.png", "metrics.json"} <= there
    assert Manifest.read(RunFiles(run)).parts["model"] == "Flow"


def test_a_flipped_bit_of_any_file_is_noticed(run: Path, tmp_path: Path) -> None:
    random, copy = np.random.default_rng(1), shutil.copytree(run, tmp_path / "copy")
    for path in sorted(path for path in copy.iterdir() if not path.name.startswith(".")):
        whole = path.read_bytes()
        for place in random.integers(0, len(whole), 30):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << int(random.integers(8))
            path.write_bytes(flipped)
            with pytest.raises((ValueError, FileNotFoundError)):
                load(copy)
        path.write_bytes(whole)
    load(copy)


def test_another_runs_weights_are_refused(run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["train", "toy", str(data), str(tmp_path / "other"), "--seed", "2", *FEW])
    copy = shutil.copytree(run, tmp_path / "copy")
    shutil.copy(tmp_path / "other/weights.safetensors", copy)
    assert "weights.safetensors does not match its checksum in run.json" in complaint(capsys, "sample", copy, tmp_path / "x.h5", "--n", 5)


def test_a_run_of_a_later_format_is_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "run.json").write_bytes(replace(RunFiles(run).sealed, format_version=3).to_bytes())
    assert "has run format 3, this version of cloudchamber reads up to 2" in complaint(capsys, "sample", copy, tmp_path / "x.h5", "--n", 5)


def test_a_recipe_of_ones_own_comes_back(data: Path, tmp_path: Path) -> None:
    mine = replace(find_study("toy").recipe(), name="mine")
    folder = workflow.train("toy", data, tmp_path / "mine", replace(mine, fit=replace(mine.fit, epochs=1))).folder
    assert load(folder).recipe.name == "mine"


def test_a_part_of_ones_own_is_handed_over(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = find_study("toy").recipe()
    mine = replace(recipe, name="mine", given_codec=MyColumns("x"), fit=replace(recipe.fit, epochs=1))
    folder = workflow.train("toy", data, tmp_path / "mine", mine).folder
    assert load(folder, parts=[MyColumns]).recipe == mine
    assert load(folder, parts={"MyColumns": MyColumns}).recipe == mine
    said = complaint(capsys, "sample", folder, tmp_path / "x.h5", "--n", 5)
    assert "given_codec: no part 'MyColumns' is registered (did you mean 'Columns'?)" in said and "parts=[MyColumns]" in said


def test_training_goes_on_only_where_all_is_the_same(run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    before = (copy / "weights.safetensors").read_bytes()
    (tmp_path / "linear.json").write_text(json.dumps({"target_codec": {"transforms": {"light": "linear"}}}))
    said = complaint(capsys, "train", "toy", data, copy, *FEW, "--overrides", tmp_path / "linear.json")
    assert "recipe.target_codec.transforms.light was log, is now linear" in said
    assert "seed was 1, is now 2" in complaint(capsys, "train", "toy", data, copy, *FEW, "--seed", 2)
    assert "events.training was" in complaint(capsys, "train", "toy", data, copy, *FEW, "--n", 60)
    cli.main(["train", "toy", str(data), str(copy), *FEW])
    assert (copy / "weights.safetensors").read_bytes() == before


def test_a_sampled_store_goes_on_only_with_the_same_model_and_options(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "toy", str(data), str(tmp_path / "run"), "--recipe", "matching", *FEW]
    cli.main(train)
    sample = ["sample", tmp_path / "run", tmp_path / "drawn", "--n", 30]
    cli.main([str(word) for word in (*sample, "--options", "steps", 8)])
    assert "'options'" in complaint(capsys, *sample, "--options", "steps", 2)
    shutil.rmtree(tmp_path / "run")
    cli.main([*train, "--seed", "2"])
    assert "'weights'" in complaint(capsys, *sample, "--options", "steps", 8)
    assert Store(tmp_path / "drawn").n_events == 30


def test_of_two_trainings_the_second_is_told(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = f"import time\nfrom pathlib import Path\nfrom cloudchamber.atomic import held\nwith held(Path({str(tmp_path / 'run')!r}), 'train toy/flow'):\n"
    code += "    print('held', flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        said = complaint(capsys, "train", "toy", data, tmp_path / "run", *FEW)
        assert f"is being written by 'train toy/flow', process {other.pid} on" in said
        other.kill()
    # the lock ends with its process, however that ends
    cli.main(["train", "toy", str(data), str(tmp_path / "run"), *FEW])
    with held(tmp_path / "run", "nothing"):
        pass


def test_a_file_that_may_not_be_read_is_called_that(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "weights.safetensors":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "weights.safetensors' may not be read: ask its owner for permission" in complaint(capsys, "sample", run, tmp_path / "x.h5", "--n", 5)


def pairs(one: TrainedNetwork, other: TrainedNetwork) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(one.model.parameters(), other.model.parameters(), strict=True)


@dataclass(frozen=True)
class Taught(Flow):
    """A flow that learns a trained model's draws in place of the events."""

    def build_taught(self, target_size: int, given_size: int, teacher: TrainedNetwork) -> ConditionalModel:
        TAUGHT.append(teacher.recipe.name)
        return self.build(target_size, given_size)


TAUGHT: list[str] = []


def test_a_teacher_reaches_the_recipe(run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = find_study("toy").recipe()
    mine = replace(recipe, name="taught", model=Taught(transforms=1, hidden=8), fit=replace(recipe.fit, epochs=1))
    folder = workflow.train("toy", data, tmp_path / "taught", mine, teacher=run).folder
    assert TAUGHT == ["flow"] and load(folder, parts=[Taught]).recipe == mine
    assert json.loads((folder / "metrics.json").read_text())["training"]["teacher"] == load(run).digest
    said = complaint(capsys, "train", "toy", data, tmp_path / "b", "--teacher", run, *FEW)
    assert "'flow' takes no teacher: its model Flow has no build_taught" in said


def test_training_starts_from_another_runs_weights(run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["simulate", "toy", str(tmp_path / "more"), "--n", "60", "--seed", "3", "--workers", "1"])
    train = ["train", "toy", str(tmp_path / "more"), str(tmp_path / "finer"), "--start", str(run), *FEW]
    cli.main(train)
    first, finer = load(run), load(tmp_path / "finer")
    assert finer.recipe == first.recipe and finer.digest != first.digest
    for name, tensor in first.target_codec.state_dict().items():
        np.testing.assert_array_equal(tensor, finer.target_codec.state_dict()[name])
    cli.main(["train", "toy", str(tmp_path / "more"), str(tmp_path / "anew"), "--seed", "2", *FEW])
    # an epoch on from there is nearer than the weights of another beginning
    far = [sum(float((a - b).detach().square().sum()) for a, b in pairs(first, load(tmp_path / name))) for name in ("finer", "anew")]
    assert far[0] < 0.5 * far[1]
    # what the first run learned from is no test for the second
    assert "was trained on the events of" in complaint(capsys, "validate", tmp_path / "finer", "--data", data)
    assert "model.hidden was 24, is now 16" in complaint(capsys, *train[:3], tmp_path / "b", "--start", run, *FEW, "--model.hidden", 16)
    assert "start.weights was" in complaint(capsys, *train[:4], "--start", tmp_path / "finer", *FEW)
