"""The picture of one event: each thing in its place, in the units that the axes say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from cloudchamber.schema import Ragged, Table, take
from cloudchamber.studies.surface_array.columns import FIT, HITS, PULSES, SILENT
from cloudchamber.studies.surface_array.fit.ldf import ln_ldf, slope
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct
from cloudchamber.studies.surface_array.plots.event import (
    FIT as FIT_COLOUR,
)
from cloudchamber.studies.surface_array.plots.event import (
    NETWORK,
    SHOWN_RECORDS,
    TRUTH,
    areas,
    behind_the_plane,
    event_display,
    front_and_signal,
    shower_axes,
    stations_of,
)

Answers = Callable[..., Table]


@pytest.fixture
def event(simulated: Table) -> int:
    """An energetic event in which no station is saturated."""
    use = [bool(np.all(uses == 2)) for uses in simulated["pulse_use"]]
    return int(np.argmax(np.where(use, simulated["energy_ev"], 0)))


def panel(figure: Figure, ylabel: str) -> Axes:
    [found] = [axes for axes in figure.axes if axes.get_ylabel() == ylabel]
    return found


def test_axes_say_what_and_in_which_units(simulated: Table, event: int) -> None:
    figure = event_display(simulated, event)
    figure.draw_without_rendering()
    labels = {(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes}
    assert {
        ("x (km), east", "y (km), north"),
        ("distance from the fitted axis (km)", "delay behind the plane (µs)"),
        ("distance from the fitted axis (km)", "signal (VEM/m²)"),
        ("", "first particles after the earliest (µs)"),
        ("time in the record (µs)", "FADC counts"),
    } <= labels
    assert [text.get_text() for text in figure.legends[0].texts] == ["truth", "parametric fit", "upper layer", "lower layer", "silent station"]
    assert f"{len(next(iter(simulated['start_ns'][event : event + 1])))} stations with records" in figure.get_label()


def test_the_footprint_shows_every_station_in_its_place(simulated: Table, event: int) -> None:
    one = take(simulated, slice(event, event + 1))
    axes = panel(event_display(simulated, event), "y (km), north")
    silent, recorded, dumb = (np.asarray(points.get_offsets()) for points in axes.collections[:3])
    np.testing.assert_allclose(silent[:, 0], one["silent_x_m"].values / 1000)
    wanted = np.stack([one["station_x_m"].values, one["station_y_m"].values], axis=1) / 1000
    assert sorted(map(tuple, recorded)) == sorted(map(tuple, wanted)) and len(dumb) == 0
    # the largest circle is the strongest station, the first colour the earliest
    strongest = wanted[np.argmax(one["pulse_density"].values)]
    np.testing.assert_allclose(recorded[np.argmax(axes.collections[1].get_sizes())], strongest)
    colours = np.asarray(axes.collections[1].get_array())
    np.testing.assert_allclose(recorded[np.argmin(colours)], wanted[np.argmin(one["pulse_time_ns"].values)])
    assert colours.min() == 0 and colours.max() == pytest.approx(np.ptp(one["pulse_time_ns"].values) / 1000)
    crosses = {to_rgb(line.get_color()): line.get_xydata()[0] for line in axes.lines}
    np.testing.assert_allclose(crosses[to_rgb(TRUTH)], [one["core_x_m"][0] / 1000, one["core_y_m"][0] / 1000], rtol=1e-5)
    np.testing.assert_allclose(crosses[to_rgb(FIT_COLOUR)], [one["fit_core_x_m"][0] / 1000, one["fit_core_y_m"][0] / 1000], rtol=1e-5)


def test_lines_lead_to_where_the_shower_came_from(simulated: Table, event: int) -> None:
    one = take(simulated, slice(event, event + 1))
    truth, fit = shower_axes(one, None)
    azimuth, zenith = np.radians(one["azimuth_deg"][0]), np.radians(one["zenith_deg"][0])
    np.testing.assert_allclose(truth.direction, [np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)], atol=1e-5)
    assert np.degrees(np.arccos(truth.direction @ fit.direction)) < 10
    axes = panel(event_display(simulated, event), "y (km), north")
    leads = [np.subtract(text.xyann, text.xy) for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    np.testing.assert_allclose(np.arctan2(leads[0][1], leads[0][0]), np.arctan2(truth.direction[1], truth.direction[0]), atol=1e-6)


def test_the_strongest_records_are_shown_as_they_are(simulated: Table, event: int) -> None:
    one = take(simulated, slice(event, event + 1))
    shown = [axes for axes in event_display(simulated, event).axes if "VEM/m²" in axes.get_title(loc="left")]
    order = np.argsort(-one["pulse_density"].values)[:SHOWN_RECORDS]
    assert len(shown) == SHOWN_RECORDS
    for axes, station in zip(shown, order, strict=True):
        upper, lower = axes.lines[:2]
        np.testing.assert_array_equal(upper.get_ydata(), one["waveform"].values[station, 0])
        np.testing.assert_array_equal(lower.get_ydata(), one["waveform"].values[station, 1])
        assert upper.get_xdata()[-1] == pytest.approx(255 * 0.02)
        # the pulse begins where its record first rises
        begin = axes.lines[2].get_xdata()[0]
        rise = 0.02 * np.argmax(one["waveform"].values[station].mean(axis=0) > 5.5 + 20)
        assert abs(begin - rise) < 0.1
        assert f"{one['pulse_density'].values[station]:.3g} VEM/m²" in axes.get_title(loc="left")


def test_signals_and_their_curve(simulated: Table, event: int) -> None:
    one = take(simulated, slice(event, event + 1))
    axes = panel(event_display(simulated, event), "signal (VEM/m²)")
    curve, points = axes.lines[0], axes.lines[1]
    assert axes.get_yscale() == "log" and sorted(points.get_ydata()) == pytest.approx(sorted(np.maximum(one["pulse_density"].values, 0.01)))
    at_800 = np.exp(np.interp(0.8, curve.get_xdata(), np.log(curve.get_ydata())))
    assert at_800 == pytest.approx(float(one["fit_s800_vem"][0]), rel=0.02), "S800 is the signal at 800 m"


def test_the_fits_signal_falls_as_its_lateral_distribution(simulated: Table, event: int) -> None:
    one = take(simulated, slice(event, event + 1))
    delay, signal = front_and_signal(one, np.array([400.0, 800.0, 1600.0]))
    assert signal[1] == pytest.approx(float(one["fit_s800_vem"][0]), rel=1e-6)
    eta = slope(1 / np.cos(np.radians(float(one["fit_zenith_deg"][0]))))
    np.testing.assert_allclose(np.log(signal / signal[1]), [ln_ldf(r, eta) for r in (400.0, 800.0, 1600.0)], atol=1e-6)
    assert np.all(np.diff(delay) > 0)


def test_a_plane_front_is_late_nowhere(simulated: Table, event: int) -> None:
    """Times of a plane along the fitted direction leave no delays, at whatever distance."""
    one = dict(take(simulated, slice(event, event + 1)))
    zenith, azimuth = (np.radians(float(one[f"fit_{name}_deg"][0])) for name in ("zenith", "azimuth"))
    east, north = (one[f"station_{axis}_m"].values - one[f"fit_core_{axis}_m"][0] for axis in "xy")
    ahead = np.sin(zenith) * (np.cos(azimuth) * east + np.sin(azimuth) * north)
    one["pulse_time_ns"] = Ragged(one["fit_t0_ns"][0] - ahead / 0.299792458, one["pulse_time_ns"].offsets)
    distance, late = behind_the_plane(one, stations_of(one))
    np.testing.assert_allclose(late, 0, atol=1e-2)
    np.testing.assert_allclose(distance, np.sqrt(east**2 + north**2 - ahead**2), rtol=1e-5)


def test_stations_without_a_time_are_crosses(simulated: Table, event: int) -> None:
    one = dict(take(simulated, slice(event, event + 1)))
    use = one["pulse_use"].values.copy()
    use[:3] = [0, 1, 2]
    one["pulse_use"] = Ragged(use, one["pulse_use"].offsets)
    stations = stations_of(one)
    assert stations.timed[:3].tolist() == [False, True, True] and stations.saturated[:3].tolist() == [False, True, False]
    assert np.isnan(stations.time_ns[0]) and np.isfinite(stations.time_ns[1:]).all()
    figure = event_display(one, 0)
    axes = panel(figure, "y (km), north")
    assert len(axes.collections[2].get_offsets()) == 1 and len(axes.collections[1].get_offsets()) == len(use) - 1
    figure.draw_without_rendering()


def test_circles_grow_with_the_signal() -> None:
    found = areas(np.array([-1.0, 0.0, 0.3, 3.0, 30.0, 300.0]))
    assert found[0] == found[1] > 0 and np.all(np.diff(found[1:]) > 0)


def test_the_network_is_the_mean_of_its_draws(simulated: Table, answer_to: Answers, event: int) -> None:
    figure = event_display(simulated, event, answer_to(simulated))
    answer = take(answer_to(simulated), slice(event, event + 1))
    crosses = {to_rgb(line.get_color()): line.get_xydata()[0] for line in panel(figure, "y (km), north").lines}
    np.testing.assert_allclose(crosses[to_rgb(NETWORK)], [answer[f"core_{axis}_m_draws"].mean() / 1000 for axis in "xy"], rtol=1e-5)
    energy = np.exp(np.log(answer["energy_ev_draws"]).mean()) / 1e18
    assert f"Network: {energy:.3g} EeV" in figure.get_label()


def test_stations_lie_where_the_fit_says(simulated: Table) -> None:
    """Median times and signals of good events agree with the fitted front and lateral distribution."""
    late, ratio = [], []
    for event in np.flatnonzero(simulated["fit_energy_ev"] > 3e19)[:20]:
        one = {name: values[event : event + 1] for name, values in simulated.items()}
        stations = stations_of(one)
        distance, behind = behind_the_plane(one, stations)
        near = (distance > 700) & (distance < 1500) & stations.timed & ~stations.saturated
        delay, signal = front_and_signal(one, distance[near])
        late.append(behind[near] - delay)
        ratio.append(stations.density[near] / signal)
    assert abs(np.median(np.concatenate(late))) < 60 and 0.8 < np.median(np.concatenate(ratio)) < 1.25


def test_display_of_one_event(simulated: Table, answer_to: Answers) -> None:
    event = int(np.argmax(simulated["energy_ev"]))
    figure = event_display(simulated, event, answer_to(simulated))
    figure.draw_without_rendering()
    assert all(word in figure.get_label() for word in ("Truth", "Fit", "Network"))
    observed = {name: simulated[name] for name in (*HITS, *SILENT, *PULSES, *FIT)}
    assert "Truth" not in event_display(observed, event).get_label()


@pytest.mark.parametrize("stations", [0, 1, 2])
def test_display_of_hardly_an_event(simulated: Table, stations: int) -> None:
    event = take(simulated, slice(0, 1))
    for name in HITS:
        event[name] = Ragged(event[name].values[:stations], np.array([0, stations]))
    for name in SILENT:
        event[name] = Ragged(event[name].values[:0], np.array([0, 0]))
    figure = event_display(event | reconstruct(event), 0)
    figure.draw_without_rendering()
    # a footprint and its colours, as many records as there are, delays and signals
    assert len(figure.axes) == 4 + stations
