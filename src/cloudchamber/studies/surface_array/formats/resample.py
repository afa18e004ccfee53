"""Records of any sampling step as this study's: 256 samples of 20 ns in whole counts, with the signal kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.columns import BINS, STEP_NS

Array = NDArray[np.float64]
DETECTOR = Detector()
KEPT_SHARE = 0.99
"""Share of a long record's signal that its 256 samples must hold, or the event is flagged."""
RISEN_SHARE = 0.05
"""A pulse starts where the record first rises above this share of its maximum."""
QUIET_SAMPLES = DETECTOR.pre_samples - DETECTOR.window_samples
"""Samples of pedestal before a pulse's start, as a trigger leaves them."""


def to_samples(signal_vem: Array, step_ns: float) -> Array:
    """Signal (..., samples) of ``step_ns`` each, in samples of 20 ns, (..., ceil): the sum is kept, a sample's signal lies evenly within it."""
    edges = np.arange(signal_vem.shape[-1] + 1) * step_ns
    steps = int(np.ceil(edges[-1] / STEP_NS - 1e-9))
    summed = np.concatenate([np.zeros((*signal_vem.shape[:-1], 1)), np.cumsum(signal_vem, axis=-1)], axis=-1)
    wanted = np.minimum(np.arange(steps + 1) * STEP_NS, edges[-1])
    flat = [np.interp(wanted, edges, row) for row in summed.reshape(-1, summed.shape[-1])]
    return np.diff(np.array(flat), axis=-1).reshape(*signal_vem.shape[:-1], steps)


def window(signal_vem: Array) -> tuple[Array, int, bool]:
    """256 samples (2, 256) of two layers (2, samples), the sample they start with, and whether signal was lost: a long record is cut before its pulse."""
    samples = signal_vem.shape[-1]
    if samples <= BINS:
        return np.pad(signal_vem, ((0, 0), (0, BINS - samples))), 0, False
    mean = signal_vem.mean(axis=0)
    start = int(np.argmax(mean > RISEN_SHARE * mean.max())) if mean.max() > 0 else 0
    first = min(max(start - QUIET_SAMPLES, 0), samples - BINS)
    kept = signal_vem[:, first : first + BINS]
    positive = np.maximum(mean, 0)
    return kept, first, bool(np.maximum(kept.mean(axis=0), 0).sum() < KEPT_SHARE * positive.sum())


def to_counts(signal_vem: Array, saturated: bool = False) -> NDArray[np.uint16]:
    """FADC counts on the pedestal, (..., samples): rounding carries over to the next sample, so sums are right to one count; at most 4095.

    The largest sample of a ``saturated`` record reads 4095, whatever is in it.
    """
    level = np.maximum(DETECTOR.pedestal_counts + DETECTOR.counts_per_vem * signal_vem, 0)
    counts = np.diff(np.round(np.cumsum(level, axis=-1)), axis=-1, prepend=0)
    if saturated:
        np.put_along_axis(counts, np.argmax(counts, axis=-1)[..., None], DETECTOR.saturation_counts, axis=-1)
    return np.minimum(counts, DETECTOR.saturation_counts).astype(np.uint16)
