"""Stores with gaps, in any order, or of the very events that were learned: what commands take and what they refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber import cli, workflow
from cloudchamber.hub import load
from cloudchamber.store.read import Store
from cloudchamber.workflow.training import _split

FEW = ["--fit.epochs", "1", "--accelerator", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "toy"
    cli.main(["simulate", "toy", str(folder), "--n", "200", "--workers", "1", "--block-events", "50"])
    return folder


@pytest.fixture
def gapped(data: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(data, tmp_path / "gapped")
    (folder / "shard-000001.h5").unlink()
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_a_store_with_a_gap_is_refused_or_taken_as_it_is(data: Path, gapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["train", "toy", str(data), str(tmp_path / "run"), *FEW])
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"model.hidden": {"choices": [8, 16]}}))
    for command in (
        ["train", "toy", gapped, tmp_path / "a", *FEW],
        ["tune", "toy", gapped, tmp_path / "t", "--space", space, "--trials", 1, "--fit.epochs", 1],
        ["convert", "toy", gapped, "--out", tmp_path / "c.h5"],
        ["sample", tmp_path / "run", tmp_path / "s.h5", "--given", gapped],
        ["simulate", "toy", tmp_path / "again", "--theta", gapped, "--workers", 1],
    ):
        assert "holds 3 of 4 blocks (block 1 is missing)" in refused(capsys, *command), command
        cli.main([str(word) for word in (*command, "--partial")])
    assert "3 of 4 blocks" in refused(capsys, "validate", tmp_path / "run", "--data", gapped)
    assert Store(tmp_path / "again").n_events == 150


def test_held_out_events_are_drawn_over_the_whole_store() -> None:
    training, held_out = _split(100_000, None, 0.05, seed=1)
    assert len(held_out) == 5000 and np.array_equal(np.sort(np.concatenate([training, held_out])), np.arange(100_000))
    assert kstest(held_out / 100_000, "uniform").pvalue > 1e-6
    part = np.concatenate(_split(100_000, 2000, 0.05, seed=1))
    assert len(np.unique(part)) == 2000 and kstest(part / 100_000, "uniform").pvalue > 1e-6


def test_the_domain_of_a_sorted_store_is_all_of_it(tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "prior", 1000, seed=5)
    theta = Store(tmp_path / "prior").read(["lifetime_us", "kind"])
    order = np.argsort(theta["lifetime_us"])
    workflow.simulate("toy", tmp_path / "scan", theta={name: values[order] for name, values in theta.items()})
    run = workflow.train("toy", tmp_path / "scan", tmp_path / "run", overrides={"fit": {"epochs": 1}}).folder
    low, high = load(run).domain["lifetime_us"]
    assert low < 1.05 and high > 3.9  # the prior is 1 to 4; the first 95 % of the scan end at 3.7


def test_a_floor_of_the_very_events_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["train", "toy", str(data), str(tmp_path / "run"), *FEW])
    workflow.simulate("toy", tmp_path / "test", 100, seed=2)
    said = refused(capsys, "validate", tmp_path / "run", "--data", tmp_path / "test", "--floor", tmp_path / "test")
    assert "the floor's events are those of the data" in said


def test_a_floor_at_the_default_seed_has_noise_of_its_own(tmp_path: Path) -> None:
    cli.main(["simulate", "toy", str(tmp_path / "a"), "--n", "500", "--workers", "1"])
    cli.main(["simulate", "toy", str(tmp_path / "b"), "--theta", str(tmp_path / "a"), "--workers", "1"])
    first, second = Store(tmp_path / "a").read(), Store(tmp_path / "b").read()
    np.testing.assert_array_equal(first["lifetime_us"], second["lifetime_us"])
    assert not np.any(first["decay_time_us"] == second["decay_time_us"])
    cli.main(["simulate", "toy", str(tmp_path / "c"), "--n", "500", "--workers", "1", "--settings.light-pe", "80"])
    noise = [np.log(Store(tmp_path / name).read()["light"].sum(1) / light) for name, light in (("a", 40.0), ("c", 80.0))]
    assert abs(np.corrcoef(*noise)[0, 1]) < 0.2
