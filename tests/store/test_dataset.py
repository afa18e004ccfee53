"""Two datasets are the same when all that decides the events is the same."""

from __future__ import annotations

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
