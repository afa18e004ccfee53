"""Two datasets are the same when all that decides the events is the same."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cloudchamber.schema import Column, Schema
from cloudchamber.store.dataset import FILE, Dataset

DATASET = Dataset(Schema(x={"a": Column(low=0), "b": Column(doc="old words")}), "toy", {"step": 10, "nested": {"edges": (1, 2)}}, 3, "0.1.0")


def test_file_round_trip(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(DATASET.to_bytes())
    again = Dataset.read(tmp_path)
    assert again.schema == DATASET.schema
    assert again.identity == DATASET.identity
    assert again.differences(DATASET) == []


def test_intended_numbers_and_order_come_back_and_leave_the_identity(tmp_path: Path) -> None:
    more = replace(DATASET, events=2500, blocks=3, order="random")
    (tmp_path / FILE).write_bytes(more.to_bytes())
    again = Dataset.read(tmp_path)
    assert (again.events, again.blocks, again.order) == (2500, 3, "random")
    assert again.identity == DATASET.identity
    assert again.differences(DATASET) == []


def test_the_identity_is_that_of_version_1() -> None:
    # shards of version 1 carry it
    assert DATASET.identity == "1bff167fe71575a7f6eff20680974ffe"


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / FILE
    intact = replace(DATASET, events=2500, blocks=3, order="random").to_bytes()
    for at in range(len(intact)):
        for bit in range(8):
            path.write_bytes(intact[:at] + bytes([intact[at] ^ 1 << bit]) + intact[at + 1 :])
            with pytest.raises(ValueError, match=str(path)):
                Dataset.read(tmp_path)
    path.write_bytes(intact)
    Dataset.read(tmp_path)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\n", lambda data: data.replace(b" ", b"  ", 1), lambda data: b""])
def test_other_bytes_of_the_same_meaning_are_noticed(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    (tmp_path / FILE).write_bytes(change(DATASET.to_bytes()))
    with pytest.raises(ValueError, match="is damaged"):
        Dataset.read(tmp_path)


@pytest.mark.parametrize(
    ("settings", "order"),
    [
        ({"block_events": 1000}, "random"),
        ({"block_events": 1000, "theta_digest": "ab"}, "unknown"),
        ({"run": "toy", "given": "ab", "block_events": 10_000}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_version_1_stays_readable(tmp_path: Path, settings: dict, order: str) -> None:
    data = json.loads(replace(DATASET, settings=settings).to_bytes())
    old = {key: value for key, value in data.items() if key not in ("events", "blocks", "order", "sha256")} | {"format_version": 1}
    (tmp_path / FILE).write_text(json.dumps(old, indent=1) + "\n")
    found = Dataset.read(tmp_path)
    assert (found.events, found.blocks, found.order, found.format_version) == (None, None, order, 1)
    assert found.identity == replace(DATASET, settings=settings).identity


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_bytes(DATASET.to_bytes())

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(io, "open", refuse)
    with pytest.raises(PermissionError) as error:
        Dataset.read(tmp_path)
    assert str(error.value) == f"'{tmp_path / FILE}' may not be read: ask its owner for permission"


@pytest.mark.parametrize(
    "other",
    [
        replace(DATASET, package_version="0.2.0"),
        replace(DATASET, schema=Schema(x={"b": Column(doc="new words"), "a": Column(low=0.0)})),
        replace(DATASET, settings={"nested": {"edges": [1, 2]}, "step": 10}),
    ],
    ids=["package version", "words and order", "order and list for tuple"],
)
def test_what_leaves_the_identity(other: Dataset) -> None:
    assert other.identity == DATASET.identity
    assert other.differences(DATASET) == []


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (replace(DATASET, seed=4), "seed: 3 there, 4 now"),
        (replace(DATASET, settings={"step": 10, "nested": {"edges": (1, 3)}}), "setting 'nested': {'edges': [1, 2]} there, {'edges': [1, 3]} now"),
        (replace(DATASET, settings={"step": 10}), "setting 'nested': {'edges': [1, 2]} there, absent now"),
        (replace(DATASET, settings={**DATASET.settings, "none": None}), "setting 'none': absent there, None now"),
        (replace(DATASET, simulator="other"), "simulator: toy there, other now"),
    ],
)
def test_what_changes_the_identity(other: Dataset, difference: str) -> None:
    assert other.identity != DATASET.identity
    assert DATASET.differences(other) == [difference]


def test_a_column_that_moves_from_theta_to_x_differs() -> None:
    moved = replace(DATASET, schema=Schema({"a": Column(low=0)}, {"b": Column()}))
    assert moved.identity != DATASET.identity
    assert len(DATASET.differences(moved)) == 2
