"""Sampling anew keeps signal and time."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.surface_array.columns import BINS
from cloudchamber.studies.surface_array.formats.resample import DETECTOR, QUIET_SAMPLES, to_counts, to_samples, window


@pytest.mark.parametrize("step_ns", [2.5, 20.0, 25.0, 33.0])
def test_sums_and_mean_times_stay(step_ns: float) -> None:
    signal = np.random.default_rng(1).exponential(size=(2, 100))
    found = to_samples(signal, step_ns)
    np.testing.assert_allclose(found.sum(axis=1), signal.sum(axis=1))
    middle, fine = (np.arange(found.shape[1]) + 0.5) * 20.0, (np.arange(100) + 0.5) * step_ns
    np.testing.assert_allclose((found @ middle) / found.sum(axis=1), (signal @ fine) / signal.sum(axis=1), atol=0.05 * 20)
    if step_ns == 20.0:
        np.testing.assert_allclose(found, signal)


def test_a_long_record_is_cut_before_its_pulse() -> None:
    signal = np.zeros((2, 600))
    signal[:, 300:320] = 1.0
    kept, first, cropped = window(signal)
    assert (kept.shape, first, cropped) == ((2, BINS), 300 - QUIET_SAMPLES, False)
    assert kept.sum() == signal.sum()
    signal[:, 590] = 5.0
    assert window(signal)[2]
    short, first, cropped = window(np.ones((2, 10)))
    assert (first, cropped, short.sum()) == (0, False, 20)


def test_rounding_never_adds_up() -> None:
    signal = np.random.default_rng(2).exponential(0.004, (2, BINS))
    counts = to_counts(signal)
    assert counts.dtype == np.uint16
    np.testing.assert_allclose(counts.sum(axis=1), (DETECTOR.pedestal_counts + DETECTOR.counts_per_vem * signal).sum(axis=1), atol=0.51)
    assert to_counts(np.full((2, 4), 1e4)).max() == DETECTOR.saturation_counts
    assert (to_counts(signal, saturated=True).max(axis=1) == DETECTOR.saturation_counts).all()
    assert to_counts(np.full((2, 4), -1.0)).max() == 0
