"""``upgrade``: a run of the format before, and folders that hold none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cloudchamber import cli, workflow


def test_a_run_of_the_format_before_is_upgraded(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "run.json").unlink()
    with pytest.raises(ValueError, match=f"convert it with `cloudchamber upgrade {copy}`"):
        workflow.sample(copy, tmp_path / "x.h5", n=5)
    cli.main(["upgrade", str(copy)])
    assert (copy / "run.json").read_bytes() == (run / "run.json").read_bytes()
    assert not workflow.upgrade(copy)


def test_what_is_no_run_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no finished run: weights\.safetensors is missing"):
        workflow.upgrade(tmp_path)
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "run.json").unlink()
    (copy / "recipe.json").write_text("[]")
    with pytest.raises(ValueError, match="needs 'study', 'seed' and 'recipe'"):
        workflow.upgrade(copy)
    assert not (copy / "run.json").exists()
