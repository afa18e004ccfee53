"""Exact filters: a pulse by hand, and chunks that join to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.signal.filters import Starts, Tabled, filtered, pulse_table, start_filter

RATE, CONSTANTS = 100.0, np.array([0.01, 0.05])


def some_hits(n: int = 300, seconds: float = 3.0) -> Starts:
    random = rng(1)
    return Starts(np.sort(random.random(n)) * seconds, random.random((n, 3, 2)), 0.03 * random.random((n, 3, 2)))


def test_a_pulse_is_its_exponentials_at_the_samples() -> None:
    hits = Starts(np.array([0.123]), np.array([[[2.0, 1.0]]]), np.array([[[0.0, 0.031]]]))
    _, power = filtered(start_filter(1, 2), hits, 60, RATE, CONSTANTS)
    t = np.arange(60) / RATE
    expected = sum(np.where(t >= at, h * np.exp(-(t - at) / tau), 0.0) for at, h, tau in ((0.123, 2.0, 0.01), (0.154, 1.0, 0.05)))
    np.testing.assert_allclose(power[0], expected, atol=1e-14)


def test_pulses_add_up() -> None:
    hits = some_hits()
    both = filtered(start_filter(3, 2), hits, 300, RATE, CONSTANTS)[1]
    parts = [filtered(start_filter(3, 2), Starts(*(values[part] for values in hits)), 300, RATE, CONSTANTS)[1] for part in (slice(0, 100), slice(100, None))]
    np.testing.assert_allclose(both, parts[0] + parts[1], rtol=1e-12)


def some_tabled(n: int = 300, seconds: float = 3.0) -> Tabled:
    random = rng(2)
    # some without the second exponential, one without any
    gain = random.random((5, 2), np.float32) * np.array([[1, 1], [1, 0], [0, 1], [1, 0], [0, 0]], np.float32)
    table = pulse_table(gain, 0.03 * random.random((5, 2), np.float32), CONSTANTS)
    return Tabled(np.sort(random.random(n)) * seconds, random.random((n, 3), np.float32), random.integers(0, 5, (n, 3), np.int32), table)


def test_pulses_of_a_table_are_those_written_out() -> None:
    hits = some_tabled()
    one, two = (filtered(start_filter(3, 2), each, 300, RATE, CONSTANTS)[1] for each in (hits, hits.starts))
    np.testing.assert_allclose(one, two, rtol=1e-6)
    np.testing.assert_allclose(hits.height_w, hits.starts.height_w, rtol=1e-6)


def cut(hits: Starts | Tabled, given: int, until: int) -> Starts | Tabled:
    part = slice(given, until)
    if isinstance(hits, Tabled):
        return Tabled(hits.time_s[part], hits.energy_kev[part], hits.row[part], hits.table)
    return Starts(*(values[part] for values in hits))


@pytest.mark.parametrize("cuts", [(1,) * 5, (7, 100, 3), (299,)])
@pytest.mark.parametrize("early", [False, True], ids=["hits with their chunk", "all hits at once"])
@pytest.mark.parametrize("hits", [some_hits(), some_tabled()], ids=["written", "tabled"])
def test_chunks_join_to_the_bit(hits: Starts | Tabled, cuts: tuple[int, ...], early: bool) -> None:
    whole_state, whole = filtered(start_filter(3, 2, -10), hits, 310, RATE, CONSTANTS)
    state, parts, given = start_filter(3, 2, -10), [], 0
    for samples in (*cuts, 310 - sum(cuts)):
        until = len(hits.time_s) if early else int(np.searchsorted(hits.time_s, (state.next_sample + samples - 1) / RATE, side="right"))
        state, part = filtered(state, cut(hits, given, until), samples, RATE, CONSTANTS)
        parts.append(part)
        given = until
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    np.testing.assert_array_equal(state.level_w, whole_state.level_w)
    assert state.next_sample == whole_state.next_sample == 300


def test_a_hit_too_late_is_refused() -> None:
    state, _ = filtered(start_filter(3, 2), some_hits(0), 100, RATE, CONSTANTS)
    with pytest.raises(ValueError, match=r"time_s: a hit at 0\.\d+ s comes too late: the samples before 1 s are made"):
        filtered(state, some_hits(), 10, RATE, CONSTANTS)


def test_without_hits_there_is_nothing() -> None:
    state, power = filtered(start_filter(3, 2), some_hits(0), 50, RATE, CONSTANTS)
    assert not power.any() and not state.level_w.any() and len(state.pending.time_s) == 0
