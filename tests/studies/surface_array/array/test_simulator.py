from typing import Any

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table, check_table
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.columns import SEEN, THETA

HIGH = Showers(particles=("p",), lg_energy_ev=(19.5, 19.5))


def draw(array: SurfaceArray, n: int = 60, seed: int = 1) -> tuple[Table, Table]:
    theta = array.prior(n, rng(seed, "theta"))
    return theta, array.simulate(theta, rng(seed, "x"))


def equal(one: Any, two: Any) -> bool:
    if isinstance(one, Ragged):
        return np.array_equal(one.offsets, two.offsets) and np.array_equal(one.values, two.values)
    return np.array_equal(one, two)


def test_tables_follow_the_schema() -> None:
    array = SurfaceArray()
    theta, x = draw(array)
    assert list(array.schema.theta) == list(THETA)
    check_table(theta, array.schema.theta)
    check_table(x, array.schema.x)
    assert len(theta["energy_ev"]) == 60
    assert all(np.array_equal(x[name].offsets, x["start_ns"].offsets) for name in ("station_x_m", "station_y_m", "waveform"))


def test_same_seed_same_events() -> None:
    (theta, x), (again, y) = draw(SurfaceArray()), draw(SurfaceArray())
    assert all(np.array_equal(theta[name], again[name]) for name in THETA)
    assert all(equal(x[name], y[name]) for name in SEEN)
    assert not np.array_equal(x["start_ns"].values, draw(SurfaceArray(), seed=2)[1]["start_ns"].values)


def test_no_event_and_no_hit() -> None:
    array = SurfaceArray(triggered=False, showers=Showers(lg_energy_ev=(17.0, 17.0)), grid=Grid(3, 3, 3000.0))
    _, x = draw(array, 0)
    assert len(x["start_ns"]) == 0
    _, x = draw(array, 200)
    empty = np.diff(x["start_ns"].offsets) == 0
    assert empty.any()
    assert np.all(np.diff(x["silent_x_m"].offsets)[empty] > 0)


def test_triggered_events_have_three_stations_and_start_at_zero() -> None:
    _, x = draw(SurfaceArray(showers=Showers(lg_energy_ev=(18.0, 18.5))))
    assert np.diff(x["start_ns"].offsets).min() >= 3
    assert all(start.min() == 0 for start in x["start_ns"])


def test_trigger_leaves_the_prior_of_events_that_trigger() -> None:
    """Below threshold the prior of triggered events is that of all weighted with the efficiency, which rises with energy."""
    everything, seen = (
        SurfaceArray(showers=Showers(particles=("p",), lg_energy_ev=(18.0, 18.5)), triggered=triggered).prior(600, rng(3)) for triggered in (False, True)
    )
    assert np.log10(everything["energy_ev"]).mean() == pytest.approx(18.25, abs=0.03)
    assert np.log10(seen["energy_ev"]).mean() > 18.29


def test_stations_are_either_hit_or_silent_or_dead() -> None:
    _, x = draw(SurfaceArray(showers=HIGH, dead_share=(0.3, 0.3)))
    listed, near = 0, 0
    for hit_x, hit_y, silent_x, silent_y in zip(x["station_x_m"], x["station_y_m"], x["silent_x_m"], x["silent_y_m"], strict=True):
        places = list(zip([*hit_x, *silent_x], [*hit_y, *silent_y], strict=True))
        assert len(set(places)) == len(places)
        inside = sum(np.hypot(a, b) < 4000 for a, b in places)
        listed, near = listed + inside, near + np.sum(np.hypot(*Grid().positions_m.T) < 4000)
    assert listed / near == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / near))


def test_no_dead_station_none_missing() -> None:
    _, x = draw(SurfaceArray(showers=HIGH, dead_share=(0.0, 0.0)), 20)
    within = np.sum(np.hypot(*Grid().positions_m.T) < 3500)
    for hit_x, hit_y, silent_x, silent_y in zip(x["station_x_m"], x["station_y_m"], x["silent_x_m"], x["silent_y_m"], strict=True):
        assert np.sum(np.hypot([*hit_x, *silent_x], [*hit_y, *silent_y]) < 3500) == within


def test_direction_and_core_are_in_the_starts_and_signals() -> None:
    theta, x = draw(SurfaceArray(showers=Showers(particles=("p",), lg_energy_ev=(20.0, 20.0), zenith_max_deg=45.0)), 80)
    angle, distance = [], []
    for event in range(80):
        place = np.stack([list(x["station_x_m"])[event], list(x["station_y_m"])[event]], axis=1)
        area = (list(x["waveform"])[event] - 5.5).sum(axis=(1, 2))
        strong = np.argsort(area)[-6:]
        design = np.column_stack([place[strong] / -0.299792458, np.ones(len(strong))])
        east, north, _ = np.linalg.lstsq(design, list(x["start_ns"])[event][strong], rcond=None)[0]
        sine = np.sin(np.radians(theta["zenith_deg"][event]))
        azimuth = np.radians(theta["azimuth_deg"][event])
        angle.append(np.degrees(np.hypot(east - sine * np.cos(azimuth), north - sine * np.sin(azimuth))))
        distance.append(np.hypot(*(np.average(place, axis=0, weights=area) - [theta["core_x_m"][event], theta["core_y_m"][event]])))
    assert np.median(angle) < 4
    assert np.median(distance) < 300


def test_clocks_spread() -> None:
    """With the same numbers drawn, a wider spread of the clocks moves the starts in proportion."""
    steady, shaky = (SurfaceArray(showers=HIGH, clock_jitter_ns=(spread, spread)) for spread in (0.0, 40.0))
    theta = steady.prior(60, rng(4))
    first, second = (array.simulate(theta, rng(5))["start_ns"] for array in (steady, shaky))
    moved = np.concatenate([(b - a) - (b - a).mean() for a, b in zip(first, second, strict=True)])
    assert moved.std() == pytest.approx(40.0, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dead_share": (0.5, 0.1)}, "dead_share"),
        ({"clock_jitter_ns": (-1.0, 1.0)}, "clock_jitter_ns"),
        ({"detector": Detector(bins=128)}, "256 samples"),
        ({"detector": Detector(saturation_counts=65_000)}, "12 bits"),
    ],
)
def test_bad_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SurfaceArray(**settings)


def test_bad_theta_is_named() -> None:
    array = SurfaceArray()
    theta = array.showers.draw(3, (1200.0, 1200.0), rng(1))
    with pytest.raises(ValueError, match=r"'zenith_deg': 61 in event 1 is outside the allowed \[0, 60\] deg of this simulator"):
        array.simulate(theta | {"zenith_deg": np.array([10.0, 61.0, 20.0])}, rng(1))
    with pytest.raises(ValueError, match="missing column 'xmax_g_cm2'"):
        array.simulate({name: values for name, values in theta.items() if name != "xmax_g_cm2"}, rng(1))


def test_showers_that_never_trigger_are_refused() -> None:
    array = SurfaceArray(showers=Showers(lg_energy_ev=(17.0, 17.0)), grid=Grid(3, 3, 5000.0))
    with pytest.raises(ValueError, match="trigger this array"):
        array.prior(10, rng(1))
