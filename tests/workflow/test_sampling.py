"""``sample`` into files and stores, and ``export``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.formats.tables import read_table
from cloudchamber.hub import load
from cloudchamber.run.metadata import read_metadata
from cloudchamber.store.read import Store
from cloudchamber.study import find_study


def test_sample_into_files_and_a_store(run: Path, tmp_path: Path) -> None:
    study = find_study("toy")
    for name in ("a.h5", "a.csv", "a.parquet"):
        assert workflow.sample(run, tmp_path / name, n=50, seed=4).events == 50
    tables = [read_table(tmp_path / name, study) for name in ("a.h5", "a.csv", "a.parquet")]
    workflow.sample(run, tmp_path / "store", n=50, seed=4)
    tables.append(Store(tmp_path / "store").read())
    for table in tables:
        assert list(table) == ["lifetime_us", "kind", "decay_time_us", "light"]
        for name in table:
            np.testing.assert_allclose(table[name], tables[0][name], rtol=1e-6)
    given = {name: tables[0][name] for name in ("lifetime_us", "kind")}
    np.testing.assert_array_equal(load(run).sample(given, seed=4)["light"], tables[0]["light"])


def test_sample_outside_the_domain(run: Path, tmp_path: Path) -> None:
    given = {"lifetime_us": [2.0, 9.0], "kind": ["muon", "pion"]}
    with pytest.raises(ValueError, match=r"column 'lifetime_us': 9 .*outside the trained"):
        workflow.sample(run, tmp_path / "a.h5", given=given)
    workflow.sample(run, tmp_path / "a.csv", given=given, outside="flag")
    assert "in_domain" in (tmp_path / "a.csv").read_text().splitlines()[0]
    with pytest.raises(ValueError, match="give either n"):
        workflow.sample(run, tmp_path / "a.h5")
    with pytest.raises(ValueError, match=r"cannot tell how to write 'a.xyz'; suffixes: .csv"):
        workflow.sample(run, tmp_path / "a.xyz", n=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


def test_export_shows_what_goes_in_and_out(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main(["export", str(run), str(tmp_path / "toy.onnx")])
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    table = shown[: shown.index("in_domain is false")]
    assert max(map(len, table.splitlines())) <= 80
    assert "input kind int64 events 0=muon, 1=pion" in lines and "output light float32 events x 3 pe" in lines and "output in_domain bool events" in lines
    assert any(line.startswith("input lifetime_us float32 events us ") for line in lines) and lines[-1] == f"written: {tmp_path / 'toy.onnx'}"
    told = read_metadata(tmp_path / "toy.onnx")
    assert told["run"] == {"name": run.name, "run_json_sha256": hashlib.sha256((run / "run.json").read_bytes()).hexdigest()}
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert "in_domain" in capsys.readouterr().out


def test_export_writes_a_file(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    assert workflow.export(run, tmp_path / "sub/toy.onnx").stat().st_size > 1000
    assert workflow.export(run, tmp_path / "toy.pt", "torchscript").stat().st_size > 1000
