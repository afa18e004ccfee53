"""HDF5 files of columns."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.formats import hdf5
from cloudchamber.formats.hdf5 import read_hdf5, write_hdf5
from cloudchamber.schema import Ragged, Table


def tables() -> list[Table]:
    sets = [Ragged(np.arange(5.0), np.array([0, 2, 2, 5])), Ragged(np.arange(5.0, 9.0), np.array([0, 0, 4]))]
    return [{"a": np.arange(3), "hits": sets[0]}, {"a": np.arange(3, 5), "hits": sets[1]}]


def test_sets_of_several_chunks_keep_their_edges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hdf5(tmp_path / "a.h5", iter(tables()))
    [whole] = read_hdf5(tmp_path / "a.h5")
    assert whole["a"].tolist() == [0, 1, 2, 3, 4] and whole["hits"].offsets.tolist() == [0, 2, 2, 5, 5, 9]
    monkeypatch.setattr(hdf5, "CHUNK_EVENTS", 2)
    chunks = list(read_hdf5(tmp_path / "a.h5"))
    assert [chunk["hits"].offsets.tolist() for chunk in chunks] == [[0, 2, 2], [0, 3, 3], [0, 4]]
    np.testing.assert_array_equal(np.concatenate([chunk["hits"].values for chunk in chunks]), np.arange(9.0))


def test_what_is_no_file_of_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"a\.h5' is not a readable HDF5 file of columns"):
        list(read_hdf5(tmp_path / "a.h5"))


def test_a_kind_of_value_that_numpy_lacks_is_named(tmp_path: Path) -> None:
    """PyTables writes times so."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        h5py.h5d.create(file.id, b"a", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((3,)))
    with pytest.raises(ValueError, match=r"a\.h5', data set 'a', holds a kind of value that cannot be read: No NumPy equivalent"):
        list(read_hdf5(tmp_path / "a.h5"))
