"""Stations as files tell them on one frame and one clock: where the origin is, what is left out, and which flags tell of it."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import check_table
from cloudchamber.studies.surface_array.columns import BINS
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.formats.events import FAR_M, FAR_NS, FROM_FILE, NEAR_M, Event, Station, in_frame, schema_of, to_table
from cloudchamber.studies.surface_array.formats.read_flags import ReadFlag

PLACES = np.array([(0.0, 0.0), (1200.0, 0.0), (0.0, 1200.0), (1200.0, 1200.0)])


def pulse(vem: float) -> np.ndarray:
    """A record of two equal layers with so large a signal."""
    shape = np.where(np.arange(BINS) >= 20, np.exp(-(np.arange(BINS) - 20.0) / 4), 0.0)
    return np.tile(np.round(5.5 + 50 * vem * shape / shape.sum()), (2, 1)).astype(np.uint16)


def stations(shift_m: float = 0.0, height_m: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0), vem: tuple[float, ...] = (3.0, 20.0, 5.0, 8.0)) -> list[Station]:
    """Four stations that a front from the zenith reaches: the higher ones the earlier."""
    return [Station(x + shift_m, y - shift_m, z, 1000.0 - z / LIGHT_M_NS, pulse(signal)) for (x, y), z, signal in zip(PLACES, height_m, vem, strict=True)]


def test_the_origin_is_the_strongest_station_and_the_earliest_record() -> None:
    found = to_table([Event(7, 123_456_789_000, stations(shift_m=40_000.0), silent_m=[(42_400.0, -40_000.0)])])
    check_table(found, {name: column for name, column in schema_of(found).columns.items() if name in found})
    assert found["event_id"].tolist() == [7] and found["read_flags"].tolist() == [0]
    assert (found["origin_x_m"][0], found["origin_y_m"][0], found["origin_ns"][0]) == (41_200.0, -40_000.0, 123_456_790_000)
    np.testing.assert_allclose(np.column_stack([found["station_x_m"].values, found["station_y_m"].values]), PLACES - [1200.0, 0.0])
    np.testing.assert_array_equal(found["start_ns"].values, 0.0)
    assert (found["silent_x_m"].values.tolist(), found["silent_y_m"].values.tolist()) == ([1200.0], [0.0])


def test_the_array_s_place_and_clock_change_nothing_but_the_origin() -> None:
    here, there = to_table([Event(1, 0, stations())]), to_table([Event(1, 10**18, stations(shift_m=30_000.0))])
    for name in set(here) - {"origin_x_m", "origin_y_m", "origin_ns"}:
        one, two = (getattr(table[name], "values", table[name]) for table in (here, there))
        np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-3, err_msg=name)
    assert there["origin_x_m"][0] - here["origin_x_m"][0] == 30_000.0 and there["origin_ns"][0] - here["origin_ns"][0] == 10**18


def test_a_file_s_own_origin_stays() -> None:
    found = to_table([Event(1, 5, stations(), silent_m=[(NEAR_M * 3, 0.0)], origin=(100.0, -50.0, 900))])
    assert (found["origin_x_m"][0], found["origin_y_m"][0], found["origin_ns"][0]) == (100.0, -50.0, 905)
    np.testing.assert_array_equal(found["start_ns"].values, 100.0)
    np.testing.assert_array_equal(found["station_x_m"].values, PLACES[:, 0].astype(np.float32) - 100.0)
    assert found["silent_x_m"].values.tolist() == [NEAR_M * 3 - 100.0], "a file with an origin has chosen its silent stations"


def test_silent_stations_count_near_the_signals_centre() -> None:
    # the centre of the signals is that of 20 VEM, 1.2 km east, drawn to the others by a third
    inside, outside = (1100.0 - 0.98 * NEAR_M, 400.0), (1100.0 - 1.05 * NEAR_M, 400.0)
    found = to_table([Event(1, 0, stations(), silent_m=[inside, outside, (np.nan, 0.0)])])
    np.testing.assert_allclose(found["silent_x_m"].values, [inside[0] - 1200.0], rtol=1e-6)


def test_heights_are_taken_out_of_the_times() -> None:
    """A front from the zenith is earlier at higher stations; on one level all of them see it at once."""
    found = to_table([Event(1, 0, stations(height_m=(1400.0, 1430.0, 1380.0, 1410.0)))])
    assert np.ptp(found["start_ns"].values) < 0.5
    level = to_table([Event(1, 0, stations())])
    np.testing.assert_allclose(found["fit_zenith_deg"], level["fit_zenith_deg"], atol=0.05)
    np.testing.assert_allclose(found["fit_core_x_m"], level["fit_core_x_m"], atol=1.0)


@pytest.mark.parametrize(
    ("bad", "flag"),
    [
        (Station(np.nan, 0.0, 0.0, 0.0, pulse(3.0)), ReadFlag.BAD_STATION),
        (Station(600.0, 600.0, 0.0, np.inf, pulse(3.0)), ReadFlag.BAD_STATION),
        (Station(600.0 + 1.01 * FAR_M, 600.0, 0.0, 1000.0, pulse(3.0)), ReadFlag.BAD_STATION),
        (Station(600.0, 600.0, 0.0, 1000.0 + 1.01 * FAR_NS, pulse(3.0)), ReadFlag.BAD_STATION),
    ],
)
def test_a_station_that_cannot_be_is_left_out(bad: Station, flag: ReadFlag) -> None:
    plain, found = to_table([Event(1, 0, stations())]), to_table([Event(1, 0, [bad, *stations()])])
    assert found["read_flags"].tolist() == [flag]
    np.testing.assert_array_equal(found["waveform"].values, plain["waveform"].values)
    assert found["fit_zenith_deg"] == plain["fit_zenith_deg"]


def test_stations_at_one_place_and_full_scales_are_flagged_and_stay() -> None:
    twice = to_table([Event(1, 0, [*stations(), stations()[2]])])
    assert twice["read_flags"].tolist() == [ReadFlag.DUPLICATE] and len(twice["waveform"].values) == 5
    full = pulse(3.0)
    full[1, 20] = 4095
    assert to_table([Event(1, 0, [*stations(), Station(600.0, 600.0, 0.0, 1000.0, full)])])["read_flags"].tolist() == [ReadFlag.SATURATED]
    full[1, 20] = 4094
    assert to_table([Event(1, 0, [*stations(), Station(600.0, 600.0, 0.0, 1000.0, full)])])["read_flags"].tolist() == [0]


def test_an_event_without_stations_stays_between_the_others() -> None:
    lost = Event(2, 50, [Station(np.nan, 0.0, 0.0, 0.0, pulse(3.0))], silent_m=[(300.0, 0.0)])
    found = to_table([Event(1, 0, stations()), lost, Event(3, 0, stations())])
    assert np.diff(found["waveform"].offsets).tolist() == [4, 0, 4] and found["event_id"].tolist() == [1, 2, 3]
    assert found["read_flags"].tolist() == [0, ReadFlag.BAD_STATION | ReadFlag.NO_STATION, 0]
    assert found["origin_ns"][1] == 50 and found["silent_x_m"].values.tolist() == [300.0]
    assert found["fit_stations"].tolist() == [4, 0, 4]


def test_no_events_have_all_columns() -> None:
    found = to_table([])
    assert found["waveform"].values.shape == (0, 2, BINS) and set(FROM_FILE) < set(found) and len(found["fit_flags"]) == 0


def test_positions_move_into_the_frame_and_nothing_else() -> None:
    found = to_table([Event(1, 0, stations(shift_m=40_000.0))])
    assert in_frame(found, "core_x_m", np.array([41_000.0])).tolist() == [-200.0]
    assert in_frame(found, "core_y_m", np.array([-39_000.0])).tolist() == [1000.0]
    assert in_frame(found, "xmax_g_cm2", np.array([750.0])).tolist() == [750.0]
