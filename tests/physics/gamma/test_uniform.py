"""The compiled sequence beside its authors' code, and as a uniform one."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.stats import chisquare, kstest

from cloudchamber.physics.gamma.uniform import next_bits, state_of, uniform
from cloudchamber.rng import rng

MASK = (1 << 64) - 1


@njit
def bits(state: np.ndarray, n: int) -> np.ndarray:
    found = np.empty(n, np.uint64)
    for place in range(n):
        found[place] = next_bits(state)
    return found


@njit
def numbers(state: np.ndarray, n: int) -> np.ndarray:
    found = np.empty(n)
    for place in range(n):
        found[place] = uniform(state)
    return found


def published(one: int, two: int, n: int) -> list[int]:
    """xoroshiro128plus.c of 2018, in whole numbers."""

    def turned(x: int, k: int) -> int:
        return ((x << k) | (x >> (64 - k))) & MASK

    found = []
    for _ in range(n):
        found.append((one + two) & MASK)
        two ^= one
        one, two = turned(one, 24) ^ two ^ ((two << 16) & MASK), turned(two, 37)
    return found


def test_bits_are_those_of_the_published_code() -> None:
    state = state_of(rng(1))
    assert bits(state.copy(), 1000).tolist() == published(int(state[0]), int(state[1]), 1000)


def test_numbers_are_uniform_and_do_not_know_each_other() -> None:
    n = 400_000
    found = numbers(state_of(rng(2)), n)
    assert found.min() >= 0 and found.max() < 1
    assert kstest(found, "uniform").pvalue > 1e-6
    cells = (found[0::2] * 32).astype(int) * 32 + (found[1::2] * 32).astype(int)
    assert chisquare(np.bincount(cells, minlength=1024)).pvalue > 1e-6


def test_a_generator_gives_each_its_own_sequence() -> None:
    one, two = (numbers(state, 1000) for generator in [rng(3)] for state in (state_of(generator), state_of(generator)))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.16 and np.array_equal(one, numbers(state_of(rng(3)), 1000))
