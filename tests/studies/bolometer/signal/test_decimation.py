"""Decimation: what passes, what is kept out, when it is, and chunks that join to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.signal.decimation import decimated, reach, start_decimation, taps


def kept_of(data: np.ndarray, factor: int, first: int = 0) -> np.ndarray:
    return decimated(start_decimation(len(data), factor, first), data, factor)[1]


@pytest.mark.parametrize("factor", [5, 8])
def test_a_slow_sine_passes_at_its_time_and_a_fast_one_does_not(factor: int) -> None:
    n = np.arange(4000)
    cycles = 0.5 / factor
    for share, low, high in ((0.1, 0.9998, 1.0002), (0.75, 0.998, 1.002), (1.25, 0.0, 2e-4), (3.0, 0.0, 2e-4)):
        sine = np.sin(2 * np.pi * share * cycles * n + 0.3)[None]
        kept = kept_of(sine, factor)[0]
        # kept sample i is at sample i * factor; the first ones lack their past
        at = (np.arange(len(kept)) - reach(factor) // factor) * factor
        inside = at > 2 * reach(factor)
        phase = 2 * np.pi * share * cycles * at + 0.3
        gain = np.linalg.lstsq(np.stack([np.sin(phase), np.cos(phase)], axis=1)[inside], kept[inside])
        if high > 0.5:
            assert low < gain[0][0] < high and abs(gain[0][1]) < 1e-3
        else:
            assert np.abs(kept[inside]).max() < high


def test_a_constant_stays() -> None:
    kept = kept_of(np.full((2, 1000), 3.0), 5)
    np.testing.assert_allclose(kept[:, -50:], 3.0, rtol=1e-12)
    assert taps(5).sum() == pytest.approx(1.0) and len(taps(5)) % 2 == 1 and len(taps(1)) == 1


@pytest.mark.parametrize("cuts", [(1,) * 8, (3, 211, 40), (499,)])
def test_chunks_join_to_the_bit(cuts: tuple[int, ...]) -> None:
    data = rng(1).standard_normal((2, 500))
    whole = kept_of(data, 8, first=-21)
    state, parts, done = start_decimation(2, 8, -21), [], 0
    for samples in (*cuts, 500 - sum(cuts)):
        state, part = decimated(state, data[:, done : done + samples], 8)
        parts.append(part)
        done += samples
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    assert state.next_sample == 479
