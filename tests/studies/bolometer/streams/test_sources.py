"""Hits from the simulator, and from a trained model in its place."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.schema import Table, events_in
from cloudchamber.studies.bolometer.columns import hits_schema
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.streams.sources import Learned, Simulated, Span, Tabulated
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.studies.bolometer.wafer.hits import rates_per_s

DETECTOR, RAYS = Detector(), CosmicRays()
SPAN = Span(12, 1e9, 60.0, 400.0, rates_per_s(DETECTOR, RAYS, np.array([400.0]))[:, 0])
TARGET, GIVEN = ("deposit_kev", "x_mm", "y_mm", "amplitude_w"), ("phi_mv", "thickness_um", "family")


def perfect(target: tuple[str, ...] = TARGET, given: tuple[str, ...] = GIVEN) -> Any:
    """A model that answers as the simulator itself."""

    def sample(table: Table, seed: int, outside: str) -> Table:
        drawn = HitsView().simulate(table, rng(seed))
        return {name: drawn[name] for name in target}

    schema = hits_schema(12, 3)
    columns = {"given_columns": schema.select(given), "target_columns": schema.select(target)}
    return SimpleNamespace(study="bolometer", name="perfect", target=target, given=given, sample=sample, **columns)


def test_a_perfect_model_makes_the_simulator_s_hits() -> None:
    """Rates, heights and shares of the exponentials: the sum over a minute's hits of both, and what each exponential has of it."""
    one = Simulated().draw(DETECTOR, RAYS, 500.0, ("wafer", "absorber"), SPAN, 1)
    two = Learned(perfect()).draw(DETECTOR, RAYS, 500.0, ("wafer", "absorber"), SPAN, 1)
    n = events_in(one.truth), events_in(two.truth)
    assert abs(n[0] - n[1]) < 5 * np.sqrt(sum(n))
    for found in (one, two):
        assert np.all(np.diff(found.starts.time_s) >= 0) and found.starts.time_s.min() >= 1e9 and found.starts.time_s.max() < 1e9 + 60
    wafer = [found.starts.amplitude_w[found.truth["family"] == 0] for found in (one, two)]
    shares = [np.median(each / each.sum(axis=2, keepdims=True), axis=0) for each in wafer]
    assert np.allclose(*shares, atol=0.02)
    delays = [np.median(found.starts.delay_s, axis=0) for found in (one, two)]
    assert np.allclose(*delays, rtol=0.1)


def test_shares_are_those_of_the_place() -> None:
    """Bolometer by bolometer: a detector without scatter has exactly these heights."""
    detector = replace(DETECTOR, scatter=0.0)

    def sample(table: Table, seed: int, outside: str) -> Table:
        kept.update(HitsView(detector=detector).simulate(table, rng(seed)))
        return {name: kept[name] for name in TARGET}

    kept: Table = {}
    model = perfect()
    model.sample = sample
    found = Learned(model).draw(detector, RAYS, 500.0, ("wafer", "absorber"), SPAN, 1)
    expected = kept["amplitude_w"][:, :, None] * kept["weight"]
    assert np.allclose(found.starts.amplitude_w, expected, rtol=2e-4, atol=1e-24)
    assert np.array_equal(found.truth["bolometer"], kept["bolometer"])


def test_the_packaged_run_is_drawn_from_tables() -> None:
    source = Learned.of(load("bolometer/events"))
    assert isinstance(source, Tabulated)
    one, two = (each.draw(DETECTOR, RAYS, 500.0, ("wafer", "absorber"), SPAN, 1) for each in (Simulated(), source))
    n = events_in(one.truth), events_in(two.truth)
    assert abs(n[0] - n[1]) < 5 * np.sqrt(sum(n)) and np.all(np.diff(two.starts.time_s) >= 0)
    deposits = [np.median(found.truth["deposit_kev"][found.truth["family"] == 0]) for found in (one, two)]
    assert deposits[1] == pytest.approx(deposits[0], rel=0.05)
    # the flux tells the rate, as of the simulator's hits
    rays = replace(RAYS, threshold_gev=10.0)
    few = source.draw(DETECTOR, rays, 500.0, ("wafer",), SPAN._replace(rates_per_s=rates_per_s(DETECTOR, rays, np.array([400.0]))[:, 0]), 1)
    assert set(few.truth["family"]) == {0} and 0 < events_in(few.truth) < 0.2 * n[1]


def test_no_hits_are_no_error() -> None:
    for source in (Simulated(), Learned(perfect()), Learned.of(load("bolometer/events"))):
        assert events_in(source.draw(DETECTOR, RAYS, 500.0, ("absorber",), SPAN._replace(duration_s=1e-3), 1).truth) == 0


def test_a_model_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"draws no amplitude_w: a stream needs"):
        Learned(perfect(target=("deposit_kev", "x_mm", "y_mm")))
    with pytest.raises(ValueError, match=r"is given deposit_kev, which a stream does not know"):
        Learned(perfect(target=("deposit_kev", "x_mm", "y_mm", "amplitude_w"), given=("deposit_kev",)))
    with pytest.raises(ValueError, match=r"learned 12 bolometers, and the stream's detector has 2"):
        Learned(perfect()).refuse(np.array([400.0]), 500.0, ("wafer",), 2)
