from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cloudchamber.schema import Table
from cloudchamber.statistics.significance import direct_p_value
from cloudchamber.studies.cosmic_ray_sky.likelihood.sensitivity import (
    CLASSICAL,
    Sample,
    by_sampling,
    by_splitting,
    classical_methods,
    draw_sample,
    draw_skies,
    null_tail,
    vectors,
)
from cloudchamber.studies.cosmic_ray_sky.likelihood.toy_likelihood import log_bayes_factors
from cloudchamber.studies.cosmic_ray_sky.scans.tophat import discs, tophat_scans
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.skies.universe import Universe

LAW = Toy(n=80, composition="H")


def test_skies_have_the_signal_asked_for() -> None:
    for count in (0, 3):
        skies = draw_skies(LAW, count, 5, seed=1)
        assert all(signal.sum() == count for signal in skies["from_source"])
    universe = Universe(n=30, sources=3)
    assert all(signal.all() for signal in draw_skies(universe, 30, 4, seed=1)["from_source"])


@cache
def sample() -> Sample:
    return draw_sample(LAW, lambda skies, count: log_bayes_factors(LAW, skies, count), (3, 6), 60, seed=2)


def tophat(skies: Table) -> np.ndarray:
    return -tophat_scans(vectors(skies), skies["energy_ev"], discs(nside=8)).ln_p


def test_no_method_beats_the_optimum() -> None:
    best = by_sampling(sample()).medians
    assert best[0] > 0.4 and best[1] > best[0] + 1
    methods = classical_methods(LAW)
    assert set(methods) == set(CLASSICAL)
    found = {name: by_sampling(sample(), method(sample().skies)).medians for name, method in methods.items()}
    for values in found.values():
        finite = np.isfinite(values) & np.isfinite(best)
        assert np.all(values[finite] <= best[finite] + 0.3)
    assert found["lr-scan"][0] > found["autocorrelation"][0] - 0.1


def test_split_tails_agree_with_counting_and_state_what_is_needed() -> None:
    tail = null_tail(LAW, tophat, seed=1)
    counted = direct_p_value(np.array([tail.threshold(p) for p in (0.1, 0.03, 0.01, 0.003)]), tophat(draw_skies(LAW, 0, 5000, seed=3)))
    p, error = tail.p_value(np.array([tail.threshold(p) for p in (0.1, 0.03, 0.01, 0.003)]))
    assert np.all(np.abs(p - counted.p_value) < 4.5 * np.hypot(error, counted.high - counted.low))
    counts = (6, 8, 10, 12, 14)
    found = by_splitting(counts, [tophat(draw_skies(LAW, count, 100, seed=2)) for count in counts], tail)
    finite = found.medians[np.isfinite(found.medians)]
    assert len(finite) >= 2 and np.all(np.diff(finite) > 0)
    assert found.needed is not None and counts[0] < found.needed.signal < counts[-1] and 0 < found.needed.error < 1.5
    assert np.interp(5.0, found.medians[np.isfinite(found.medians)], counts[: len(finite)]) == pytest.approx(found.needed.signal, abs=1)


def test_a_crossing_outside_the_counts_is_not_quoted() -> None:
    tail = null_tail(LAW, classical_methods(LAW)["autocorrelation"], seed=1, until=3.0)
    found = by_splitting((2, 3), [np.zeros(5), np.full(5, 1e6)], tail)
    assert found.needed is None and found.medians[0] < 1 and np.isinf(found.medians[1])
