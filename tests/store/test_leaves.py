"""Records are compared piece by piece when they are read, everything else before; shards without digests are still read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.schema import Column, Ragged, Schema
from cloudchamber.store import Store, StoreWriter
from cloudchamber.store.leaves import DIGEST_BYTES, LEAF_BYTES, Leaves, digests
from cloudchamber.store.shard import HEADER_BYTES, find_shards

SCHEMA = Schema(theta={"number": Column(shape=(15,), dtype="int64")}, x={"waveform": Column(shape=(2, 256), dtype="uint16", ragged=True)})
EVENTS, HITS = 8000, 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    values = np.arange(EVENTS * HITS * 512).astype(np.uint16).reshape(-1, 2, 256)
    with StoreWriter(tmp_path / "events", SCHEMA, "toy", {}, 0) as writer:
        writer.write_block(0, {"number": np.repeat(np.arange(EVENTS)[:, None], 15, axis=1), "waveform": Ragged(values, np.arange(EVENTS + 1) * HITS)})
    return tmp_path / "events"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def records_start(path: Path) -> int:
    with h5py.File(path) as file:
        return file["x/waveform/values"].id.get_offset()


def test_records_lie_in_one_piece_and_are_left_for_later(folder: Path) -> None:
    header = Store(folder).shards[0].header
    start = records_start(folder / "shard-000000.h5") - HEADER_BYTES
    assert header.records == ((start, start + EVENTS * HITS * 1024),)
    assert header.leaves == -(-header.image_bytes // LEAF_BYTES)
    assert header.file_bytes == (folder / "shard-000000.h5").stat().st_size == HEADER_BYTES + header.image_bytes + DIGEST_BYTES * header.leaves


def test_a_flipped_sample_is_found_when_its_piece_is_read(folder: Path) -> None:
    path = folder / "shard-000000.h5"
    flip(path, records_start(path) + 700 * HITS * 1024)
    store = Store(folder)
    assert len(store.read(events=slice(0, 200))["waveform"]) == 200
    with pytest.raises(ValueError, match=r"shard-000000.h5 does not match its checksum: delete that file"):
        store.read(events=slice(690, 720))
    assert len(store.read(["number"])["number"]) == EVENTS
    with pytest.raises(ValueError, match="checksum"):
        store.verify()
    assert len(Store(folder, verify_on_read=False).read()["waveform"]) == EVENTS


@pytest.mark.parametrize("at", [HEADER_BYTES + 50, -3, -40, None])
def test_a_flipped_byte_elsewhere_is_found_at_once(folder: Path, at: int | None) -> None:
    path = folder / "shard-000000.h5"
    if at is None:
        with h5py.File(path) as file:
            # a plain column in one piece, too
            assert file["theta/number"].chunks is None and file["theta/number"].nbytes > 2 * LEAF_BYTES
            at = file["theta/number"].id.get_offset() + file["theta/number"].nbytes // 2
    flip(path, at)
    with pytest.raises(ValueError, match="does not match its checksum"):
        Store(folder).read(["number"], slice(0, 1))


def test_pieces_are_compared_once(folder: Path) -> None:
    store, path = Store(folder), folder / "shard-000000.h5"
    before = store.read()["waveform"].values
    flip(path, records_start(path))
    assert (store.read()["waveform"].values != before).sum() == 1


def test_shards_without_digests_are_read(folder: Path) -> None:
    path = folder / "shard-000000.h5"
    [shard] = find_shards(folder, Store(folder).dataset.identity)
    expected = Store(folder).read()["waveform"].values
    image = path.read_bytes()[HEADER_BYTES : HEADER_BYTES + shard.header.image_bytes]
    old = replace(shard.header, leaves=0, records=(), blake2b="")
    hasher = old.hasher()
    hasher.update(image)
    path.write_bytes(replace(old, blake2b=hasher.hexdigest()).to_bytes() + image)
    assert b"leaves" not in path.read_bytes()[:HEADER_BYTES]
    Store(folder).verify()
    np.testing.assert_array_equal(Store(folder).read()["waveform"].values, expected)
    flip(path, -3)
    with pytest.raises(ValueError, match="does not match its checksum"):
        Store(folder).read(["number"])


def test_only_the_leaves_asked_for_are_read(tmp_path: Path) -> None:
    image = np.random.default_rng(2).bytes(3 * LEAF_BYTES + 100)
    path = tmp_path / "file"
    path.write_bytes(b"start" + image + b"more")
    expected = digests(image)
    assert len(expected) == 4 * DIGEST_BYTES
    flip(path, 5 + 2 * LEAF_BYTES)
    leaves = Leaves(expected, 5, len(image))
    with path.open("rb", buffering=0) as file:
        assert leaves.agree(file, LEAF_BYTES - 1, LEAF_BYTES + 1) and leaves.compared.tolist() == [True, True, False, False]
        assert leaves.agree(file, len(image) - 1, len(image)) and leaves.compared[3]
        assert not leaves.agree(file, 0, len(image)) and not leaves.compared[2]
