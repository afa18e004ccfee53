"""Stations of any array in HDF5 and parquet: what is written comes back, other steps and calibrations become this study's, bad rows are flagged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from cloudchamber.schema import Ragged, Table, check_table, concatenate, take, whole
from cloudchamber.studies.surface_array.columns import BINS, FIT, HITS, PARTICLES, PULSES, SILENT, THETA
from cloudchamber.studies.surface_array.formats import FORMATS, FROM_FILE, ReadFlag, read_hdf5, read_parquet, schema_of, write_hdf5, write_parquet

WRITERS = pytest.mark.parametrize(("write", "read", "name"), [(write_hdf5, read_hdf5, "events.h5"), (write_parquet, read_parquet, "events.parquet")])


def events(n: int = 6, seed: int = 1) -> Table:
    """Events of 0 to 5 stations with records and 0 to 3 silent ones."""
    draw = np.random.default_rng(seed)
    hits, silent = draw.integers(1, 6, n), draw.integers(0, 4, n)
    hits[1], silent[1], hits[2] = 0, 0, 0
    total, quiet = int(hits.sum()), int(silent.sum())
    offsets, silent_offsets = (np.concatenate([[0], np.cumsum(each)]) for each in (hits, silent))
    pulse = 300 * np.exp(-np.abs(np.arange(BINS) - 20) / 5)
    values = {
        "station_x_m": draw.uniform(-3000, 3000, total),
        "station_y_m": draw.uniform(-3000, 3000, total),
        "start_ns": draw.uniform(0, 2e4, total),
        "waveform": draw.poisson(5.5 + pulse * draw.lognormal(size=(total, 2, 1))).clip(0, 4095),
    }
    table: Table = {name: Ragged(values[name].astype(column.dtype), offsets) for name, column in HITS.items()}
    table |= {name: Ragged(draw.uniform(-4e3, 4e3, quiet).astype(np.float32), silent_offsets) for name in SILENT}
    theta = {name: draw.uniform(0, 5, n).astype(column.dtype) for name, column in THETA.items() if name not in ("particle", "energy_ev")}
    return table | theta | {"particle": draw.integers(0, len(PARTICLES), n), "energy_ev": 10 ** draw.uniform(18, 20, n)}


def assert_same(found: Table, expected: Table) -> None:
    for name, values in expected.items():
        if isinstance(values, Ragged):
            np.testing.assert_array_equal(found[name].offsets, values.offsets)
            np.testing.assert_array_equal(found[name].values, values.values)
            assert found[name].dtype == values.dtype
        else:
            np.testing.assert_array_equal(found[name], values)


@WRITERS
def test_tables_come_back(write: Callable, read: Callable, name: str, tmp_path: Path) -> None:
    table = events()
    write(tmp_path / name, table)
    back = whole(read(tmp_path / name))
    assert_same(back, table)
    assert set(back) == {*table, *PULSES, *FIT, *FROM_FILE}
    check_table(back, {column: schema_of(back).columns[column] for column in back})
    write(tmp_path / name, back)
    assert_same(whole(read(tmp_path / name)), back)


@WRITERS
def test_positions_and_clocks_of_the_array_come_back(write: Callable, read: Callable, name: str, tmp_path: Path) -> None:
    table = events() | {"origin_x_m": np.linspace(-9e4, 9e4, 6), "origin_y_m": np.full(6, 12.5), "origin_ns": np.full(6, 1_410_000_000_123_456_789)}
    table |= {"event_id": np.array([9, 4, 7, 7, 1, 0]), "read_flags": np.array([0, 1, 1, 4, 0, 0])}
    write(tmp_path / name, table)
    back = whole(read(tmp_path / name))
    assert_same(back, table | {"event_id": np.arange(6), "core_x_m": back["core_x_m"], "core_y_m": back["core_y_m"]})
    np.testing.assert_allclose(back["core_x_m"], table["core_x_m"], atol=1e-2)
    write(tmp_path / name, take(table, [0, 1, 2, 4, 5]))
    assert whole(read(tmp_path / name))["event_id"].tolist() == [9, 4, 7, 1, 0]


@WRITERS
def test_tables_without_records_are_written_event_by_event(write: Callable, read: Callable, name: str, tmp_path: Path) -> None:
    table = {column: values for column, values in events().items() if column not in {**HITS, **SILENT}}
    write(tmp_path / name, table)
    assert_same(whole(read(tmp_path / name)), table)
    with pytest.raises(ValueError, match="'silent_y_m' is missing"):
        write(tmp_path / name, {column: values for column, values in events().items() if column != "silent_y_m"})
    with pytest.raises(ValueError, match="the column 'cosmic_rays' is ragged"):
        write(tmp_path / name, table | {"cosmic_rays": events()["station_x_m"]})


def test_files_of_stations_state_their_units(tmp_path: Path) -> None:
    """And what they state is what is read: a file whose unit is changed holds other numbers."""
    wanted = {"x_m": "m", "start_ns": "ns", "zenith_deg": "deg"}
    write_hdf5(tmp_path / "a.h5", events())
    write_parquet(tmp_path / "a.parquet", events())
    schema = pq.read_schema(tmp_path / "a.parquet")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for name, unit in wanted.items():
            assert file[name].attrs["unit"] == unit and schema.field(name).metadata[b"unit"].decode() == unit
        file["zenith_deg"].attrs["unit"] = "arcmin"
    rows = pq.read_table(tmp_path / "a.parquet")
    index = rows.schema.get_field_index("zenith_deg")
    pq.write_table(rows.cast(rows.schema.set(index, rows.schema.field(index).with_metadata({"unit": "arcmin"}))), tmp_path / "a.parquet")
    for found in (whole(read_hdf5(tmp_path / "a.h5")), whole(read_parquet(tmp_path / "a.parquet"))):
        np.testing.assert_allclose(found["zenith_deg"], events()["zenith_deg"] / 60.0, rtol=1e-6)


@WRITERS
def test_no_events_at_all(write: Callable, read: Callable, name: str, tmp_path: Path) -> None:
    write(tmp_path / name, take(events(), slice(0, 0)))
    back = whole(read(tmp_path / name))
    assert len(back["waveform"]) == 0 and back["waveform"].values.shape == (0, 2, BINS)


def test_a_ragged_table_of_columns_is_read_too(tmp_path: Path) -> None:
    table = events()
    with h5py.File(tmp_path / "events.h5", "w") as file:
        for name, values in table.items():
            if isinstance(values, Ragged):
                file[f"{name}/values"], file[f"{name}/offsets"] = values.values, values.offsets
            else:
                file[name] = values
    assert_same(whole(read_hdf5(tmp_path / "events.h5")), table)


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
    assert_same(whole(read_parquet(tmp_path / "a.parquet")), table)


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


def test_an_event_that_has_lost_all_its_stations_stays(tmp_path: Path) -> None:
    rows = user_rows()
    rows["x_m"] = np.where(rows["event"] == 3, np.nan, rows["x_m"])
    table = whole(read_hdf5(save(tmp_path / "a.h5", rows, step_ns=20.0)))
    assert table["read_flags"][1] == ReadFlag.BAD_STATION | ReadFlag.NO_STATION
    assert np.diff(table["waveform"].offsets).tolist() == [3, 0, 3]


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


@WRITERS
def test_missing_and_damaged_files(write: Callable, read: Callable, name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        whole(read(tmp_path / name))
    write(tmp_path / name, events())
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:200])
    with pytest.raises(ValueError, match="not a readable"):
        whole(read(tmp_path / name))


def test_two_files_join(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_hdf5(tmp_path / f"{seed}.h5", events(seed=seed))
    joined = concatenate([whole(read_hdf5(tmp_path / f"{seed}.h5")) for seed in (1, 2)])
    write_hdf5(tmp_path / "both.h5", joined)
    assert_same(whole(read_hdf5(tmp_path / "both.h5")), {name: values for name, values in joined.items() if name != "event_id"})
    assert [f.name for f in FORMATS] == ["hdf5", "parquet", "auger-json", "hisparc"]
