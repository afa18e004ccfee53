"""Columns of a table as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cloudchamber.schema import Column, Ragged


def to_tensors(table: Mapping[str, Any], columns: Mapping[str, Column], events: slice = slice(None)) -> dict[str, Tensor]:
    """The ``columns`` of a checked table as tensors: float32, and int64 codes for categories.

    A ragged column becomes float32 (events, longest, ...), NaN where a set has no more elements; ``longest`` is at least 1.
    """
    tensors = {}
    for name, column in columns.items():
        values = table[name][events]
        if isinstance(values, Ragged):
            tensors[name] = torch.from_numpy(padded(values))
        else:
            tensors[name] = torch.from_numpy(np.array(values, dtype=np.int64 if column.categories else np.float32))
    return tensors


def padded(sets: Ragged) -> np.ndarray:
    """Elements of each set from the left, NaN beyond, float32 (events, longest, ...)."""
    lengths = np.diff(sets.offsets)
    there = np.arange(max(int(lengths.max(initial=0)), 1)) < lengths[:, None]
    table = np.full((*there.shape, *sets.values.shape[1:]), np.nan, dtype=np.float32)
    table[there] = sets.values
    return table
