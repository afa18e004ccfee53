"""A unit that a file states is turned into the column's, or refused, through every reader of the command line; so is a link to another file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.table import MaskedColumn
from astropy.table import Table as AstropyTable

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.formats.tables import find_format, read_chunks, read_table, write_table
from cloudchamber.hub import load
from cloudchamber.schema import Table, whole
from cloudchamber.store.read import Store
from cloudchamber.study import find_study

N = 3
SHOWERS = {"primary": ["p"] * N, "lg_energy_ev": np.full(N, 18.0), "zenith_deg": np.full(N, np.pi / 6)}
"""With zenith angles in radians."""
BEAM = {"particle": ["e-"] * N, "energy_mev": np.ones(N), "impact_x_mm": np.zeros(N), "impact_y_mm": np.zeros(N), "polar_deg": np.zeros(N)}
BEAM |= {"azimuth_deg": np.zeros(N), "deposit_mev": np.ones((N, 25))}
STATIONS = {
    "event": np.repeat([1, 2], 3),
    "x_m": np.tile([0.0, 1.2, 0.0], 2),
    "y_m": np.tile([0.0, 0.0, 1.2], 2),
    "start_ns": np.arange(6),
    "waveform_upper": np.full((6, 256), 6.0),
    "waveform_lower": np.full((6, 256), 6.0),
}


def hdf5(path: Path, columns: dict[str, Any], stated: dict[str, str], **attributes: float) -> None:
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[name] = values
        for name, unit in stated.items():
            file[name].attrs["unit"] = unit
        file.attrs.update(attributes)


def parquet(path: Path, columns: dict[str, Any], stated: dict[str, str], **attributes: float) -> None:
    arrays = {name: pa.array(list(values)) for name, values in columns.items()}
    fields = [pa.field(name, array.type, metadata={"unit": stated[name]} if name in stated else None) for name, array in arrays.items()]
    schema = pa.schema(fields, metadata={name: str(value) for name, value in attributes.items()})
    pq.write_table(pa.Table.from_arrays(list(arrays.values()), schema=schema), path)


def converted(path: Path, study: str, name: str, *more: str) -> np.ndarray:
    """A column of the store that ``convert`` makes of the file."""
    out = path.with_name(f"{path.stem}_store")
    main(["convert", study, str(path), "--out", str(out), *more])
    values = Store(out).read([name])[name]
    return np.asarray(getattr(values, "values", values))


@pytest.mark.parametrize("write", [hdf5, parquet])
def test_angles_of_showers(write: Callable[..., None], tmp_path: Path) -> None:
    file = tmp_path / f"showers.{'h5' if write is hdf5 else 'parquet'}"
    write(file, SHOWERS, {"zenith_deg": "rad", "lg_energy_ev": "lg(E/eV)"})
    np.testing.assert_allclose(converted(file, "airshower", "zenith_deg"), 30.0, rtol=1e-6)
    main(["sample", "airshower", str(tmp_path / "drawn"), "--given", str(file)])
    np.testing.assert_allclose(Store(tmp_path / "drawn").read(["zenith_deg"])["zenith_deg"], 30.0, rtol=1e-6)


def test_energies_of_a_calorimeter(tmp_path: Path) -> None:
    hdf5(tmp_path / "beam.h5", BEAM, {"energy_mev": "GeV"})
    assert converted(tmp_path / "beam.h5", "calorimeter", "energy_mev").tolist() == [1000.0] * N
    hdf5(tmp_path / "challenge.hdf5", {"incident_energies": np.ones((N, 1)), "showers": np.ones((N, 368))}, {"incident_energies": "GeV", "showers": "keV"})
    assert converted(tmp_path / "challenge.hdf5", "calorimeter", "energy_mev").tolist() == [1000.0] * N
    np.testing.assert_allclose(converted(tmp_path / "challenge.hdf5", "calorimeter", "deposit_mev"), 1e-3)


@pytest.mark.parametrize("write", [hdf5, parquet])
def test_places_and_times_of_stations(write: Callable[..., None], tmp_path: Path) -> None:
    """Whole numbers stay whole: seconds of GPS have more nanoseconds than a float has digits."""
    file, second = tmp_path / f"stations.{'h5' if write is hdf5 else 'parquet'}", 1_300_000_000
    stations = STATIONS | {"start_ns": np.array([second, second, second] * 2)}
    write(file, stations, {"x_m": "km", "y_m": "km", "start_ns": "s"}, step_ns=20.0)
    assert np.ptp(converted(file, "surface_array", "station_x_m")) == pytest.approx(1200.0)
    origin = Store(tmp_path / "stations_store").read(["origin_ns"])["origin_ns"]
    assert origin.tolist() == [second * 10**9] * 2


@pytest.mark.parametrize(
    ("study", "columns", "stated", "message"),
    [
        ("calorimeter", BEAM, {"energy_mev": "m"}, "'energy_mev' is in MeV, got m, which is another kind of quantity"),
        ("calorimeter", BEAM, {"energy_mev": "furlong"}, "'furlong' is no unit that is known"),
        ("airshower", SHOWERS, {"lg_energy_ev": "eV"}, "'lg_energy_ev' is in lg(E/eV), which numbers in eV cannot be turned into"),
        ("surface_array", STATIONS, {"x_m": "ns"}, "'x_m' is in m, got ns"),
    ],
)
def test_what_cannot_be_is_refused(study: str, columns: Any, stated: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hdf5(tmp_path / "a.h5", columns, stated, step_ns=20.0)
    with pytest.raises(SystemExit):
        main(["convert", study, str(tmp_path / "a.h5"), "--out", str(tmp_path / "out")])
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("study", "columns"), [("calorimeter", BEAM), ("airshower", SHOWERS), ("surface_array", STATIONS)])
def test_links_to_other_files_are_refused(study: str, columns: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hdf5(tmp_path / "secret.h5", columns, {}, step_ns=20.0)
    *_, name = columns
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for other in columns:
            file[other] = h5py.ExternalLink("secret.h5", other) if other == name else columns[other]
    with pytest.raises(SystemExit):
        main(["convert", study, str(tmp_path / "a.h5"), "--out", str(tmp_path / "out")])
    assert f"'{name}' is a link to another file" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("suffix", "format"), [("ecsv", "ascii.ecsv"), ("csv", "ascii.ecsv"), ("fits", "fits"), ("vot", "votable")])
def test_tables_of_astropy(suffix: str, format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = AstropyTable({**SHOWERS, "zenith_deg": SHOWERS["zenith_deg"] * units.rad})  # type: ignore[operator]
    table.write(tmp_path / f"a.{suffix}", format=format)
    main(["sample", "airshower", str(tmp_path / "drawn"), "--given", str(tmp_path / f"a.{suffix}")])
    np.testing.assert_allclose(Store(tmp_path / "drawn").read(["zenith_deg"])["zenith_deg"], 30.0, rtol=1e-6)
    table["zenith_deg"] = MaskedColumn(table["zenith_deg"], mask=[False, True, False], unit="rad")
    table.write(tmp_path / f"b.{suffix}", format=format)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["sample", "airshower", str(tmp_path / "other"), "--given", str(tmp_path / f"b.{suffix}")])
    told = " ".join(capsys.readouterr().err.split())
    assert "'zenith_deg'" in told and ("no value" in told or "NaN" in told)


def test_a_sky_in_ecsv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sky = {"ra_deg": [10.0, 200.0], "dec_deg": [-20.0, 10.0], "energy_eev": [60.0, 70.0]}
    AstropyTable(sky, units=["deg", "deg", "EeV"]).write(tmp_path / "right.csv", format="ascii.ecsv")
    np.testing.assert_allclose(converted(tmp_path / "right.csv", "cosmic_ray_sky", "energy_ev", "--format", "auger"), [6e19, 7e19])
    AstropyTable(sky, units=["deg", "deg", "PeV"]).write(tmp_path / "wrong.csv", format="ascii.ecsv")
    with pytest.raises(SystemExit):
        converted(tmp_path / "wrong.csv", "cosmic_ray_sky", "energy_ev", "--format", "auger")
    assert "'energy_eev' is in PeV, and is read in EeV" in " ".join(capsys.readouterr().err.split())


FLAGGED: dict[str, Table] = {
    "airshower": {"primary": np.array(["p"] * 2), "lg_energy_ev": np.zeros(2), "zenith_deg": np.full(2, 30.0)},
    "calorimeter": {name: np.array(values[:2]) for name, values in BEAM.items()} | {"polar_deg": np.full(2, 3.0)},
}


def theta(study: str) -> Table:
    """Two events, of which the second one's energy is none that the packaged model knows."""
    model, name = load(study), "lg_energy_ev" if study == "airshower" else "energy_mev"
    low, high = model.domain[name]  # type: ignore[misc]
    table = FLAGGED[study] | {name: np.array([(low + high) / 2, high + 0.01 * (high - low)])}
    return {given: table[given] for given in model.given}


@pytest.fixture(scope="module", params=["airshower", "calorimeter"])
def flagged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A study, and a file of answers of which one is marked."""
    path = tmp_path_factory.mktemp(request.param) / "a.h5"
    workflow.sample(request.param, path, given=theta(request.param), outside="flag")
    return request.param, path


@pytest.mark.parametrize("suffix", ["h5", "parquet", "csv", "ecsv", "root"])
def test_units_and_marks_leave_with_their_numbers(suffix: str, flagged: tuple[str, Path]) -> None:
    """What is sampled, converted and read again keeps numbers, units and marks."""
    name, source = flagged
    study = find_study(name)
    path = source.with_name(f"converted.{suffix}")
    workflow.convert(study, source, path)
    marks = whole(read_chunks(path, study, marks=True))["in_domain"]
    assert marks.dtype == bool and marks.tolist() == [True, False]
    before, after = read_table(source, study), read_table(path, study)
    assert "in_domain" not in after and set(after) == set(before)
    for column in before:
        if suffix != "root" or name == "calorimeter":
            np.testing.assert_array_equal(after[column], before[column])
    workflow.convert(study, path, source.with_name(f"back_{suffix}.h5"))
    with h5py.File(source.with_name(f"back_{suffix}.h5")) as file:
        assert file["in_domain"][:].tolist() == [True, False]
    workflow.convert(study, path, source.with_name(f"store_{suffix}"))


def test_units_stand_in_hdf5_and_parquet(flagged: tuple[str, Path]) -> None:
    name, source = flagged
    columns = find_study(name).simulator.schema.columns
    workflow.convert(name, source, source.with_name("units.parquet"))
    workflow.convert(name, source, source.with_name("units.ecsv"))
    fields = pq.read_schema(source.with_name("units.parquet"))
    table = AstropyTable.read(source.with_name("units.ecsv"), format="ascii.ecsv")
    with h5py.File(source) as file:
        assert len(set(file) & set(columns)) >= 4
        for column in set(file) & set(columns):
            assert file[column].attrs["unit"] == columns[column].unit
            assert fields.field(column).metadata[b"unit"].decode() == columns[column].unit
            entry = column if column in table.colnames else next(title for title in table.colnames if title.startswith(f"{column}["))
            assert (table[entry].unit or units.dimensionless_unscaled) == units.Unit(columns[column].unit, parse_strict="silent")


@pytest.mark.parametrize("suffix", ["h5", "parquet", "ecsv"])
def test_a_unit_changed_in_a_file_of_ours_is_converted(suffix: str, tmp_path: Path) -> None:
    study = find_study("toy")
    table = study.simulator.prior(5, np.random.default_rng(1))
    table |= study.simulator.simulate(table, np.random.default_rng(2))
    path = tmp_path / f"a.{suffix}"
    write_table(path, table, study)
    assert find_format(path, study, None, "write").name in ("hdf5", "ecsv", "table-parquet")
    again = read_table(path, study)
    for name in table:
        np.testing.assert_allclose(again[name], table[name], rtol=1e-6)
    if suffix == "h5":
        with h5py.File(path, "a") as file:
            assert file["decay_time_us"].attrs["unit"] == "us"
            file["decay_time_us"].attrs["unit"] = "ms"
    elif suffix == "parquet":
        rows = pq.read_table(path)
        index = rows.schema.get_field_index("decay_time_us")
        field = rows.schema.field(index)
        assert field.metadata[b"unit"] == b"us"
        pq.write_table(rows.cast(rows.schema.set(index, field.with_metadata({"unit": "ms"}))), path)
    else:
        head, line, rest = path.read_text().partition('{"name": "decay_time_us", "datatype": "float32", "unit": "')
        assert line and rest.startswith("us")
        path.write_text(f"{head}{line}ms{rest.removeprefix('us')}")
    np.testing.assert_allclose(read_table(path, study)["decay_time_us"], 1000.0 * table["decay_time_us"], rtol=1e-6)


@pytest.mark.parametrize("suffix", ["h5", "parquet"])
def test_so_is_one_of_a_study_s_own_file(suffix: str, flagged: tuple[str, Path], tmp_path: Path) -> None:
    study, source = flagged
    path, angle = tmp_path / f"a.{suffix}", "zenith_deg" if study == "airshower" else "polar_deg"
    workflow.convert(study, source, path)
    before = read_table(path, find_study(study))[angle]
    if suffix == "h5":
        with h5py.File(path, "a") as file:
            file[angle].attrs["unit"] = "arcmin"
    else:
        rows = pq.read_table(path)
        index = rows.schema.get_field_index(angle)
        pq.write_table(rows.cast(rows.schema.set(index, rows.schema.field(index).with_metadata({"unit": "arcmin"}))), path)
    np.testing.assert_allclose(read_table(path, find_study(study))[angle], before / 60.0, rtol=1e-6)
