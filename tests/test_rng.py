"""The same seed and block give the same numbers; any other seed or block gives others."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from cloudchamber.rng import rng


def first(seed: int, *block: int | str) -> int:
    return int(rng(seed, *block).integers(2**63))


def test_same_block_same_numbers() -> None:
    np.testing.assert_array_equal(rng(7, "theta", 12).normal(size=5), rng(7, "theta", 12).normal(size=5))
    assert first(7, np.int64(3)) == first(7, 3)


def test_the_numbers_stay_the_same_between_versions() -> None:
    assert rng(7, "theta", 12).integers(0, 1000, 4).tolist() == [229, 148, 321, 373]


def test_every_other_seed_or_block_gives_other_numbers() -> None:
    blocks = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), ("theta",), ("x",), ("theta", 0), (0, "theta"), (2**32 - 1,), ("",)]
    values = [first(seed, *block) for seed, block in itertools.product((0, 1, 2**32, 2**64), blocks)]
    assert len(set(values)) == len(values)


def test_neighbouring_blocks_are_independent() -> None:
    draws = np.array([rng(1, block).random(500) for block in range(40)])
    assert stats.kstest(draws[:, 0], "uniform").pvalue > 1e-6
    assert stats.pearsonr(draws[:-1].ravel(), draws[1:].ravel()).pvalue > 1e-6


def test_what_is_no_block_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must not be negative, got -1"):
        rng(-1)
    with pytest.raises(ValueError, match=r"block number must be in \[0, 2\*\*32 - 1\], got -2"):
        rng(0, -2)
    # numpy would give it the numbers of (0, 1)
    with pytest.raises(ValueError, match="got 4294967296"):
        rng(0, 2**32)
    with pytest.raises(TypeError):
        rng(0, 1.5)  # type: ignore[arg-type]
