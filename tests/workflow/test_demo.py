"""``demo``."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cloudchamber import workflow
from cloudchamber.study import find_study


def test_demo_ends_with_the_report(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = replace(find_study("toy"), folder=tmp_path)
    shutil.copytree(run, study.pretrained / "flow")
    monkeypatch.setattr("toy_study.STUDY", study)
    said: list[str] = []
    done = workflow.demo("toy", tmp_path / "demo", n=100, samples=500, progress=lambda done, total, text: said.append(text))
    assert done.validation.report == tmp_path / "demo/index.html" and done.validation.report.exists()
    assert done.simulated_rate > 0 and done.sampled_rate > 0 and done.validation.n == 100
    assert said[-1] == "drawing the report"
