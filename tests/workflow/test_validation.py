"""``validate``: truth against truth, peers and other runs, a user's file, and training data that it knows again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from running import FEW
from toy_study import SCHEMA, Decay

from cloudchamber import workflow
from cloudchamber.formats.tables import write_table
from cloudchamber.hub import load
from cloudchamber.schema import Schema
from cloudchamber.store.read import Store
from cloudchamber.study import find_study
from cloudchamber.workflow.validation import _figures


class FourTubes(Decay):
    """The toy's detector with one tube more."""

    @property
    def schema(self) -> Schema:
        return replace(SCHEMA, x=SCHEMA.x | {"light": replace(SCHEMA.x["light"], shape=(4,))})


def test_validate_reports_checks_floors_peers_and_others(run: Path, decays: Path, tmp_path: Path) -> None:
    workflow.train("toy", decays, tmp_path / "matching", recipe="matching", overrides=FEW)
    found = workflow.validate(run, n=300, compare=[tmp_path / "matching"], out=tmp_path / "report")
    assert [check.name for check in found.checks] == ["mean decay time", "mean light", "light correlation"]
    assert all(check.passed and check.floor > 0 for check in found.checks)
    assert set(found.others) == {str(tmp_path / "matching"), "peer"}
    assert found.n == 300 and not found.failed
    page = found.report.read_text()
    assert "decay times" in page and "light correlation" in page
    written = json.loads((tmp_path / "report/metrics.json").read_text())
    assert written["checks"] == found.to_json()["checks"]


def test_a_protocol_joins_the_checks(run: Path, tmp_path: Path) -> None:
    told: list[str] = []
    found = workflow.validate(run, n=300, out=tmp_path / "report", protocol="quarters", progress=lambda done, total, text: told.append(text))
    assert [check.name for check in found.checks] == ["mean decay time", "mean light", "light correlation", "quartiles"]
    assert found.checks[-1].passed and [check.name for check in found.others["peer"]][-1] == "quartiles"
    assert told == ["loading the models", "simulating 600 events", "answering for 300 events", "checking", "quartiles", "drawing the report"]
    assert "three numbers that anyone can compare" in found.report.read_text()
    with pytest.raises(ValueError, match=r"unknown protocol 'halves'; there are: quarters"):
        workflow.validate(run, n=300, out=tmp_path / "none", protocol="halves")
    assert not (tmp_path / "none").exists()


def test_a_peer_of_another_detector_is_left_out(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = find_study("toy")
    monkeypatch.setattr("toy_study.STUDY", replace(study, simulators={"decay": study.simulators["decay"], "peer": FourTubes}))
    assert workflow.validate(run, n=100, out=tmp_path / "report").others == {}


def test_a_surrogate_of_something_else_fails(run: Path, tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "bright", 600, seed=9, settings={"light_pe": 90.0})
    found = workflow.validate(run, data=tmp_path / "bright", out=tmp_path / "report")
    assert found.n == 300
    assert [check.name for check in found.failed] == ["mean light"]


def test_the_training_data_are_refused(run: Path, decays: Path) -> None:
    with pytest.raises(ValueError, match="was trained on the events of"):
        workflow.validate(run, data=decays)


def test_the_training_data_are_known_again_when_the_simulator_got_a_new_setting(run: Path, decays: Path, tmp_path: Path) -> None:
    old = shutil.copytree(run, tmp_path / "old")
    metrics = json.loads((old / "metrics.json").read_text())
    metrics["training"]["identity"] = "of a time before"
    light = metrics["training"]["settings"].pop("light_pe")
    (old / "metrics.json").write_text(json.dumps(metrics))
    (old / "run.json").unlink()
    assert workflow.upgrade(old)
    with pytest.raises(ValueError, match="was trained on the events of"):
        workflow.validate(old, data=decays)
    metrics["training"]["settings"]["light_pe"] = light + 1
    (old / "metrics.json").write_text(json.dumps(metrics))
    (old / "training_events.npy").unlink()
    (old / "run.json").unlink()
    assert workflow.upgrade(old)
    assert workflow.validate(old, data=decays, out=tmp_path / "report").n > 0


def test_validate_against_a_users_file(run: Path, tmp_path: Path) -> None:
    study = find_study("toy")
    workflow.simulate("toy", tmp_path / "d", 200, seed=8)
    table = Store(tmp_path / "d").read()
    del table["light"]
    table["lifetime_us"][0] = 15.0
    write_table(tmp_path / "mine.h5", table, study)
    found = workflow.validate(run, file=tmp_path / "mine.h5", out=tmp_path / "report")
    assert [check.name for check in found.checks] == ["mean decay time"]
    page = found.report.read_text()
    assert "light correlation (the truth has no column &#39;light&#39;)" in page
    assert "1 true events outside the trained domain" in page
    with pytest.raises(ValueError, match="no file or folder"):
        workflow.validate(run, file=tmp_path / "absent.h5")
    with pytest.raises(ValueError, match="not both"):
        workflow.validate(run, file=tmp_path / "mine.h5", data=tmp_path / "d")


def test_figures_have_the_ends_of_long_names(run: Path, decays: Path) -> None:
    truth, seen = Store(decays).read(None, slice(0, 30)), dict[str, object]()
    study = replace(find_study("toy"), plots=lambda truth, answers: seen.update(answers) or {})
    path = "/data/somebody/with/a/very/long/path/to/runs/flow"
    assert _figures(study, load(run), truth, {"toy/flow": truth, path: truth}, True) == {}
    assert list(seen) == ["toy/flow", "…" + path[-31:]]
