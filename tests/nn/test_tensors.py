"""Columns as tensors."""

from __future__ import annotations

import numpy as np
import torch

from cloudchamber.nn.tensors import padded, to_tensors
from cloudchamber.schema import Column, Ragged


def test_sets_stand_left_and_nan_fills_the_rest() -> None:
    sets = Ragged(np.arange(10.0).reshape(5, 2), np.array([0, 3, 3, 5]))
    table = padded(sets)
    assert table.dtype == np.float32 and table.shape == (3, 3, 2)
    np.testing.assert_array_equal(np.isfinite(table[..., 0]), [[1, 1, 1], [0, 0, 0], [1, 1, 0]])
    np.testing.assert_array_equal(table[np.isfinite(table)], np.arange(10.0))


def test_categories_are_whole_numbers_and_only_the_events_asked_for_come() -> None:
    columns = {"kind": Column(categories=("a", "b"), dtype="int64"), "energy": Column()}
    tensors = to_tensors({"kind": np.array([0, 1, 1]), "energy": np.array([1.0, 2.0, 3.0]), "more": np.ones(3)}, columns, slice(1, 3))
    assert list(tensors) == ["kind", "energy"]
    assert tensors["kind"].dtype == torch.int64 and tensors["energy"].dtype == torch.float32
    assert tensors["kind"].tolist() == [1, 1] and tensors["energy"].tolist() == [2.0, 3.0]


def test_padding() -> None:
    sets = Ragged.from_list([np.array([1.0, 2.0]), np.array([]), np.array([3.0])])
    np.testing.assert_array_equal(padded(sets), np.array([[1, 2], [np.nan, np.nan], [3, np.nan]], np.float32))
    assert padded(sets[1:2]).shape == (1, 1)
    assert padded(Ragged(np.ones((3, 2)), np.array([0, 1, 3]))).shape == (2, 2, 2)
