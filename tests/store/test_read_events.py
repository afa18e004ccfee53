"""Single events come as from the whole table, and only their neighbourhoods are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudchamber.schema import Column, Ragged, Schema, Table, concatenate, take
from cloudchamber.store import Store, StoreWriter, read

SCHEMA = Schema(
    theta={"number": Column(dtype="int64")},
    x={
        "image": Column(shape=(300, 300)),
        "profile": Column(shape=(40,)),
        "hits": Column(ragged=True),
        "waveform": Column(shape=(100,), ragged=True, dtype="uint16"),
    },
)
COUNTS = (1300, 0, 40, 513, 700)
TOTAL = sum(COUNTS)
SMALL = ["number", "profile", "hits", "waveform"]


def block_of(block: int, events: int) -> Table:
    draw = np.random.default_rng(block)
    table: Table = {"number": sum(COUNTS[:block]) + np.arange(events), "profile": draw.normal(size=(events, 40))}
    for name, column in (("hits", SCHEMA.x["hits"]), ("waveform", SCHEMA.x["waveform"])):
        lengths = draw.integers(0, 6, events)
        values = draw.integers(0, 1000, (lengths.sum(), *column.shape)).astype(column.dtype)
        table[name] = Ragged(values, np.concatenate([[0], np.cumsum(lengths)]))
    return table


@pytest.fixture(scope="module")
def whole() -> Table:
    return concatenate([block_of(block, events) for block, events in enumerate(COUNTS)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    with StoreWriter(folder, Schema(SCHEMA.theta, {name: SCHEMA.x[name] for name in SMALL[1:]}), "toy", {}, 0) as writer:
        for block, events in enumerate(COUNTS):
            writer.write_block(block, block_of(block, events))
    return folder


def assert_same(found: Table, expected: Table) -> None:
    assert list(found) == list(expected)
    for name, values in expected.items():
        if isinstance(values, Ragged):
            np.testing.assert_array_equal(found[name].offsets, values.offsets)
            np.testing.assert_array_equal(found[name].values, values.values)
            assert found[name].values.dtype == SCHEMA.columns[name].dtype
        else:
            np.testing.assert_array_equal(found[name], np.asarray(values, SCHEMA.columns[name].dtype))


INDEX = {
    "none": np.arange(0),
    "first": np.array([0]),
    "last": np.array([TOTAL - 1]),
    "all": np.arange(TOTAL),
    "every other": np.arange(0, TOTAL, 2),
    "edges": np.array([511, 512, 1299, 1300, 1339, 1340, 1852, 1853]),
    "few": np.array([3, 700, 1301, 2000], np.uint16),
    "a run": np.arange(1200, 1400),
    "random": np.flatnonzero(np.random.default_rng(1).random(TOTAL) < 0.3),
}


@pytest.mark.parametrize("portion", [1, 200_000, 2**40])
@pytest.mark.parametrize("kind", INDEX)
def test_events_come_as_from_the_whole_table(folder: Path, whole: Table, kind: str, portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "PORTION_BYTES", portion)
    store = Store(folder)
    assert_same(store.read_events(None, INDEX[kind]), take(whole, INDEX[kind]))
    assert_same(store.read_events(["waveform", "number"], INDEX[kind]), take({name: whole[name] for name in ("waveform", "number")}, INDEX[kind]))


def test_only_neighbourhoods_are_read_and_of_records_less(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, list[tuple[int, int]]] = {}
    real = Store.read_ranges

    def noted(self: Store, columns: Any, ranges: Any) -> Table:
        for name in columns:
            asked.setdefault(name, []).extend(ranges)
        return real(self, columns, ranges)

    monkeypatch.setattr(Store, "read_ranges", noted)
    Store(folder).read_events(None, np.array([5, 600, 1301, 1900]))
    assert asked["number"] == asked["profile"] == asked["hits"] == [(0, 1024), (1300, 1340), (1853, 2365)]
    assert asked["waveform"] == [(4, 8), (600, 604), (1300, 1304), (1897, 1901)]
    asked.clear()
    monkeypatch.setattr(read, "PORTION_BYTES", 1)
    Store(folder).read_events(["number"], np.array([5, 600, 1900]))
    # never more than one neighbourhood at once
    assert asked["number"] == [(0, 512), (512, 1024), (1853, 2365)]


def test_large_entries_are_read_by_their_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).random((6, 300, 300), dtype=np.float32)
    with StoreWriter(tmp_path, Schema(x={"image": SCHEMA.x["image"]}), "toy", {}, 0) as writer:
        writer.write_block(0, {"image": images})
    asked: list[tuple[int, int]] = []
    real = Store.read_ranges
    monkeypatch.setattr(Store, "read_ranges", lambda self, columns, ranges: asked.extend(ranges) or real(self, columns, ranges))
    np.testing.assert_array_equal(Store(tmp_path).read_events(None, np.array([1, 2, 5]))["image"], images[[1, 2, 5]])
    assert sum(stop - first for first, stop in asked) == 3


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (np.array([-1, 2]), "event -1 is outside the store's 0 to 2552"),
        (np.array([0, TOTAL]), "event 2553 is outside the store's 0 to 2552"),
        (np.array([3, 2]), "must rise, each once: 2 follows 3"),
        (np.array([2, 2]), "must rise, each once: 2 follows 2"),
        (np.array([0.5]), "one row of integers, got float64"),
        (np.array([True]), "one row of integers, got bool"),
        (np.array([[1]]), "one row of integers"),
    ],
)
def test_wrong_numbers_are_refused(folder: Path, index: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Store(folder).read_events(None, index)


def test_the_size_of_an_event_looks_at_the_whole_store(tmp_path: Path) -> None:
    """A store sorted by size: its first shard alone would say 4 bytes."""
    with StoreWriter(tmp_path, Schema(x={"hits": Column(ragged=True)}), "toy", {}, 0) as writer:
        for block, length in enumerate((1, 10, 100, 1000, 10_000)):
            writer.write_block(block, {"hits": Ragged(np.zeros(20 * length), np.arange(21) * length)})
    assert Store(tmp_path).event_bytes() == pytest.approx(4 * (1 + 100 + 10_000) / 3)
