"""Values that repeat."""

import numpy as np
import pytest

from cloudchamber.statistics.repeats import repeated_difference, repeats


def energies(seed: int, line: float, share: float = 0.02, zeros: float = 0.3, n: int = 20_000) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.exponential(size=n).astype(np.float32)
    place = random.random(n)
    values[place < share] = np.float32(line)
    values[place > 1 - zeros] = 0.0
    return values


def test_a_line_is_told_apart_by_its_last_bit() -> None:
    truth, same = energies(1, 0.511), energies(2, 0.511)
    beside = energies(2, float(np.nextafter(np.float32(0.511), np.float32(1))))
    # exchanged events: the shares of 20,000 are known to 0.003 and 0.001
    assert repeated_difference(truth, same) < 0.015
    assert repeated_difference(truth, beside) == pytest.approx(0.02, abs=0.008)
    found = repeats(truth, beside)
    assert set(found) == {0.0, float(np.float32(0.511)), float(np.nextafter(np.float32(0.511), np.float32(1)))}
    assert found[float(np.float32(0.511))][1] == 0.0


def test_too_many_and_too_few_zeros_are_told_apart() -> None:
    truth = energies(1, 0.511)
    assert repeated_difference(truth, energies(2, 0.511, zeros=0.35)) == pytest.approx(0.05, abs=0.02)
    assert repeated_difference(truth, energies(2, 0.511, zeros=0.25)) == pytest.approx(0.05, abs=0.02)
    assert repeated_difference(truth, truth) == 0.0


def test_copies_of_one_answer_are_told() -> None:
    random = np.random.default_rng(1)
    truth, one = random.normal(size=1000), random.normal()
    assert repeated_difference(truth, np.full(1000, one)) == 1.0
    assert repeated_difference(truth, random.normal(size=1000)) == 0.0
