"""The commands that learn: what wins of flags, overrides and an earlier run, and what is told at the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloudchamber.cli import main
from cloudchamber.cli.learning import recipe_of
from cloudchamber.hub import load
from cloudchamber.study import find_study

Capture = pytest.CaptureFixture[str]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 200 decays."""
    folder = tmp_path_factory.mktemp("learning") / "data"
    main(["simulate", "toy", str(folder), "--n", "200", "--workers", "1"])
    return folder


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    """A run that learned them, not with the default settings."""
    folder = data.parent / "run"
    main(["train", "toy", str(data), str(folder), "--recipe", "matching", "--fit.epochs", "1", "--model.hidden", "12"])
    return folder


def saved(folder: Path) -> dict:
    return json.loads((folder / "recipe.json").read_text())["recipe"]


def test_the_other_direction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run, tuned = str(tmp_path / "data"), str(tmp_path / "run"), str(tmp_path / "tuned")
    main(["simulate", "toy_sets", data, "--n", "120", "--workers", "1"])
    main(["tune", "toy_sets", data, tuned, "--trials", "2", "--fit.epochs", "1", "--sampler", "tpe"])
    shown = capsys.readouterr().out
    assert "toy_sets/classes, 2 trials" in shown and f"--recipe classes --overrides {tuned}/best.json" in shown
    width = json.loads((tmp_path / "tuned/best.json").read_text())["model"]["body"]["width"]

    main(["train", "toy_sets", data, run, "--fit.epochs", "1", "--model.body.width", "5", "--overrides", f"{tuned}/best.json"])
    saved = json.loads((tmp_path / "run/recipe.json").read_text())["recipe"]
    assert saved["model"]["body"] == {"kind": "Pool", "width": width} and saved["model"]["kind"] == "Categorical" and saved["fit"]["epochs"] == 1
    main(["train", "toy_sets", data, f"{run}5", "--fit.epochs", "1", "--model.body.width", "5"])
    assert json.loads((tmp_path / "run5/recipe.json").read_text())["recipe"]["model"]["body"]["width"] == 5

    capsys.readouterr()
    main(["infer", run, data, "--out", str(tmp_path / "found"), "--outside", "flag", "--json"])
    shown = capsys.readouterr().out
    found = json.loads(shown)
    assert found["events"] == 120 and found["answers"] == f"{tmp_path}/found/answers.csv" and shown.count("\n") == 1
    main(["infer", run, data, "--out", str(tmp_path / "found"), "--outside", "flag"])
    assert f"report: {tmp_path}/found/index.html" in capsys.readouterr().out


def test_the_end_of_a_training_is_told(data: Path, tmp_path: Path, capsys: Capture) -> None:
    main(["train", "toy", str(data), str(tmp_path / "run"), "--fit.epochs", "3", "--fit.schedule", "anneal", "--fit.patience", "2"])
    took, best, advice, following = capsys.readouterr().out.splitlines()
    log = (tmp_path / "run/log.csv").read_text().splitlines()
    losses = [float(row.split(",")[log[0].split(",").index("validation_loss")]) for row in log[1:]]
    assert len(losses) == 3
    assert took.startswith("3 epochs in ") and took.endswith(f" epochs/s): {tmp_path}/run")
    assert best == f"validation loss {min(losses):.4g} in epoch {losses.index(min(losses)) + 1}"
    assert advice.startswith("more epochs would help") and advice == json.loads((tmp_path / "run/metrics.json").read_text())["fit"]["advice"]
    assert following == f"next: cloudchamber validate {tmp_path}/run"


def test_overrides_win_over_flags_in_either_format(data: Path, tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text("[fit]\nepochs = 1\n[model]\nhidden = 9\n")
    words = ["train", "toy", str(data), str(tmp_path / "run"), "--recipe", "matching", "--fit.epochs", "7", "--model.hidden", "11", "--fit.batch-size", "50"]
    main([*words, "--overrides", str(tmp_path / "some.toml")])
    found = saved(tmp_path / "run")
    assert (found["fit"]["epochs"], found["model"]["hidden"], found["fit"]["batch_size"]) == (1, 9, 50)


def test_a_run_to_start_from_brings_its_own_recipe(run: Path, data: Path, tmp_path: Path) -> None:
    assert recipe_of("toy", None, None).name == find_study("toy").default_recipe
    assert recipe_of("toy", "matching", None) == find_study("toy").recipe("matching")
    assert recipe_of("toy", None, str(run)).model.hidden == 12, "the run's settings, not those of the study"
    main(["train", "toy", str(data), str(tmp_path / "finer"), "--start", str(run), "--fit.epochs", "1"])
    found = saved(tmp_path / "finer")
    assert (found["name"], found["model"]["hidden"]) == ("matching", 12)


def test_limit_and_seed_reach_the_training(data: Path, tmp_path: Path) -> None:
    words = ["train", "toy", str(data), "--fit.epochs", "1", "--n", "80"]
    digests = []
    for name, seed in (("one", "1"), ("two", "2"), ("again", "1")):
        main([*words[:3], str(tmp_path / name), *words[3:], "--seed", seed])
        digests.append(load(tmp_path / name).digest)
    assert digests[0] == digests[2] != digests[1]
    assert sum(json.loads((tmp_path / "one/metrics.json").read_text())["training"]["events"].values()) == 80


def test_a_search_of_ones_own_space(data: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "space.json").write_text(json.dumps({"model.hidden": {"choices": [5, 6]}}))
    words = ["tune", "toy", str(data), str(tmp_path / "tuned"), "--recipe", "matching", "--space", str(tmp_path / "space.json"), "--fit.epochs", "1"]
    main([*words, "--trials", "2"])
    shown = capsys.readouterr().out
    best = tmp_path / "tuned/best.json"
    assert f"next: cloudchamber train toy {data} RUN --recipe matching --overrides {best}" in shown.replace("\n", "")
    assert json.loads(best.read_text())["model"]["hidden"] in (5, 6)
    main([*words, "--trials", "3"])
    assert "3 trials" in capsys.readouterr().out, "those that were made count"
    (tmp_path / "space.json").write_text(json.dumps({"model.hiden": {"choices": [5, 6]}}))
    assert "'model.hiden' (did you mean 'model.hidden'?)" in refused(capsys, *words[:3], str(tmp_path / "new"), *words[4:])


def test_an_ensemble_of_two_tells_its_size(run: Path, data: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "the weights of one before it: train with another --seed" in refused(capsys, "ensemble", str(run), str(run), "--out", str(tmp_path / "same"))
    other = tmp_path / "other"
    main(["train", "toy", str(data), str(other), "--recipe", "matching", "--fit.epochs", "1", "--model.hidden", "12", "--seed", "2"])
    main(["ensemble", str(run), str(other), "--out", str(tmp_path / "both")])
    shown = capsys.readouterr().out.replace("\n", "")
    made = load(tmp_path / "both")
    assert f"({made.parameters} parameters)" in shown and made.parameters == 2 * load(run).parameters
    assert f"next: cloudchamber validate {tmp_path}/both" in shown
