"""The matched filter on pulses that are known: exact where there is no noise but little, significances that are true, noise that is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.glitches.matched import find_pulses, noise_of, shapes_of
from cloudchamber.studies.bolometer.signal.filters import Starts, filtered, start_filter

SHAPES = shapes_of(PLANCK, PLANCK.rate_hz)


def data_of(samples: int, start: list[float], height: list[float], family: list[int]) -> np.ndarray:
    """Pulses through the study's own filters, (samples,)."""
    constants = len(PLANCK.time_constants_s)
    amplitude = np.array(height)[:, None, None] * np.array([PLANCK.families[code].near for code in family])[:, None]
    hits = Starts(np.array(start) / PLANCK.rate_hz, amplitude, np.zeros((len(start), 1, constants)))
    return filtered(start_filter(1, constants), hits, samples, PLANCK.rate_hz, np.array(PLANCK.time_constants_s))[1][0]


def test_pulses_are_found_where_they_are_also_on_one_another() -> None:
    start, height, family = [200.4, 206.7, 900.2, 1500.8, 1512.6], [900.0, 4000.0, 500.0, 60.0, 2000.0], [0, 0, 2, 2, 0]
    data = data_of(4000, start, height, family) + 0.5 * rng(1).standard_normal(4000)
    found = find_pulses(data / 0.5, SHAPES, 20.0)
    pulses = found.pulses
    assert pulses.sample.tolist() == np.ceil(start).astype(int).tolist() and pulses.family.tolist() == family
    assert np.allclose(pulses.sample - pulses.lead, start, atol=0.3)
    assert np.allclose(0.5 * pulses.height, height, rtol=0.2)
    # their starts are found on a grid, so that little of the highest is left
    assert np.abs(found.residual).max() < 10


def test_significances_are_true() -> None:
    """In noise alone as often above 3.5 as a Gaussian's, but for how many families are looked for."""
    noise = rng(2).standard_normal(100_000)
    found = find_pulses(noise, SHAPES, 3.5).pulses
    rate = len(found.sample) / len(noise)
    assert 1.0 < rate / 2.3e-4 < 4.0
    data = data_of(60_000, [float(place) for place in range(150, 59_000, 300)], [30.0] * 197, [2] * 197) + rng(3).standard_normal(60_000)
    found_all = find_pulses(data, SHAPES, 5.0)
    found = found_all.pulses
    near = np.abs((found.sample - 150 + 10) % 300 - 10) < 4
    assert near.sum() >= 195
    assert abs(np.std(found_all.residual) - 1) < 0.02 and abs(np.median(found.height[near]) - 30) < 1.5


def test_a_pulse_at_the_very_end_makes_no_others() -> None:
    for end in (3990.5, 3950.5):
        data = data_of(4000, [2000.5, end], [300.0, 5000.0], [0, 0]) + rng(5).standard_normal(4000)
        assert find_pulses(data, SHAPES, 5.0).pulses.sample.tolist() == [2001]


def test_noise_is_measured_beside_pulses() -> None:
    data = 2e-16 * rng(4).standard_normal((2, 20_000)) + 1e-17 * data_of(20_000, list(np.arange(100.0, 19_900, 180)), [500.0] * 110, [0] * 110)
    assert np.allclose(noise_of(data), 2e-16, rtol=0.05)
    assert noise_of(np.ones((1, 100))) == 0


def test_what_shares_a_wafer_or_is_no_sum_of_exponentials_is_refused() -> None:
    with pytest.raises(ValueError, match="shares a wafer"):
        shapes_of(Detector(), 156.25)
    for detector in (replace(PLANCK, decimation=2), replace(PLANCK, saturation_w=1e-12)):
        with pytest.raises(ValueError, match="decimated, or bent"):
            shapes_of(detector, 180.0)
