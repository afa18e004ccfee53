from __future__ import annotations

from pathlib import Path

import numpy as np

from cloudchamber.run.files import RunFiles
from cloudchamber.run.seen import FEWEST_SEEN, marks_of, read_marks, seen_events, write_marks
from cloudchamber.schema import Column, Ragged, take

COLUMNS = {"a": Column(), "kind": Column(categories=("x", "y")), "many": Column(ragged=True), "trace": Column(shape=(3,)), "count": Column(dtype="int64")}


def events(n: int = 50, seed: int = 0) -> dict:
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 4, n)
    many = Ragged(random.normal(size=lengths.sum()).astype(np.float32), np.concatenate([[0], np.cumsum(lengths)]))
    whole = {"kind": random.integers(0, 2, n), "count": random.poisson(5, n)}
    return {"a": random.normal(size=n), "many": many, "trace": random.normal(size=(n, 3)).astype(np.float32)} | whole


def test_an_event_has_one_mark_whatever_its_place_and_its_columns_types() -> None:
    table = events()
    marks = marks_of(table, COLUMNS)
    assert len(np.unique(marks)) == 50
    order = np.random.default_rng(1).permutation(50)
    np.testing.assert_array_equal(marks_of(take(table, order), COLUMNS), marks[order])
    narrow = table | {"a": table["a"].astype(np.float32), "count": table["count"].astype(np.int32), "trace": table["trace"].astype(np.float64)}
    np.testing.assert_array_equal(marks_of(narrow, dict(reversed(COLUMNS.items()))), marks)


def test_every_column_counts() -> None:
    table = events()
    for name in COLUMNS:
        other = table | {name: Ragged(table[name].values + 1, table[name].offsets) if name == "many" else table[name] + 1}
        same = marks_of(table, COLUMNS) == marks_of(other, COLUMNS)
        assert same.sum() == (0 if name != "many" else np.sum(np.diff(table[name].offsets) == 0))


def test_a_run_knows_some_of_its_events_again(tmp_path: Path) -> None:
    files, marks = RunFiles(tmp_path), marks_of(events(), COLUMNS)
    assert len(read_marks(files)) == 0 and seen_events(files, marks) == 0
    # events that look alike, as where a detector saw nothing, tell nothing
    write_marks(files, np.concatenate([marks, marks[:5]]))
    np.testing.assert_array_equal(read_marks(files), np.sort(marks[5:]))
    assert seen_events(files, marks) == 45
    assert seen_events(files, marks_of(events(seed=1), COLUMNS)) == 0
    # one or two may be chance, and the same event twice is one
    assert seen_events(files, np.repeat(marks[5 : 4 + FEWEST_SEEN], 3)) == 0
