"""Each command on a small study: what it makes, what it says, and that its flags reach the work."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.cli import COMMANDS, main
from cloudchamber.formats.tables import read_table
from cloudchamber.store.read import Store
from cloudchamber.study import find_study, study_names

Capture = pytest.CaptureFixture[str]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, with the store that it learned from beside it as data."""
    folder = tmp_path_factory.mktemp("commands")
    main(["simulate", "toy", str(folder / "data"), "--n", "300", "--workers", "1"])
    main(["train", "toy", str(folder / "data"), str(folder / "run"), "--recipe", "matching", "--fit.epochs", "1", "--model.hidden", "16"])
    return folder / "run"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main([command, "--help"])
    out = capsys.readouterr().out
    assert exit.value.code == 0
    assert f"$ cloudchamber {command}" in out


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


def test_list_for_programs_is_the_list_for_people(capsys: Capture) -> None:
    main(["list", "--json"])
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    studies = {study["name"]: study for study in json.loads(told)}
    assert set(studies) == set(study_names())
    assert studies["toy"]["recipes"] == list(find_study("toy").recipes) and studies["airshower"]["packaged"]
    main(["list"])
    shown = capsys.readouterr().out
    assert all(study["title"] in shown for study in studies.values())


def test_simulate_says_what_is_new(tmp_path: Path, capsys: Capture) -> None:
    words = ["simulate", "toy", str(tmp_path / "data"), "--workers", "1", "--block-events", "20", "--n"]
    main([*words, "40"])
    assert capsys.readouterr().out.startswith("40 events in ")
    main([*words, "60"])
    shown = capsys.readouterr().out
    assert shown.startswith("20 events in ") and ", 40 were there: " in shown and Store(tmp_path / "data").n_events == 60
    main(["simulate", "toy", str(tmp_path / "other"), "--n", "40", "--workers", "1", "--seed", "2"])
    assert not np.array_equal(Store(tmp_path / "other").read(["light"])["light"], Store(tmp_path / "data").read(["light"], slice(0, 40))["light"])


def test_simulate_at_a_file_of_theta(run: Path, tmp_path: Path) -> None:
    main(["sample", str(run), str(tmp_path / "given.csv"), "--n", "12"])
    main(["simulate", "toy", str(tmp_path / "data"), "--theta", str(tmp_path / "given.csv"), "--workers", "1"])
    theta, name = read_table(tmp_path / "given.csv", find_study("toy")), next(iter(find_study("toy").simulator.schema.theta))
    np.testing.assert_array_equal(Store(tmp_path / "data").read([name])[name], theta[name])


def test_sample_at_given_values_and_by_the_seed(run: Path, tmp_path: Path, capsys: Capture) -> None:
    def sample(name: str, *words: str) -> np.ndarray:
        main(["sample", str(run), str(tmp_path / name), *words])
        return np.asarray(read_table(tmp_path / name, find_study("toy"))["light"])

    one = sample("one.csv", "--n", "8", "--seed", "3")
    assert "8 events in " in capsys.readouterr().out
    np.testing.assert_array_equal(sample("again.csv", "--n", "8", "--seed", "3"), one)
    assert not np.array_equal(sample("other.csv", "--n", "8", "--seed", "4"), one)
    # the same theta, other noise
    drawn = sample("given.csv", "--given", str(tmp_path / "one.csv"), "--seed", "5")
    assert len(drawn) == 8 and not np.array_equal(drawn, one)
    assert "give either n" in refused(capsys, "sample", str(run), str(tmp_path / "x.csv"))


def test_outside_the_trained_domain(run: Path, tmp_path: Path, capsys: Capture) -> None:
    main(["sample", str(run), str(tmp_path / "one.csv"), "--n", "3"])
    lines = (tmp_path / "one.csv").read_text().splitlines()
    column = next(place for place, head in enumerate(lines[0].split(",")) if head.startswith("lifetime_us"))
    cells = lines[1].split(",")
    # allowed, but longer than any that it learned from
    cells[column] = "19.9"
    (tmp_path / "far.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    words = ("sample", str(run), str(tmp_path / "out.h5"), "--given", str(tmp_path / "far.csv"))
    assert "outside" in refused(capsys, *words) and not (tmp_path / "out.h5").exists()
    main([*words, "--outside", "flag"])
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["in_domain"][:].tolist() == [False, True, True]


def test_convert_and_what_the_source_lacks(run: Path, tmp_path: Path, capsys: Capture) -> None:
    name = next(iter(find_study("toy").simulator.schema.theta))
    (tmp_path / "theta.csv").write_text(f"{name}\n" + "\n".join(["1.5", "2.5"]) + "\n")
    main(["convert", "toy", str(tmp_path / "theta.csv"), "--out", str(tmp_path / "theta.h5")])
    shown = capsys.readouterr().out
    assert "2 events with 1 columns" in shown and "not in the source: " in shown and "light" in shown
    with h5py.File(tmp_path / "theta.h5") as file:
        np.testing.assert_allclose(file[name][:], [1.5, 2.5])


def test_export_says_what_it_wrote(run: Path, tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("onnx")
    main(["export", str(run), str(tmp_path / "model.onnx"), "--options", "steps", "2"])
    assert f"written: {tmp_path}/model.onnx" in capsys.readouterr().out.replace("\n", "") and (tmp_path / "model.onnx").stat().st_size > 1000


def test_upgrade_tells_of_each_run(run: Path, capsys: Capture) -> None:
    main(["upgrade", str(run), str(run)])
    assert capsys.readouterr().out.splitlines() == [f"up to date: {run}"] * 2


def test_demo_refuses_what_has_no_weights(capsys: Capture, tmp_path: Path) -> None:
    assert "no packaged weights" in refused(capsys, "demo", "toy", "--out", str(tmp_path / "demo")) and not (tmp_path / "demo").exists()
