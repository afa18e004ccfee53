"""One block's file: the same table gives the same bytes, and big columns are cut for reading by blocks."""

from __future__ import annotations

import io

import h5py
import numpy as np
import pytest

from cloudchamber.schema import Column, Ragged, Schema
from cloudchamber.store.shard import HEADER_BYTES, Header, encode


def column(shape: tuple[int, ...]) -> tuple[Schema, dict]:
    events = 3000 if np.prod(shape) < 1000 else 20
    return Schema(x={"a": Column(shape=shape)}), {"a": np.random.default_rng(0).random((events, *shape), dtype=np.float32)}


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [((), None), ((8,), None), ((32,), (512, 32)), ((200,), (256, 200)), ((45, 16, 9), (8, 45, 16, 9)), ((300, 300), (1, 300, 300))],
)
def test_chunks_are_a_power_of_two_of_events(shape: tuple[int, ...], chunks: tuple[int, ...] | None) -> None:
    schema, table = column(shape)
    with h5py.File(io.BytesIO(encode(table, schema, {}))) as file:
        stored = file["x/a"]
        assert (stored.chunks, stored.compression, stored.shuffle) == (chunks, "lzf" if chunks else None, chunks is not None)
        np.testing.assert_array_equal(stored[:], table["a"])


def test_ragged_values_are_compressed_and_may_be_empty() -> None:
    schema = Schema(x={"a": Column(ragged=True, dtype="int64")})
    values = np.zeros(100_000, np.int64)
    image = encode({"a": Ragged(values, [0, 0, len(values)])}, schema, {})
    assert len(image) < 0.1 * values.nbytes
    with h5py.File(io.BytesIO(image)) as file:
        assert file["x/a/offsets"][:].tolist() == [0, 0, 100_000]
    with h5py.File(io.BytesIO(encode({"a": Ragged(values[:0], [0, 0])}, schema, {}))) as file:
        assert file["x/a/values"].shape == (0,)


def test_same_table_same_bytes() -> None:
    schema, table = column((200,))
    assert encode(table, schema, {"block": 1}) == encode(table, schema, {"block": 1})


def test_the_checksum_covers_the_header() -> None:
    header = Header("d", 1, 10, 5)
    assert len(header.to_bytes()) == HEADER_BYTES
    digests = {Header(*fields).hasher().hexdigest() for fields in (("d", 1, 10, 5), ("e", 1, 10, 5), ("d", 2, 10, 5), ("d", 1, 11, 5), ("d", 1, 10, 6))}
    assert len(digests) == 5
