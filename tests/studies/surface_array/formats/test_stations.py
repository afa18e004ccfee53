"""One row a station: other steps, clocks and calibrations become this study's, bad rows are flagged, files without use refused, and rows come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cloudchamber.schema import whole
from cloudchamber.studies.surface_array.formats import ReadFlag, read_hdf5, read_parquet
from cloudchamber.studies.surface_array.formats.stations import OWN, from_rows, to_rows

FILE = Path("a.h5")


def user_rows(step_ns: float = 20.0, samples: int = 200) -> dict[str, Any]:
    """An array of someone else's: three events of three stations, clocks of 1e18 ns, one layer twice, silent stations near and far."""
    time = (np.arange(samples) + 0.5) * step_ns
    pulse = np.where(time > 400, np.exp(-(time - 400) / 60), 0) * step_ns
    wave = 20 + pulse / pulse.sum() * 1000.0 * np.array([8.0, 3.0, 1.0])[:, None]
    waves = np.concatenate([np.tile(wave, (3, 1)), np.zeros((3, samples))])
    number = np.array([5, 5, 5, 3, 3, 3, 4, 4, 4, 5, 5, 3])
    x = np.array([0, 1000, 0] * 3 + [2000, 9e3, -2e3]) + 50_000.0
    start = np.array([0, 1500, 2000] * 3 + [0, 0, 0]) + np.where(number == 5, 0, 77) + 1_400_000_000_000_000_000
    y = np.array([0.0, 0, 1000] * 3 + [0, 0, 0])
    return {"event": number, "x_m": x, "y_m": y, "start_ns": start, "waveform_upper": waves, "waveform_lower": waves}


def save(path: Path, rows: dict[str, Any], **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in rows.items():
            if np.asarray(values).dtype == object:
                place = file.create_dataset(name, (len(values),), h5py.vlen_dtype(np.float64))
                for i, each in enumerate(values):
                    place[i] = np.asarray(each, float)
            else:
                file[name] = values
        file.attrs.update(attributes)
    return path


@pytest.mark.parametrize(("step_ns", "samples"), [(20.0, 200), (20.0, 400), (12.5, 300), (25.0, 768), (33.0, 150), (2.0, 3000)])
def test_other_steps_and_calibrations_keep_signal_and_time(step_ns: float, samples: int, tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5", user_rows(step_ns, samples), step_ns=step_ns, counts_per_vem=1000.0, pedestal_counts=20.0, saturation_counts=16383)
    table = whole(read_hdf5(path))
    assert table["event_id"].tolist() == [5, 3, 4] and table["read_flags"].tolist() == [0, 0, 0]
    above = table["waveform"].values.astype(float) - 5.5
    np.testing.assert_allclose(above.sum(axis=2) / 50, np.tile([8.0, 3.0, 1.0], 3)[:, None] * np.ones(2), atol=0.03)
    # the records' pulses start 400 ns after their first samples, wherever a long record is cut
    rise = np.argmax(above[:, 0] > 0.3 * above[:, 0].max(axis=1, keepdims=True), axis=1)
    begin = table["start_ns"].values + 20.0 * rise
    np.testing.assert_allclose(begin.reshape(3, 3) - begin.reshape(3, 3)[:, :1], [[0, 1500, 2000]] * 3, atol=20)
    assert table["origin_ns"][0] - 1_400_000_000_000_000_000 in range(400)
    assert table["origin_x_m"].tolist() == [50_000.0] * 3 and table["station_x_m"].values[:3].tolist() == [0, 1000, 0]
    assert table["silent_x_m"].values.tolist() == [2000, -2000], "the silent station 9 km off is left out"


def test_lists_of_different_lengths_and_empty_ones(tmp_path: Path) -> None:
    rows = user_rows()
    lists = np.empty(12, object)
    lists[:] = [wave[: 100 + 10 * i] if wave.any() else [] for i, wave in enumerate(rows["waveform_upper"])]
    rows |= {"waveform_upper": lists, "waveform_lower": lists, "alive": [True] * 9 + [False, True, True]}
    table = whole(read_hdf5(save(tmp_path / "a.h5", rows, step_ns=20.0, counts_per_vem=1000.0, pedestal_counts=20.0)))
    assert np.diff(table["waveform"].offsets).tolist() == [3, 3, 3] and table["silent_x_m"].values.tolist() == [-2000]
    np.testing.assert_allclose((table["waveform"].values[0] - 5.5).sum(axis=1) / 50, 8.0, atol=0.03)
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    arrays = {name: pyarrow.array(values.tolist() if isinstance(values, np.ndarray) else values) for name, values in rows.items()}
    written = pyarrow.table(arrays).replace_schema_metadata({"step_ns": "20", "counts_per_vem": "1000", "pedestal_counts": "20"})
    parquet.write_table(written, tmp_path / "a.parquet")
    back = whole(read_parquet(tmp_path / "a.parquet"))
    np.testing.assert_array_equal(back["waveform"].values, table["waveform"].values)
    for name in ("event_id", "origin_x_m", "origin_ns", "read_flags", "fit_zenith_deg"):
        np.testing.assert_array_equal(back[name], table[name])


def test_bad_rows_are_flagged_and_the_rest_stays(tmp_path: Path) -> None:
    rows = user_rows()
    rows["waveform_upper"] = rows["waveform_upper"].copy()
    rows["waveform_upper"][0, 7] = np.nan
    rows["waveform_lower"] = np.where(np.arange(12)[:, None] == 4, 9999.0, rows["waveform_lower"])
    rows["x_m"] = np.where(np.arange(12) == 7, np.nan, rows["x_m"])
    rows["y_m"][6], rows["x_m"][8], rows["y_m"][8] = 0, rows["x_m"][6], 0
    table = whole(read_hdf5(save(tmp_path / "a.h5", rows, step_ns=20.0, counts_per_vem=1000.0, pedestal_counts=20.0)))
    assert table["read_flags"].tolist() == [ReadFlag.BAD_SAMPLES, ReadFlag.SATURATED, ReadFlag.BAD_STATION | ReadFlag.DUPLICATE]
    assert np.diff(table["waveform"].offsets).tolist() == [2, 3, 2]
    assert table["waveform"].values[3].max() == 4095


@pytest.mark.parametrize(
    ("change", "attributes", "words"),
    [
        ({}, {}, r"attribute 'step_ns': missing; allowed: a number from 0\.1 to 1000"),
        ({}, {"step_ns": 0.0}, r"attribute 'step_ns': 0\.0; allowed: a number from 0\.1 to 1000"),
        ({}, {"step_ns": "fast"}, "attribute 'step_ns': fast; allowed"),
        ({}, {"step_ns": 20.0, "counts_per_vem": -1.0}, "attribute 'counts_per_vem': -1.0; allowed"),
        ({"x_m": np.full(12, np.nan)}, {"step_ns": 20.0}, "event 5, column 'x_m': nan; allowed: the metres at which the station stands"),
        ({"event": np.full(12, 0.5)}, {"step_ns": 20.0}, "row 0, column 'event': 0.5; allowed: a whole number"),
        ({"y_m": np.zeros(3)}, {"step_ns": 20.0}, "columns of different lengths, .*'y_m': 3"),
        ({"y_m": np.full(12, b"north")}, {"step_ns": 20.0}, "column 'y_m': .*north.*; allowed: one number a station"),
        ({"y_m": None}, {"step_ns": 20.0}, "no column 'y_m'; one row a station needs event, x_m, y_m, start_ns"),
    ],
)
def test_a_file_without_use_is_refused(change: dict[str, Any], attributes: dict[str, Any], words: str, tmp_path: Path) -> None:
    rows = {name: values for name, values in (user_rows() | change).items() if values is not None}
    with pytest.raises(ValueError, match=words):
        whole(read_hdf5(save(tmp_path / "a.h5", rows, **attributes)))


def test_a_record_that_is_cut_starts_later() -> None:
    """A station whose long record began 6000 ns earlier saw the same: its quiet start is cut away, and the start tells of it."""
    rows = user_rows(samples=600)
    waves, start = rows["waveform_upper"].copy(), rows["start_ns"].copy()
    waves[1], start[1] = np.roll(waves[1], 300), start[1] - 6000
    waves[1, :300] = 20.0
    long = rows | {"waveform_upper": waves, "waveform_lower": waves, "start_ns": start}
    tables = [from_rows(FILE, each, {"step_ns": 20.0, "counts_per_vem": 1000.0, "pedestal_counts": 20.0}) for each in (rows, long)]
    begins = []
    for table in tables:
        counts = next(iter(table["waveform"]))[:, 0].astype(float)
        rise = np.argmax(counts > 5.5 + 0.3 * (counts.max(axis=1, keepdims=True) - 5.5), axis=1)
        begins.append(table["origin_ns"][0] + next(iter(table["start_ns"])).astype(np.int64) + 20 * rise)
    np.testing.assert_array_equal(*begins)
    np.testing.assert_allclose(tables[1]["pulse_density"].values, tables[0]["pulse_density"].values, rtol=1e-2)
    assert not tables[1]["read_flags"].any(), "nothing of the signal is lost"


def test_own_records_come_in_bit_by_bit() -> None:
    """Records in this study's steps and counts are taken as they are, whatever is in them."""
    rows = user_rows(samples=256)
    counts = np.random.default_rng(1).integers(0, 4096, (2, 12, 256)).astype(np.uint16) * (np.arange(12) < 9)[:, None].astype(np.uint16)
    table = from_rows(FILE, rows | {"waveform_upper": counts[0], "waveform_lower": counts[1]}, {"step_ns": 20.0})
    # the rows of event 5, then those of 3 and of 4, each layer in its place
    np.testing.assert_array_equal(table["waveform"].values, counts[:, :9].transpose(1, 0, 2))


def test_rows_come_back_from_any_order() -> None:
    table = from_rows(FILE, user_rows(), {"step_ns": 20.0, "counts_per_vem": 1000.0, "pedestal_counts": 20.0})
    rows = to_rows(table)
    assert rows["event"].tolist() == [5, 5, 5, 5, 3, 3, 3, 3, 4, 4, 4] and rows["x_m"].min() == 48_000.0, "silent stations too, in the array's coordinates"
    order = np.random.default_rng(2).permutation(11)
    for shuffled in (rows, {name: values[order] for name, values in rows.items()}):
        back = from_rows(FILE, shuffled, OWN)
        assert set(back["event_id"]) == {3, 4, 5} and not back["read_flags"].any()
        for name in ("station_x_m", "start_ns", "waveform", "silent_x_m"):
            for place, number in enumerate(back["event_id"]):
                mine, before = list(back[name])[place], list(table[name])[table["event_id"].tolist().index(number)]
                assert sorted(map(tuple, mine.reshape(len(mine), mine[:1].size))) == sorted(map(tuple, before.reshape(len(before), before[:1].size)))


def test_times_of_a_gps_clock_lose_nothing() -> None:
    """Nanoseconds since 1980 need 61 bits: whole numbers keep each of them, where doubles have steps of 256 ns."""
    rows = user_rows()
    start = np.array([1007, 2012, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]) + 1_400_000_000_000_000_000
    table = from_rows(FILE, rows | {"start_ns": start}, {"step_ns": 20.0})
    assert table["origin_ns"][0] == 1_400_000_000_000_000_001 and next(iter(table["start_ns"])).tolist() == [1006.0, 2011.0, 0.0]


def test_columns_of_the_event_follow_its_origin() -> None:
    rows = user_rows() | {"core_x_m": np.full(12, 50_400.0), "particle": np.array(["Fe"] * 12), "zenith_deg": np.arange(12.0)}
    table = from_rows(FILE, rows, {"step_ns": 20.0})
    assert table["core_x_m"].tolist() == [400.0] * 3, "from the strongest station on, at 50 km"
    assert table["particle"].tolist() == [4] * 3 and table["zenith_deg"].tolist() == [0.0, 3.0, 6.0], "an event's first row counts"


def test_an_event_without_any_station_keeps_a_row() -> None:
    rows = user_rows()
    alone = {name: np.asarray(values)[[9]] for name, values in rows.items()} | {"alive": np.array([False])}
    table = from_rows(FILE, alone, {"step_ns": 20.0})
    assert len(table["event_id"]) == 1 and table["read_flags"].tolist() == [ReadFlag.NO_STATION] and len(table["silent_x_m"].values) == 0
    back = to_rows(table)
    assert back["event"].tolist() == [5] and back["alive"].tolist() == [False]


def test_times_and_places_in_other_units_are_named_and_a_common_trigger_tells_nothing() -> None:
    rows, settings = user_rows(), {"step_ns": 20.0, "counts_per_vem": 1000.0, "pedestal_counts": 20.0}
    first = rows["start_ns"].min()
    for change, words in (
        ({"start_ns": (rows["start_ns"] - first) / 1000.0}, "times in microseconds"),
        ({"start_ns": (rows["start_ns"] - first) * 1000}, "times in picoseconds"),
        ({"x_m": rows["x_m"] / 1000, "y_m": rows["y_m"] / 1000}, "positions in kilometres"),
    ):
        with pytest.raises(ValueError, match=rf"'start_ns': records of an event start .* are the {words}"):
            from_rows(FILE, rows | change, settings)
    assert from_rows(FILE, rows | {"start_ns": np.full(12, first)}, settings)["read_flags"].tolist() == [0, 0, 0]
