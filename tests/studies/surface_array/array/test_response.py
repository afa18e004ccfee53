import numpy as np
import pytest
from numba import njit
from scipy.stats import kstest, moyal

from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.array.response import BOTH_SHARE, BUFFER, EXPLICIT, add_light, add_particles, digitise, electronics, energy_loss

IDEAL = Detector(noise_counts=0.0, gain_spread=0.0, photoelectrons_per_vem=1e9, saturation_counts=60_000)


@njit
def totals(n, muon, density, path, electronics, rng):  # type: ignore[no-untyped-def]
    """Energy losses (n, 2 layers) and first arrivals (n,)."""
    pulses, losses, first = np.zeros((2, 2, BUFFER)), np.zeros((n, 2)), np.zeros(n)
    for i in range(n):
        first[i] = add_particles(pulses, muon, density, path, 30.0, 2.0, (1.0, 1.0), electronics, losses[i], rng)
    return losses, first


def test_one_particle_loses_energy_by_moyals_distribution() -> None:
    rng = np.random.default_rng(1)
    assert kstest([energy_loss(1, 1.0, rng) for _ in range(4000)], moyal(0.87, 0.10).cdf).pvalue > 1e-6
    many = np.array([energy_loss(50, 2.0, rng) for _ in range(4000)])
    assert many.mean() == pytest.approx(100 * moyal(0.87, 0.10).mean(), rel=2e-3)
    assert many.std() == pytest.approx(2 * np.sqrt(50) * moyal(0.87, 0.10).std(), rel=0.06)


@pytest.mark.parametrize("density", [0.3, 5.0, 40.0, 300.0])
@pytest.mark.parametrize("muon", [True, False])
def test_mean_signal_and_layers_correlation(muon: bool, density: float) -> None:
    n = 2000
    losses, first = totals(n, muon, density, 1.2 if muon else 1.0, electronics(Detector()), np.random.default_rng(2))
    error = losses.std(axis=0) / np.sqrt(n)
    assert np.all(np.abs(losses.mean(axis=0) - 3.0 * density) < 5 * error)
    shared = 1.0 if muon else BOTH_SHARE / (0.5 + 0.5 * BOTH_SHARE)
    assert np.corrcoef(losses.T)[0, 1] == pytest.approx(shared, abs=0.06)
    assert first.min() >= 30.0


@pytest.mark.parametrize("muon", [True, False])
def test_fluctuations_do_not_change_where_particles_are_grouped(muon: bool) -> None:
    """Just below and just above the limit, sums and first arrivals have the same spread."""
    n, seen = 3000, (1.0 if muon else 0.5 + 0.5 * BOTH_SHARE)
    below, above = (
        totals(n, muon, factor * EXPLICIT * seen * moyal(0.87, 0.10).mean() / 3.0, 1.0, electronics(Detector()), np.random.default_rng(3))
        for factor in (0.999, 1.001)
    )
    assert below[0].mean() == pytest.approx(above[0].mean(), rel=0.02)
    assert below[0].std(axis=0) == pytest.approx(above[0].std(axis=0), rel=0.08)
    assert np.median(below[1]) == pytest.approx(np.median(above[1]), abs=0.02)


@pytest.mark.parametrize("sample", [30.0, 30.25, 30.9])
def test_record_is_the_sampled_pulse(sample: float) -> None:
    constants, pulses, record = electronics(IDEAL), np.zeros((2, 2, BUFFER)), np.zeros((2, 256), np.uint16)
    rng = np.random.default_rng(4)
    for layer in range(2):
        add_light(pulses, layer, sample, 100.0, 1.0, constants, rng)
    start, level1 = digitise(pulses, 30, record, constants, rng)
    t = 20.0 * np.clip(start + np.arange(256) - sample, 0, None)
    expected = np.floor(100 * IDEAL.counts_per_vem_peak * (np.exp(-t / 45) - np.exp(-t / 8)) + 5.5 + 0.5)
    assert np.abs(record - expected).max() <= 1
    # the first sample above threshold is pre_samples into the record
    assert np.all(record[:, : IDEAL.pre_samples] == 6)
    assert np.all(record[:, IDEAL.pre_samples] > 20)
    assert level1 == start + IDEAL.pre_samples


def test_single_layers_and_faint_light_leave_no_record() -> None:
    constants, record, rng = electronics(Detector()), np.zeros((2, 256), np.uint16), np.random.default_rng(5)
    pulses = np.zeros((2, 2, BUFFER))
    add_light(pulses, 0, 30.5, 5.0, 1.0, constants, rng)
    assert digitise(pulses, 30, record, constants, rng) == (-1, -1)
    add_light(pulses, 1, 30.5, 1.0, 1.0, constants, rng)
    start, level1 = digitise(pulses, 30, record, constants, rng)
    assert start >= 0
    assert level1 == -1


def test_saturation_and_pedestal() -> None:
    constants, record, rng = electronics(Detector()), np.zeros((2, 256), np.uint16), np.random.default_rng(6)
    pulses = np.zeros((2, 2, BUFFER))
    for layer in range(2):
        add_light(pulses, layer, 30.5, 2000.0, 1.0, constants, rng)
    digitise(pulses, 30, record, constants, rng)
    assert record.max() == 4095
    assert record[:, 100:].mean() == pytest.approx(5.5, abs=0.25)
    assert record[:, 100:].std() == pytest.approx(0.85, abs=0.15)
