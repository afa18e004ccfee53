"""What generators are held to: the truth passes, a collapsed, a noisy and a bursting generator fail."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.bolometer.generators.measures import (
    COMPONENTS,
    Reference,
    components,
    generator_checks,
    numbers_of,
    octave_power,
    poisson_ks,
    reference_of,
    rises,
    window_correlations,
)
from cloudchamber.validate.check import CheckResult, run_checks

RATE_HZ, SAMPLES = 100.0, 200
SLOW = {"classifier AUC, network", "classifier AUC, trees"}


def windows(n: int, seed: int, rate_per_s: float = 20.0) -> NDArray[np.float64]:
    """Exponential pulses of heights E^-4 in three bolometers, which share them by their own parts, and a little noise of each."""
    random = rng(seed)
    power = 1e-3 * random.standard_normal((n, 3, SAMPLES))
    shape = np.exp(-np.arange(60) / 3.0)
    share = np.array([1.0, 0.6, 0.3])
    for window in power:
        for at in random.integers(-60, SAMPLES, random.poisson(rate_per_s * (SAMPLES + 60) / RATE_HZ)):
            first, last = max(at, 0), min(at + 60, SAMPLES)
            height = 0.1 * (1 - random.random()) ** (-1 / 3) * (1 + 0.3 * random.standard_normal(3)) * share
            window[:, first:last] += height[:, None] * shape[first - at : last - at]
    return power


TRUTH, SECOND, MORE, LEARNED = (windows(400, seed) for seed in (1, 2, 3, 4))
REFERENCE = reference_of(TRUTH, RATE_HZ)._replace(level_w=0.05)
TREE = cKDTree(components(LEARNED, REFERENCE))


def table(power: NDArray[np.float64]) -> Table:
    return numbers_of(power, REFERENCE, TREE)


def judged(power: NDArray[np.float64]) -> dict[str, CheckResult]:
    checks = [check for check in generator_checks() if check.name not in SLOW]
    return {result.name: result for result in run_checks(checks, table(TRUTH), table(power), table(SECOND), seed=1)}


def failed(power: NDArray[np.float64]) -> set[str]:
    return {name for name, result in judged(power).items() if result.verdict == "failed"}


def test_truth_fails_nothing_and_each_value_is_near_its_floor() -> None:
    found = judged(MORE)
    assert len(found) == 13 and not failed(MORE)
    assert all(abs(result.value - result.floor) < 5 * np.hypot(result.error, result.floor_error) for result in found.values())


def test_a_generator_of_few_windows_fails_in_degrees_of_freedom_and_copies_training() -> None:
    few = LEARNED[rng(5).integers(0, 8, 400)]
    assert {
        "effective degrees of freedom, relative",
        "window-to-window correlation, sigma over the simulator's",
        "nearest training window, relative",
    } <= failed(few)


def test_bolometers_of_their_own_fail_in_correlations_alone() -> None:
    order = [rng(6, bolometer).permutation(400) for bolometer in range(3)]
    apart = np.stack([MORE[order[bolometer], bolometer] for bolometer in range(3)], axis=1)
    assert failed(apart) == {"bolometer correlation, rms", "bolometer correlation, largest"}


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_too_narrow_and_too_wide_amplitudes_fail(factor: float) -> None:
    wrong = failed(factor * MORE)
    assert "amplitudes, KS" in wrong and "bolometer correlation, rms" not in wrong


def test_white_noise_and_another_rate_fail_where_they_must() -> None:
    assert "power spectrum, rms of octaves" in failed(np.abs(rng(7).standard_normal(MORE.shape)) * 3 * MORE.std())
    assert "rises a second, relative" in failed(windows(400, 8, rate_per_s=30.0))


def test_hits_that_come_in_a_rhythm_fail() -> None:
    power = 1e-3 * rng(9).standard_normal((400, 3, SAMPLES))
    power[:, :, 5::10] += 0.2
    assert judged(power)["times between rises, KS to exponential"].verdict == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_classifiers_tell_noise_and_not_truth(name: str) -> None:
    [check] = [check for check in generator_checks() if check.name == name]
    (alike, error), (noisy, _) = check.value(table(TRUTH), table(MORE)), check.value(table(TRUTH), table(MORE + 0.02 * rng(1).standard_normal(MORE.shape)))  # type: ignore[misc]
    assert abs(alike - 0.5) < 5 * error and noisy > 0.95


def test_waiting_times_without_memory_follow_the_law_of_their_window() -> None:
    random, waits, count = rng(10), [], 0
    for _ in range(4000):
        times = np.sort(random.uniform(0, 2.0, random.poisson(6.0)))
        waits.append(np.diff(times))
        count += len(times)
    wait_s = np.concatenate(waits)
    # the distance of n draws is 1.95 / sqrt(n) at a chance of 1e-3
    assert poisson_ks(wait_s, count / 8000.0, 2.0) < 2.5 / np.sqrt(len(wait_s))
    assert poisson_ks(2 * wait_s[wait_s < 1.0], count / 8000.0, 2.0) > 0.1
    # of arrivals that are seen as one where they are closer than 0.05 s
    seen, merged = [], 0
    for _ in range(4000):
        times = np.sort(random.uniform(0, 2.0, random.poisson(6.0)))
        kept = list(times[:1])
        for time in times[1:]:
            if time - kept[-1] > 0.05:
                kept.append(time)
        seen.append(np.diff(kept))
        merged += len(kept)
    assert poisson_ks(np.concatenate(seen), merged / 8000.0, 2.0, 0.05) < 3 / np.sqrt(merged) < 0.05 < poisson_ks(np.concatenate(seen), merged / 8000.0, 2.0)
    assert poisson_ks(0.5 * wait_s, count / 8000.0, 2.0) > 0.1 and poisson_ks(wait_s[:0], 1.0, 2.0) == 1.0


def test_rises_are_counted_once_with_their_whole_height() -> None:
    window = np.zeros((2, 20))
    window[0, 4:] = 3.0
    window[0, 10], window[0, 11:] = 5.0, 9.0
    window[1, 7:] = 2.5
    reference = Reference(10.0, 1.0, 1.5, np.zeros(20), np.zeros((1, 20)))
    heights, waits = rises(window[None], reference)
    assert heights[0].tolist() == [3.0, 6.0, 2.5] and waits[0][0].tolist() == [0.6] and waits[0][1] == 2
    heights, waits = rises(np.zeros((1, 2, 20)), reference)
    assert len(heights[0]) == len(waits[0][0]) == waits[0][1] == 0


def test_correlations_of_windows_are_those_of_white_noise_and_of_copies() -> None:
    sigma, square = window_correlations(rng(11).standard_normal((400, 2, 101)))
    # of white noise in n - 1 dimensions
    assert sigma.mean() == pytest.approx(0.1, rel=0.03) and (1 / square).mean() == pytest.approx(100, rel=0.05)
    sigma, square = window_correlations(np.tile(rng(12).standard_normal((1, 2, 100)), (80, 1, 1)))
    assert sigma.max() < 1e-7 and square.mean() == pytest.approx(1.0)


def test_octaves_and_components() -> None:
    power = octave_power(rng(13).standard_normal((50, 2, 1024)), 100.0)
    assert power.mean(axis=0) == pytest.approx(np.full(power.shape[1], 2 / 100.0), rel=0.1) and power.shape[1] == 7
    found = components(TRUTH, REFERENCE)
    assert found.shape == (400, COMPONENTS) and np.linalg.norm(found, axis=1) == pytest.approx(np.ones(400))
