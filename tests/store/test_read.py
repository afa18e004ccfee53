"""What was written comes back; what is damaged is refused, with the file's name and the way out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.schema import Column, Ragged, Schema, Table, concatenate, take
from cloudchamber.store import Store, StoreWriter
from cloudchamber.store.dataset import Dataset

SCHEMA = Schema(
    theta={"energy_ev": Column(unit="eV", dtype="float64"), "primary": Column(categories=("proton", "iron"))},
    x={
        "profile": Column(shape=(200,), unit="particles", doc="charged particles"),
        "hits_m": Column(shape=(2,), unit="m", ragged=True),
        "triggered": Column(dtype="bool"),
        "image": Column(shape=(3, 4)),
    },
)
COUNTS = (700, 0, 40, 513)
MAKE_AGAIN = "delete that file and run the same simulate command again, which makes only that block"


def make_table(seed: int, events: int) -> Table:
    draw = np.random.default_rng(seed)
    lengths = draw.integers(0, 9, events)
    return {
        "energy_ev": draw.uniform(1e17, 1e19, events),
        "primary": draw.integers(0, 2, events),
        "profile": draw.normal(size=(events, 200)).astype(np.float32) * (np.arange(200) < 120),
        "hits_m": Ragged(draw.normal(size=(lengths.sum(), 2)).astype(np.float32), np.concatenate([[0], np.cumsum(lengths)])),
        "triggered": draw.random(events) < 0.5,
        "image": draw.normal(size=(events, 3, 4)).astype(np.float32),
    }


def assert_same(found: Table, expected: Table) -> None:
    assert list(found) == list(expected)
    for name, values in expected.items():
        if isinstance(values, Ragged):
            np.testing.assert_array_equal(found[name].offsets, values.offsets)
            values, stored = values.values, found[name].values
        else:
            stored = found[name]
        assert stored.dtype == values.dtype
        np.testing.assert_array_equal(stored, values)


@pytest.fixture(scope="module")
def whole() -> Table:
    return concatenate([make_table(block, events) for block, events in enumerate(COUNTS)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with StoreWriter(tmp_path / "events", SCHEMA, "toy", {"step": 10, "edges": (1, 2)}, 3) as writer:
        for block, events in enumerate(COUNTS):
            writer.write_block(block, make_table(block, events))
    return tmp_path / "events"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_whole_store(folder: Path, whole: Table) -> None:
    store = Store(folder)
    assert (store.simulator, store.settings, store.seed, store.schema) == ("toy", {"step": 10, "edges": [1, 2]}, 3, SCHEMA)
    assert (store.n_events, len(store), store.blocks) == (sum(COUNTS), sum(COUNTS), [0, 1, 2, 3])
    assert [shard.header.events for shard in store.shards] == list(COUNTS)
    assert_same(store.read(), whole)
    store.verify()


@pytest.mark.parametrize(
    "events", [slice(0, 10), slice(690, 760), slice(700, 740), slice(-5, None), slice(650, 1200), slice(5, 5), slice(9, 3), slice(1000, 99_999)]
)
def test_slices(folder: Path, whole: Table, events: slice) -> None:
    assert_same(Store(folder).read(events=events), take(whole, events))


def test_columns_in_the_order_asked(folder: Path, whole: Table) -> None:
    assert_same(Store(folder).read(["hits_m", "energy_ev"], slice(3, 1100)), take({name: whole[name] for name in ("hits_m", "energy_ev")}, slice(3, 1100)))


def test_several_ranges(folder: Path, whole: Table) -> None:
    ranges = [(1200, 1253), (0, 3), (699, 741), (0, 3)]
    assert_same(Store(folder).read_ranges(None, ranges), take(whole, np.concatenate([np.arange(*each) for each in ranges])))


def test_bytes_of_an_event(folder: Path, tmp_path: Path) -> None:
    store = Store(folder)
    assert store.event_bytes(["energy_ev", "image"]) == 8 + 4 * 12
    lengths = np.concatenate([np.diff(make_table(block, events)["hits_m"].offsets) for block, events in enumerate(COUNTS)])
    assert store.event_bytes(["hits_m"]) == pytest.approx(8 * lengths.mean())
    assert Store(StoreWriter(tmp_path / "empty", SCHEMA, "toy", {}, 0).folder).event_bytes(["hits_m"]) == 8


def test_an_empty_store_gives_an_empty_table(tmp_path: Path) -> None:
    StoreWriter(tmp_path, SCHEMA, "toy", {}, 0)
    table = Store(tmp_path).read()
    assert {name: len(values) for name, values in table.items()} == dict.fromkeys(SCHEMA.columns, 0)
    assert table["profile"].shape == (0, 200)
    assert table["hits_m"].values.shape == (0, 2)


def test_wrong_questions(folder: Path) -> None:
    store = Store(folder)
    with pytest.raises(ValueError, match=r"no column 'energy' in the schema; it has: energy_ev, primary"):
        store.read(["energy"])
    with pytest.raises(ValueError, match="slice of step 1"):
        store.read(events=slice(0, 10, 2))
    with pytest.raises(ValueError, match=r"events 0 to 1254 are outside the store's 0 to 1253"):
        store.read_ranges(None, [(0, 1254)])


def test_folder_that_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not an event store: it has no dataset.json; make a store with `cloudchamber simulate`"):
        Store(tmp_path)


@pytest.mark.parametrize(("content", "words"), [('{"seed": 1', "is damaged"), ('{"format_version": 99}', "store format 99")])
def test_strange_dataset_json(folder: Path, content: str, words: str) -> None:
    (folder / "dataset.json").write_text(content)
    with pytest.raises(ValueError, match=words):
        Store(folder)


def test_edited_dataset_json_is_noticed(folder: Path) -> None:
    path = folder / "dataset.json"
    path.write_text(path.read_text().replace('"seed": 3', '"seed": 4'))
    with pytest.raises(ValueError, match=r"dataset.json is damaged \(it does not match its checksum\)"):
        Store(folder)


def test_a_dataset_json_of_another_store_does_not_fit_its_shards(folder: Path) -> None:
    path = folder / "dataset.json"
    path.write_bytes(replace(Dataset.read(folder), seed=4).to_bytes())
    with pytest.raises(ValueError, match=r"shard-000000.h5 belongs to another dataset"):
        Store(folder)


@pytest.mark.parametrize("size", [0, 100, 512, 5000])
def test_truncated_shard(folder: Path, size: int) -> None:
    path = folder / "shard-000002.h5"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=rf"shard-000002.h5 is truncated .*{MAKE_AGAIN}"):
        Store(folder)
    path.unlink()
    assert Store(folder).blocks == [0, 1, 3]


def test_flipped_byte_is_found_before_it_is_read(folder: Path, whole: Table) -> None:
    path = folder / "shard-000003.h5"
    flip(path, path.stat().st_size // 2)
    store = Store(folder)
    assert_same(store.read(events=slice(0, 740)), take(whole, slice(0, 740)))
    with pytest.raises(ValueError, match=rf"shard-000003.h5 does not match its checksum: {MAKE_AGAIN}"):
        store.read(["energy_ev"], slice(740, 741))
    path.unlink()
    with StoreWriter(folder, SCHEMA, "toy", {"step": 10, "edges": (1, 2)}, 3) as writer:
        assert writer.missing(4) == [3]
        writer.write_block(3, make_table(3, COUNTS[3]))
    assert_same(Store(folder).read(), whole)


def test_every_flipped_byte_is_found(folder: Path) -> None:
    path = folder / "shard-000002.h5"
    intact = path.read_bytes()
    for at in np.random.default_rng(0).choice(len(intact), 50, replace=False).tolist() + list(range(0, 512, 23)):
        flip(path, at)
        with pytest.raises(ValueError, match=r"shard-000002.h5 "):
            Store(folder).verify()
        path.write_bytes(intact)
    Store(folder).verify()


def test_verify_lists_every_broken_shard(folder: Path) -> None:
    for block in (0, 3):
        flip(folder / f"shard-00000{block}.h5", 3000)
    with pytest.raises(ValueError, match=r"shard-000000.h5 .*; .*shard-000003.h5 "):
        Store(folder).verify()


def test_checksums_are_compared_once(folder: Path, whole: Table) -> None:
    store = Store(folder)
    store.read(["energy_ev"])
    unread = Store(folder, verify_on_read=False)
    # a flip in the middle of the last shard's pixels: neither store looks again
    path = folder / "shard-000003.h5"
    flip(path, path.read_bytes().index(whole["image"][-1].tobytes()))
    for each in (store, unread):
        assert (each.read(["image"])["image"] != whole["image"]).sum() == 1
    with pytest.raises(ValueError, match="checksum"):
        store.verify()


def test_a_shard_that_hdf5_cannot_read_is_named(folder: Path) -> None:
    flip(folder / "shard-000000.h5", 512)
    with pytest.raises(ValueError, match=rf"shard-000000.h5 cannot be read .*{MAKE_AGAIN}"):
        Store(folder, verify_on_read=False).read()


def test_renamed_shard(folder: Path) -> None:
    (folder / "shard-000003.h5").rename(folder / "shard-000009.h5")
    with pytest.raises(ValueError, match=r"shard-000009.h5 holds block 3: rename it to shard-000003.h5"):
        Store(folder)


def test_half_written_files_are_not_seen(folder: Path) -> None:
    for name in ("shard-000004.h5.123-abcd.tmp", ".shard-000004.h5.host-123-0123abcd.tmp.h5"):
        (folder / name).write_bytes((folder / "shard-000003.h5").read_bytes()[:4000])
    assert Store(folder).blocks == [0, 1, 2, 3]


def test_shards_are_plain_hdf5_with_units(folder: Path) -> None:
    with h5py.File(folder / "shard-000000.h5") as file:
        assert (file.attrs["events"], file.attrs["block"]) == (700, 0)
        assert (file["x/profile"].attrs["unit"], file["x/profile"].attrs["doc"]) == ("particles", "charged particles")
        assert list(file["theta/primary"].attrs["categories"]) == ["proton", "iron"]
        assert set(file["x/hits_m"]) == {"values", "offsets"}
