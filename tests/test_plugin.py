from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import cloudchamber as cc

PLUGIN = Path(__file__).parent / "plugin"


def test_an_outside_study_is_found() -> None:
    assert "toy" in cc.study_names()
    study = cc.find_study("toy")
    assert study.folder == PLUGIN / "toy_study"
    theta = study.simulator.prior(5, cc.rng(1))
    assert study.simulator.simulate(theta, cc.rng(2))["light"].shape == (5, 3)


def test_its_entry_point_is_the_one_its_project_declares() -> None:
    declared = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["entry-points"]
    written = configparser.ConfigParser()
    written.optionxform = str  # type: ignore[assignment]
    written.read(PLUGIN / "toy_study-0.1.dist-info/entry_points.txt")
    assert {group: dict(written[group]) for group in written.sections()} == declared


def test_the_commands_know_it(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PLUGIN), *sys.path])}

    def command(*words: str) -> str:
        return subprocess.run([sys.executable, "-m", "cloudchamber", *words], env=environment, capture_output=True, text=True, check=True).stdout

    assert "toy" in [study["name"] for study in json.loads(command("list", "--json"))]
    assert "20 events" in command("simulate", "toy", str(tmp_path / "data"), "--n", "20", "--settings.light-pe", "10")
    assert cc.Store(tmp_path / "data").settings["light_pe"] == 10.0
