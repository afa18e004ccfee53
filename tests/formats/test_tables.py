"""Files and stores as chunks of checked tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.formats.tables import read_chunks, read_table, write_table
from cloudchamber.schema import Table, events_in, rechunked, whole
from cloudchamber.store.read import Store
from cloudchamber.study import find_study

TOY = find_study("toy")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chunks") / "data"
    workflow.simulate("toy", folder, 4700, seed=3)
    return folder


def parts(table: Table, *edges: int) -> list[Table]:
    return [{name: values[low:high] for name, values in table.items()} for low, high in zip((0, *edges), (*edges, None), strict=True)]


@pytest.mark.parametrize("suffix", ["", ".h5", ".csv", ".parquet"])
def test_chunks_are_the_whole_in_pieces(data: Path, tmp_path: Path, suffix: str) -> None:
    table, path = Store(data).read(), data
    if suffix:
        path = tmp_path / f"events{suffix}"
        write_table(path, iter(parts(table, 100, 3000)), TOY)
    chunks = list(read_chunks(path, TOY, events=1000))
    assert [events_in(chunk) for chunk in chunks] == [1000, 1000, 1000, 1000, 700]
    for name, values in read_table(path, TOY).items():
        np.testing.assert_allclose(values, table[name], rtol=1e-6)
        np.testing.assert_array_equal(values, whole(chunks)[name])


def test_what_is_wrong_is_found_where_it_stands(data: Path, tmp_path: Path) -> None:
    table = Store(data).read()
    table["lifetime_us"][4200] = -1.0
    write_table(tmp_path / "bad.h5", table, TOY)
    chunks = read_chunks(tmp_path / "bad.h5", TOY)
    assert events_in(next(chunks)) == 2000
    with pytest.raises(ValueError, match=r"column 'lifetime_us': -1 in event 200 .*counted from event 4000 of"):
        list(chunks)


def test_a_column_that_ends_midway_is_named(tmp_path: Path) -> None:
    one = {"lifetime_us": np.ones(3), "decay_time_us": np.ones(3)}
    reader = TOY.format("times")
    changed = type(TOY)(**{**TOY.__dict__, "formats": (type(reader)("times", (".times",), lambda path: iter([one, {"lifetime_us": np.ones(2)}])),)})
    (tmp_path / "a.times").touch()
    with pytest.raises(ValueError, match="column 'decay_time_us' is not the same throughout: the events from 3 on"):
        list(read_chunks(tmp_path / "a.times", changed))


def test_chunks_of_any_size_become_equal_ones() -> None:
    tables = [{"a": np.arange(start, stop)} for start, stop in ((0, 0), (0, 5), (5, 5), (5, 6), (6, 23))]
    made = list(rechunked(tables, 4))
    assert [len(each["a"]) for each in made] == [4, 4, 4, 4, 4, 3]
    np.testing.assert_array_equal(whole(made)["a"], np.arange(23))
    assert [len(each["a"]) for each in rechunked(tables[:1], 4)] == [0]
    assert list(rechunked([], 4)) == []
    with pytest.raises(ValueError, match="there are no events"):
        whole([])


def test_columns_of_different_lengths_are_refused(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["lifetime_us"], file["decay_time_us"] = np.ones(3), np.ones(4)
    with pytest.raises(ValueError, match="columns of different lengths: decay_time_us 4, lifetime_us 3"):
        read_table(tmp_path / "a.h5", TOY)
