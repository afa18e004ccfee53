"""What a station's record says: signal, time of the first particles, saturation.

The pedestal is the mean of the samples that lie near it. The signal is the area of the pulses alone, so that the noise of an almost empty record of 5 us does
not bury one muon. The time is where the first pulse of a layer leaves the pedestal, by its rising edge, averaged over the two layers if both saw it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from cloudchamber.studies.surface_array.array.detector import Detector

QUIET_SIGMA, PULSE_SIGMA = 3.0, 5.0
"""A sample belongs to the pedestal below the first, to a pulse above the second, in standard deviations of the noise."""
BEFORE, AFTER = 2, 8
"""Samples about those of a pulse that its area takes in: its light falls by e in 2.25 samples."""
LAYERS_APART_NS = 100.0


class Pulses(NamedTuple):
    """Of each record: mean density of the layers [VEM/m2], time of the first particles after the first sample [ns], saturation, whether there is a pulse."""

    density: np.ndarray
    time_ns: np.ndarray
    saturated: np.ndarray
    usable: np.ndarray


def analyse(waveforms: np.ndarray, detector: Detector) -> Pulses:
    """The pulses of ``waveforms`` (records, layers, samples) [counts]; a record that holds anything but finite numbers is not usable."""
    waveforms = np.asarray(waveforms)
    finite = np.ones(len(waveforms), bool)
    if waveforms.dtype.kind == "f":
        finite = np.isfinite(waveforms).all(axis=(1, 2))
        waveforms = np.where(finite[:, None, None], waveforms, 0.0)
    noise = max(detector.noise_counts, 0.3)
    areas, times, saturated = _analyse(
        waveforms, detector.pedestal_counts, noise, detector.saturation_counts, detector.step_ns, detector.pre_samples - detector.window_samples
    )
    return Pulses(areas / (detector.counts_per_vem * detector.area_m2), times, saturated, finite & (areas > 0) & np.isfinite(times))


@njit(cache=True)
def _analyse(waveforms, pedestal_counts, noise, saturation, step_ns, quiet_samples):  # type: ignore[no-untyped-def]
    """Mean area of the layers [counts], time [ns] (NaN without a pulse) and saturation of each record."""
    records, layers = waveforms.shape[:2]
    areas, times, saturated = np.zeros(records), np.full(records, np.nan), np.zeros(records, np.bool_)
    for record in range(records):
        working, area, first, mean, seen = 0, 0.0, np.inf, 0.0, 0
        for layer in range(layers):
            samples_of = waveforms[record, layer]
            if samples_of.min() == samples_of.max():
                continue
            working += 1
            pedestal = _pedestal(samples_of, pedestal_counts, noise, quiet_samples)
            counts, edge, full = _pulse(samples_of, pedestal, PULSE_SIGMA * noise, saturation)
            area += counts
            saturated[record] |= full
            if edge >= 0.0:
                time = edge * step_ns
                if time < first - LAYERS_APART_NS:
                    first, mean, seen = time, time, 1
                elif time < first + LAYERS_APART_NS:
                    first, mean, seen = min(first, time), mean + time, seen + 1
        if seen:
            areas[record], times[record] = area / working, mean / seen
    return areas, times, saturated


@njit(cache=True)
def _pedestal(samples, usual, noise, quiet_samples):  # type: ignore[no-untyped-def]
    """Mean of the samples near the level of those before the pulse."""
    level = 0.0
    for i in range(quiet_samples):
        level += samples[i]
    level = level / quiet_samples if quiet_samples > 0 else usual
    for _ in range(2):
        total, number = 0.0, 0
        for value in samples:
            if abs(value - level) < QUIET_SIGMA * noise:
                total += value
                number += 1
        if number < 8:
            return usual
        level = total / number
    return level


@njit(cache=True)
def _pulse(samples, pedestal, threshold, saturation):  # type: ignore[no-untyped-def]
    """Area of the pulses, position of the first one's edge in samples (-1 if there is none), and whether a sample is saturated."""
    area, edge, full = 0.0, -1.0, False
    until, n = 0, len(samples)
    for i in range(n):
        height = samples[i] - pedestal
        full |= samples[i] >= saturation
        if height > threshold:
            if edge < 0.0:
                if i == 0:
                    return 0.0, -1.0, full
                before = max(samples[i - 1] - pedestal, 0.0)
                edge = i - 1.0 + (threshold - before) / (height - before)
            for j in range(max(until, i - BEFORE), min(n, i + AFTER + 1)):
                area += samples[j] - pedestal
            until = max(until, min(n, i + AFTER + 1))
    return area, edge, full
