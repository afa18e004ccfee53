"""Files of stations and of tables in HDF5 and parquet: what is written comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from cloudchamber.schema import Ragged, Table, check_table, concatenate, take, whole
from cloudchamber.studies.surface_array.columns import BINS, FIT, HITS, PARTICLES, PULSES, SILENT, THETA
from cloudchamber.studies.surface_array.formats import FORMATS, FROM_FILE, read_hdf5, read_parquet, schema_of, write_hdf5, write_parquet

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
