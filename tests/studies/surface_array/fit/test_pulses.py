from typing import Any

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.fit.pulses import analyse

DETECTOR = Detector()


def record(particles: Any, seed: int = 1, layers: int = 2) -> np.ndarray:
    """Samples (2, 256) of ``particles``, pairs of a time [ns] and a signal [VEM], in the first ``layers``."""
    time = np.arange(DETECTOR.bins) * DETECTOR.step_ns
    pulse = np.zeros_like(time)
    for start, vem in particles:
        after = np.maximum(time - start, 0.0)
        pulse += vem * DETECTOR.counts_per_vem_peak * (np.exp(-after / DETECTOR.fall_ns) - np.exp(-after / DETECTOR.rise_ns))
    samples = DETECTOR.pedestal_counts + DETECTOR.noise_counts * rng(seed).standard_normal((2, DETECTOR.bins))
    samples[:layers] += pulse
    return np.clip(np.round(samples), 0, DETECTOR.saturation_counts).astype(np.uint16)


def test_signals_and_times_of_single_pulses() -> None:
    rows = [(vem, seed) for vem in (1.0, 5.0, 100.0) for seed in range(50)]
    pulses = analyse(np.stack([record([(300.0 + seed % 20, vem)], seed) for vem, seed in rows]), DETECTOR)
    vem, seed = np.array(rows).T
    assert pulses.usable.all() and not pulses.saturated.any()
    ratio = pulses.density * DETECTOR.area_m2 / vem
    for signal, width in ((1.0, 0.05), (5.0, 0.03), (100.0, 0.03)):
        # 3 % of a pulse lie between the samples that its phase leaves out
        assert ratio[vem == signal].mean() == pytest.approx(1.0, abs=width)
    late = pulses.time_ns - 300.0 - seed % 20
    assert np.all(late[vem == 100.0] > -20) and np.all(np.abs(late[vem >= 5.0]) < 20) and np.all(np.abs(late) < 40)


def test_noise_adds_little_to_one_muon() -> None:
    density = analyse(np.stack([record([(300.0, 1.0)], seed) for seed in range(200)]), DETECTOR).density
    assert density.std() * DETECTOR.area_m2 < 0.08


def test_the_time_is_the_first_pulse_s() -> None:
    one, two = analyse(np.stack([record([(300.0, 3.0), (2000.0, 50.0)]), record([(300.0, 3.0)])]), DETECTOR).time_ns
    assert one == pytest.approx(two, abs=1.0)


def test_a_particle_in_one_layer_alone() -> None:
    one, both = analyse(np.stack([record([(300.0, 4.0)], layers=1), record([(300.0, 4.0)])]), DETECTOR).density
    assert one == pytest.approx(both / 2, rel=0.05)


def test_a_dead_layer_does_not_halve_the_signal() -> None:
    waveform = np.stack([record([(300.0, 4.0)])] * 2)
    waveform[1, 1] = 0
    both, one = analyse(waveform, DETECTOR).density
    assert one == pytest.approx(both, rel=0.05)


def test_saturation() -> None:
    pulses = analyse(np.stack([record([(300.0, 1000.0)]), record([(300.0, 100.0)])]), DETECTOR)
    assert pulses.saturated.tolist() == [True, False] and pulses.usable.all()
    assert pulses.density[0] > pulses.density[1]


def test_records_without_a_pulse_are_not_usable() -> None:
    nan = record([(300.0, 4.0)]).astype(float)
    nan[0, 7] = np.nan
    flat, full = np.full((2, 256), 5.0), np.full((2, 256), 4095.0)
    pulses = analyse(np.stack([nan, flat, full, record([]), record([(300.0, 4.0)])]), DETECTOR)
    assert pulses.usable.tolist() == [False, False, False, False, True]


def test_wild_samples_give_finite_numbers_where_usable() -> None:
    pulses = analyse(rng(3).integers(0, 4096, (100, 2, 256)).astype(np.uint16), DETECTOR)
    assert np.isfinite(pulses.density).all() and np.isfinite(pulses.time_ns[pulses.usable]).all()
    assert len(analyse(np.empty((0, 2, 256), np.uint16), DETECTOR).density) == 0
