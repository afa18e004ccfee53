"""Comma-separated files: what goes in comes out, and broken lines are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table as AstropyTable

from cloudchamber.formats.csv import read_csv, write_csv, write_ecsv
from cloudchamber.schema import Column, Ragged


def test_arrays_categories_and_marks_come_back(tmp_path: Path) -> None:
    table = {"kind": np.array([1, 0]), "light": np.arange(12.0).reshape(2, 3, 2) / 7, "good": np.array([True, False])}
    write_csv(tmp_path / "a.csv", table, {"kind": Column(categories=("muon", "pion"))})
    head, first, *_ = (tmp_path / "a.csv").read_text().splitlines()
    assert head == 'kind,"light[0,0]","light[0,1]","light[1,0]","light[1,1]","light[2,0]","light[2,1]",good' and first.startswith(
        "pion,0.0,0.14285714285714285,"
    )
    chunk, *_ = read_csv(tmp_path / "a.csv")
    assert chunk["kind"].tolist() == ["pion", "muon"] and chunk["good"].dtype == bool
    np.testing.assert_array_equal(chunk["light"], table["light"])


def test_a_line_of_another_length_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n\n3,4,5\n")
    with pytest.raises(ValueError, match="line 4: 3 cells, the header has 2"):
        list(read_csv(tmp_path / "a.csv"))


def test_ragged_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"column 'hits' is ragged and does not fit into CSV: write \.h5 or \.parquet"):
        write_csv(tmp_path / "a.csv", {"hits": Ragged(np.ones(3), np.array([0, 1, 3]))}, {})


def test_astropy_reads_units_types_and_meanings(tmp_path: Path) -> None:
    columns = {
        "kind": Column(categories=("muon", "pi'on")),
        "light": Column(shape=(2,), unit="MeV", doc='light: "both" # tubes'),
        "lge": Column(unit="lg(E/eV)"),
        "good": Column(dtype="bool"),
    }
    table = {"kind": np.array([1, 0]), "light": np.array([[1.5, 2.5], [3.5, 4.5]], np.float32), "lge": np.array([18.0, 19.0]), "good": np.array([True, False])}
    write_ecsv(tmp_path / "a.ecsv", [table, table], {**columns, "number": Column()})
    found = AstropyTable.read(tmp_path / "a.ecsv", format="ascii.ecsv")
    assert found.colnames == ["kind", "light[0]", "light[1]", "lge", "good"] and len(found) == 4
    assert str(found["light[1]"].unit) == "MeV" and found["light[0]"].description == columns["light"].doc and found["light[0]"].dtype == np.float32
    assert str(found["lge"].unit) == "lg(E/eV)" and found["good"].dtype == bool and list(found["kind"][:2]) == ["pi'on", "muon"]
    [back, *_] = read_csv(tmp_path / "a.ecsv", columns)
    np.testing.assert_array_equal(back["light"][2:], table["light"])
    with pytest.raises(ValueError, match="is ragged and does not fit"):
        write_ecsv(tmp_path / "b.ecsv", {"hits": Ragged(np.ones(3), np.array([0, 1, 3]))}, {})
