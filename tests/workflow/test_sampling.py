"""``sample`` into files and stores, and ``export``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.formats.tables import read_table
from cloudchamber.hub import load
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


def test_export_writes_a_file(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    assert workflow.export(run, tmp_path / "sub/toy.onnx").stat().st_size > 1000
    assert workflow.export(run, tmp_path / "toy.pt", "torchscript").stat().st_size > 1000
