from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloudchamber.cli import COMMANDS, main
from cloudchamber.store.read import Store


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as exit:
        main(words)
    assert exit.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main([command, "--help"])
    out = capsys.readouterr().out
    assert exit.value.code == 0
    assert f"$ cloudchamber {command}" in out


def test_no_words_show_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main([])
    assert exit.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize("statement", ["import cloudchamber", "import cloudchamber.cli", "import cloudchamber as cc; cc.find_study, cc.Schema, cc.Store"])
def test_starting_loads_nothing_heavy(statement: str) -> None:
    heavy = ("torch", "matplotlib", "scipy", "numba", "chromo", "optuna", "astropy")
    found = f"{statement}; import sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_settings_of_recipe_and_simulator_are_flags(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "toy", "--recipe", "matching", "--help"])
    shown = capsys.readouterr().out
    assert "--fit.epochs" in shown and "--model.steps" in shown and "--model.bins" not in shown
    with pytest.raises(SystemExit):
        main(["train", "toy", "--help"])
    assert "--model.bins" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["simulate", "toy", "--help"])
    assert "--settings.light-pe" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "toy_sets", "--help"])
    assert "--model.body.width" in capsys.readouterr().out


def test_from_simulation_to_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = str(tmp_path / "data"), str(tmp_path / "run")
    main(["simulate", "toy", data, "--n", "300", "--workers", "1", "--settings.light-pe", "20"])
    assert "300 events in" in capsys.readouterr().out
    assert Store(data).settings["light_pe"] == 20.0
    main(["train", "toy", data, run, "--recipe", "matching", "--fit.epochs", "2", "--model.hidden=16"])
    assert f"next: cloudchamber validate {run}" in capsys.readouterr().out
    assert json.loads((tmp_path / "run/recipe.json").read_text())["recipe"]["model"]["hidden"] == 16

    main(["validate", run, "--n", "100", "--json"])
    shown = capsys.readouterr().out
    found = json.loads(shown)
    assert found["study"] == "toy" and found["run"] == run and found["n"] == 100
    assert {"name", "value", "floor", "limit", "passed"} <= set(found["checks"][0])
    assert shown.count("\n") == 1
    main(["validate", run, "--n", "100"])
    shown = capsys.readouterr().out
    assert "mean decay time" in shown and "quartiles" not in shown
    main(["validate", run, "--n", "100", "--protocol", "quarters"])
    assert "quartiles / us" in capsys.readouterr().out
    assert "unknown protocol 'quartes' (did you mean 'quarters'?)" in refused(capsys, "validate", run, "--protocol", "quartes")

    main(["sample", run, str(tmp_path / "s.csv"), "--n", "10", "--options", "steps", "2"])
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 11
    main(["convert", "toy", str(tmp_path / "s.csv"), "--out", str(tmp_path / "s.times")])
    assert "10 events" in capsys.readouterr().out
    main(["list"])
    shown = capsys.readouterr().out
    assert "toy: Decay of stopped particles" in shown and "protocols:       quarters" in shown


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


def test_errors_are_one_red_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "simulate", "toj", str(tmp_path / "d"), "--n", "3")
    assert error.strip().splitlines()[-1] == f"error: unknown study 'toj' (did you mean 'toy'?); there are: {', '.join(names())}"
    assert "Traceback" not in error
    assert "is not an event store" in refused(capsys, "train", "toy", str(tmp_path / "absent"), str(tmp_path / "run"))
    assert "no packaged weights for 'toy/flow'" in refused(capsys, "sample", "toy", str(tmp_path / "s.h5"), "--n", "3")
    assert "unknown recipe 'flwo' (did you mean 'flow'?)" in refused(capsys, "train", "toy", "d", "r", "--recipe", "flwo")
    assert "--fit.epoch" in refused(capsys, "train", "toy", "d", "r", "--fit.epoch", "3")


def names() -> tuple[str, ...]:
    from cloudchamber.study import study_names

    return study_names()


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown study 'toj'"):
        main(["--traceback", "simulate", "toj", str(tmp_path / "d"), "--n", "3"])


def test_a_reader_that_leaves_is_no_error() -> None:
    script = "from cloudchamber.cli import main; main(['list'])"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert "Traceback" not in error and "Broken pipe" not in error


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert re.fullmatch(r"cloudchamber \d+\.\d+\.\d+\s*", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("a"), "fault of cloudchamber"),
        (MemoryError(), "out of memory"),
        (ValueError("a\x1b[2Jb"), "a\ufffd[2Jb"),
        (ValueError("one\n\n  two"), "one two"),
    ],
)
def test_every_error_is_one_line(error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*words: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("cloudchamber.workflow.list_studies", fail)
    with pytest.raises(SystemExit) as ended:
        main(["list"])
    shown = capsys.readouterr().err
    assert ended.value.code == 2 and told in shown and "Traceback" not in shown
    with pytest.raises(type(error)):
        main(["list", "--traceback"])
