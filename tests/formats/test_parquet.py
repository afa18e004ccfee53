"""Parquet files of columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.formats.parquet import read_parquet, write_parquet
from cloudchamber.schema import Ragged


def test_sets_and_arrays_come_back(tmp_path: Path) -> None:
    light, hits = np.arange(12.0).reshape(3, 2, 2), Ragged(np.arange(5), np.array([0, 2, 2, 5]))
    write_parquet(tmp_path / "a.parquet", {"a": np.array([1.0, np.nan, 3.0]), "light": light, "hits": hits})
    [back] = read_parquet(tmp_path / "a.parquet")
    np.testing.assert_array_equal(back["a"], [1.0, np.nan, 3.0])
    # an array is a list until its column says its shape
    assert back["light"].offsets.tolist() == [0, 4, 8, 12] and back["light"].values.tolist() == list(range(12))
    assert back["hits"].offsets.tolist() == [0, 2, 2, 5] and back["hits"].values.tolist() == list(range(5))


def test_no_events_keep_their_columns(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", {"a": np.zeros(0), "b": np.zeros(0, int)})
    [back] = read_parquet(tmp_path / "a.parquet")
    assert {name: len(values) for name, values in back.items()} == {"a": 0, "b": 0}


def test_what_does_not_fit_or_is_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"column 'waves' is ragged with entries of shape \(2,\) and does not fit into parquet: write \.h5"):
        write_parquet(tmp_path / "a.parquet", {"waves": Ragged(np.ones((3, 2)), np.array([0, 3]))})
    write_parquet(tmp_path / "b.parquet", {"a": np.ones(9)})
    (tmp_path / "b.parquet").write_bytes((tmp_path / "b.parquet").read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"b\.parquet' is not a readable parquet file"):
        list(read_parquet(tmp_path / "b.parquet"))
