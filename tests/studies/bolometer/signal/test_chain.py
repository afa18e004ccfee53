"""The whole chain in chunks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.signal.chain import advance, burn_samples, samples_for, start_chain
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.wafer.hits import draw_arrivals


def arrivals(detector: Detector, start_s: float, seconds: float) -> Starts:
    found = draw_arrivals(detector, CosmicRays(), 400.0, 500.0, start_s, seconds, detector.family_names, rng(1))
    return Starts(found.time_s, found.pulses.amplitude_w, found.pulses.delay_s)


@pytest.mark.parametrize("decimation", [1, 5])
def test_a_stream_in_chunks_has_the_bits_of_one_piece(decimation: int) -> None:
    detector = replace(Detector(), decimation=decimation)
    first = -burn_samples(detector)
    total = samples_for(60, detector) - first
    hits = arrivals(detector, first / detector.rate_hz, total / detector.rate_hz)
    whole = advance(start_chain(detector, first), hits, total, detector)[1]
    state, parts, given = start_chain(detector, first), [], 0
    for samples in (1, 10, 33, total - 44):
        until = int(np.searchsorted(hits.time_s, (state.filter.next_sample + samples - 1) / detector.rate_hz, side="right"))
        state, part = advance(state, Starts(*(values[given:until] for values in hits)), samples, detector)
        parts.append(part)
        given = until
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_kept_samples_are_at_multiples_of_the_full_rate_s() -> None:
    """A slow pulse is about the same in data at both rates."""
    slow = replace(Detector(), time_constants_s=(0.5, 0.5, 0.5), saturation_w=0.0)
    hits = Starts(np.array([0.2]), np.full((1, 12, 3), 1e-15), np.zeros((1, 12, 3)))
    full, kept = (
        advance(start_chain(detector, -burn_samples(detector)), hits, samples_for(300 // decimation, detector) + burn_samples(detector), detector)[1][
            :, -(300 // decimation) :
        ]
        for decimation, detector in ((1, slow), (5, replace(slow, decimation=5)))
    )
    np.testing.assert_allclose(kept[:, 12:], full[:, ::5][:, 12:], rtol=0.02)


def test_what_came_before_the_burn_in_is_forgotten() -> None:
    detector = Detector()
    first = -burn_samples(detector)
    hits = arrivals(detector, first / detector.rate_hz - 1.0, 1.0 - first / detector.rate_hz + 2.0)
    long = advance(start_chain(detector, first - 200), hits, 500 - first, detector)[1][:, -300:]
    late = Starts(*(values[hits.time_s > (first - 1) / detector.rate_hz] for values in hits))
    short = advance(start_chain(detector, first), late, 300 - first, detector)[1][:, -300:]
    np.testing.assert_allclose(short, long, atol=1e-5 * long.max())
