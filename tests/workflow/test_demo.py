"""``demo``."""

from __future__ import annotations

import importlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.formats.recording import open_recording
from cloudchamber.study import find_study


def test_demo_ends_with_the_report(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = replace(find_study("toy"), folder=tmp_path)
    shutil.copytree(run, study.pretrained / "flow")
    monkeypatch.setattr("toy_study.STUDY", study)
    said: list[str] = []
    done = workflow.demo("toy", tmp_path / "demo", n=100, samples=500, progress=lambda done, total, text: said.append(text))
    assert done.validation.report == tmp_path / "demo/index.html" and done.validation.report.exists()
    assert done.simulated_rate > 0 and done.sampled_rate > 0 and done.validation.n == 100
    assert said[-2:] == ["drawing the report", "streaming"]
    assert done.streamed is not None and open_recording(tmp_path / "demo/stream.h5").done().all()
    assert done.streamed.report == tmp_path / "demo/stream/index.html" and done.streamed.report.exists()


def test_an_impossible_place_is_refused_before_any_work(run: Path, decays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all commands that load a model first."""

    def load(subject: object) -> None:
        raise AssertionError("loaded before the place was looked at")

    (tmp_path / "file").write_text("x")
    for name in ("demo", "sampling", "inference", "validation"):
        monkeypatch.setattr(importlib.import_module(f"cloudchamber.workflow.{name}"), "load", load)
    for words in (
        f"demo airshower --out {tmp_path}/file/in",
        f"sample {run} {tmp_path}/file/a.csv --n 5",
        f"export {run} {tmp_path}/file/a.onnx",
        f"infer {run} {decays} --out {tmp_path}/file",
        f"validate {run} --out {tmp_path}/file",
    ):
        with pytest.raises(OSError, match="is a file, and a folder is needed there"):
            main([*words.split(), "--traceback"])
