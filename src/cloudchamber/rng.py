"""Random numbers by block, so that a result does not depend on how many workers made it."""

from __future__ import annotations

import hashlib
import operator

import numpy as np


def rng(seed: int, *block: int | str) -> np.random.Generator:
    """A generator for one block of events: the same ``seed`` and ``block`` give the same numbers on every worker.

    ``block`` is any sequence of non-negative integers and words, such as ``rng(7, "theta", 12)``.
    """
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    words = [_word(part) for part in block]
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=words))


def _word(part: int | str) -> int:
    if isinstance(part, str):
        return int.from_bytes(hashlib.blake2s(part.encode(), digest_size=4).digest(), "little")
    # numpy cuts larger numbers into several words: 2**32 would give the numbers of (0, 1)
    if not 0 <= operator.index(part) < 2**32:
        raise ValueError(f"a block number must be in [0, 2**32 - 1], got {part}")
    return operator.index(part)
