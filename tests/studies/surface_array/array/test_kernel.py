"""Events station by station: what a station sees on average and when, what the states mean, and that the book-keeping of many events keeps each apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy.stats import binomtest

from cloudchamber.rng import rng
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.array.kernel import (
    DEAD,
    FAINTEST_VEM,
    NOTHING,
    RECORDED,
    SILENT_WITHIN_M,
    Arrivals,
    Stations,
    draw_event,
    draw_events,
    draw_station,
    which_trigger,
)
from cloudchamber.studies.surface_array.array.lateral import densities, footprints
from cloudchamber.studies.surface_array.array.response import BUFFER, Electronics, electronics
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS

GRID = Grid()


def shower(lg_energy_ev: float = 19.5, zenith_deg: float = 30.0, azimuth_deg: float = 40.0, n: int = 1) -> tuple[Arrivals, Any]:
    """``n`` equal proton showers with the core 100 m and -200 m from the middle station."""
    values = {"energy_ev": 10**lg_energy_ev, "zenith_deg": zenith_deg, "azimuth_deg": azimuth_deg, "core_x_m": 100.0, "core_y_m": -200.0}
    theta = {name: np.full(n, value) for name, value in {**values, "xmax_g_cm2": 780.0, "ln_muon_scale": 0.0}.items()}
    return Arrivals(np.radians(theta["zenith_deg"]), np.radians(theta["azimuth_deg"]), theta["core_x_m"], theta["core_y_m"]), footprints(theta, GRID)


def stations(dead: float = 0.0, jitter_ns: float = 0.0, grid: Grid = GRID) -> Stations:
    return Stations(grid.positions_m, grid.spacing_m, grid.density_g_cm2_m, (dead, dead), (jitter_ns, jitter_ns))


def read_out(**settings: Any) -> Electronics:
    return electronics(Detector(**settings))


@njit
def many(n, r, along_m, density_g_cm2_m, shower, secant, electronics, rng):  # type: ignore[no-untyped-def]
    """Losses (n, 2) and (start, level 1, first particle) of one station, drawn ``n`` times."""
    losses, times = np.zeros((n, 2)), np.zeros((n, 3))
    pulses, record = np.empty((2, 2, BUFFER)), np.empty((2, electronics.bins), np.uint16)
    for i in range(n):
        times[i] = draw_station(r, along_m, density_g_cm2_m, shower, secant, pulses, record, losses[i], electronics, rng)
    return losses, times


@pytest.mark.parametrize(("r", "along_m"), [(300.0, 0.0), (800.0, 400.0), (800.0, -400.0), (1500.0, 700.0)])
def test_a_station_sees_the_density_that_falls_on_it(r: float, along_m: float) -> None:
    one = tuple(float(part[0]) for part in shower()[1])
    losses, _ = many(3000, r, along_m, GRID.density_g_cm2_m, one, 1 / np.cos(np.radians(30)), read_out(), np.random.default_rng(1))
    expected = 3.0 * sum(densities(r, GRID.density_g_cm2_m * along_m, *one[:6]))
    assert np.all(np.abs(losses.mean(axis=0) - expected) < 5 * losses.std(axis=0) / np.sqrt(3000) + 2e-3 * expected)


@pytest.mark.parametrize("along_m", [-900.0, 0.0, 900.0])
def test_the_first_particle_follows_the_plane_front_and_its_sphere(along_m: float) -> None:
    one = tuple(float(part[0]) for part in shower(20.5)[1])
    _, times = many(2000, 300.0, along_m, GRID.density_g_cm2_m, one, 1.15, read_out(), np.random.default_rng(2))
    # at 300 m some hundred particles: the first one is as early as the sphere of muons from 30 km above Xmax allows
    late = times[:, 2] - along_m / LIGHT_M_NS
    source = one[6] + 30_000.0 + along_m
    sphere = (np.hypot(source, 300.0) - source) / LIGHT_M_NS
    assert sphere - 2 < np.median(late) < sphere + 8 and late.std() < 10
    # the record starts some samples before it
    before = times[:, 2] - times[:, 0]
    assert np.all((before > 0) & (before < 20.0 * (Detector().pre_samples + 3)))


def test_far_from_the_axis_nothing_is_drawn() -> None:
    one = tuple(float(part[0]) for part in shower(18.0)[1])
    r = next(r for r in np.arange(1000.0, 20_000.0, 100.0) if 3.0 * sum(densities(r, 0.0, *one[:6])) < FAINTEST_VEM)
    losses, times = many(50, r, 0.0, GRID.density_g_cm2_m, one, 1.15, read_out(), np.random.default_rng(3))
    assert not losses.any() and np.isnan(times).all()


def one_event(array: Stations, seed: int = 4, **primary: float) -> tuple[bool, np.ndarray, np.ndarray, np.ndarray]:
    n, constants = len(array.positions_m), read_out()
    state, records, starts = np.full(n, 9), np.zeros((n, 2, 256), np.uint16), np.full(n, np.nan)
    triggered = draw_event(0, *shower(**primary), array, constants, state, records, starts, np.empty((2, 2, BUFFER)), rng(seed))
    return triggered, state, records, starts


def test_states_of_stations() -> None:
    triggered, state, records, starts = one_event(stations(0.2))
    assert triggered and set(state) == {NOTHING, RECORDED, DEAD}
    np.testing.assert_array_equal(np.isfinite(starts), state == RECORDED)
    # a record has counts above the pedestal in both layers
    above = (records[state == RECORDED].astype(float) - 5.5).sum(axis=2)
    assert len(above) > 5 and above.min() > 0
    # those with records are nearer to the core than the silent ones
    distance = np.hypot(GRID.positions_m[:, 0] - 100, GRID.positions_m[:, 1] + 200)
    assert np.median(distance[state == RECORDED]) < 0.6 * np.median(distance[state == NOTHING])
    triggered, state, _, _ = one_event(stations(1.0))
    assert not triggered and set(state) == {DEAD}


def test_the_share_of_dead_stations() -> None:
    dead = sum(int((one_event(stations(0.2), seed)[1] == DEAD).sum()) for seed in range(30))
    assert binomtest(dead, 30 * len(GRID.positions_m), 0.2).pvalue > 1e-6


@pytest.mark.parametrize(("zenith_deg", "azimuth_deg"), [(40.0, 0.0), (40.0, 90.0), (25.0, -150.0)])
def test_stations_towards_the_source_see_the_front_first(zenith_deg: float, azimuth_deg: float) -> None:
    _, state, _, starts = one_event(stations(), lg_energy_ev=20.3, zenith_deg=zenith_deg, azimuth_deg=azimuth_deg)
    near = (state == RECORDED) & (np.hypot(*GRID.positions_m.T) < 1500)
    design = np.column_stack([GRID.positions_m[near] / -LIGHT_M_NS, np.ones(near.sum())])
    east, north, _ = np.linalg.lstsq(design, starts[near], rcond=None)[0]
    sine = np.sin(np.radians(zenith_deg))
    np.testing.assert_allclose([east, north], sine * np.array([np.cos(np.radians(azimuth_deg)), np.sin(np.radians(azimuth_deg))]), atol=0.06)


def test_the_clocks_jitter_is_all_that_it_changes() -> None:
    steady, shaky = one_event(stations()), one_event(stations(jitter_ns=25.0))
    np.testing.assert_array_equal(steady[1], shaky[1])
    np.testing.assert_array_equal(steady[2][steady[1] == RECORDED], shaky[2][steady[1] == RECORDED])
    moved = (shaky[3] - steady[3])[steady[1] == RECORDED]
    # as wide a sample of so many as one in a million is
    assert 25.0 * (1 - 5 / np.sqrt(2 * len(moved))) < moved.std() < 25.0 * (1 + 5 / np.sqrt(2 * len(moved)))


def test_one_try_triggers_what_which_trigger_says() -> None:
    arguments = (*shower(18.5, n=200), stations(0.1, 10.0), read_out())
    triggered = which_trigger(*arguments, rng(5))
    assert 20 < triggered.sum() < 180
    *_, ends, silent, silent_ends, again = draw_events(*arguments, 1, True, rng(5))
    np.testing.assert_array_equal(again, triggered)
    # those that do not trigger leave nothing, the others three stations at least
    hits = np.diff(ends, prepend=0)
    np.testing.assert_array_equal(hits >= 3, triggered)
    np.testing.assert_array_equal(hits == 0, ~triggered)
    assert not np.diff(silent_ends, prepend=0)[~triggered].any() and silent_ends[-1] == len(silent)


def test_every_further_try_is_as_likely_to_trigger() -> None:
    arguments = (*shower(18.25, n=600), stations(), read_out())
    once, thrice = (int(draw_events(*arguments, tries, False, rng(6, tries))[-1].sum()) for tries in (1, 3))
    chance = once / 600
    assert 0.02 < chance < 0.5
    expected = 1 - (1 - chance) ** 3
    error = np.hypot(3 * (1 - chance) ** 2 * np.sqrt(chance * (1 - chance) / 600), np.sqrt(expected * (1 - expected) / 600))
    assert abs(thrice / 600 - expected) < 5 * error


def test_events_are_kept_apart() -> None:
    array = stations(0.05, 10.0)
    records, starts, place, ends, silent, silent_ends, triggered = draw_events(*shower(19.0, n=40), array, read_out(), 50, False, rng(7))
    assert triggered.all() and len(records) == len(starts) == len(place) == ends[-1] and len(silent) == silent_ends[-1]
    area = (records.astype(float) - 5.5).sum(axis=(1, 2))
    for first, last, low, high in zip([0, *ends], ends, [0, *silent_ends], silent_ends, strict=False):
        assert starts[first:last].min() == 0
        heard = [*place[first:last], *silent[low:high]]
        assert len(set(heard)) == len(heard)
        centre = np.average(GRID.positions_m[place[first:last]], axis=0, weights=area[first:last])
        assert np.hypot(*(centre - [100, -200])) < 400
        assert np.hypot(*(GRID.positions_m[silent[low:high]] - centre).T).max() <= SILENT_WITHIN_M


def test_more_hits_than_there_was_room_for() -> None:
    """A dense array has more records an event than are foreseen: what is there stays when room is made."""
    dense = Grid(columns=21, rows=21, spacing_m=300.0)
    array = stations(grid=dense)
    few, all_ = (draw_events(*shower(20.0, n=n), array, read_out(), 1, False, rng(8)) for n in (1, 12))
    assert all_[3][-1] > 32 * 12 + len(dense.positions_m)
    for one, many_ in zip(few[:3], all_[:3], strict=True):
        np.testing.assert_array_equal(many_[: len(one)], one)
    assert np.all(all_[0].reshape(len(all_[0]), -1).max(axis=1) > 6)
