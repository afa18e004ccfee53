from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloudchamber.formats.tables import write_table
from cloudchamber.physics.shower import gaisser_hillas_rl
from cloudchamber.schema import Table, whole
from cloudchamber.studies.airshower import STUDY
from cloudchamber.studies.airshower.columns import N_DEPTH, THETA, X, depth_grid
from cloudchamber.studies.airshower.formats import FORMATS, read_hdf5, read_parquet, write_hdf5, write_parquet


def showers(n: int = 4) -> Table:
    rng = np.random.default_rng(5)
    xmax = rng.uniform(600, 900, n)
    profile = np.where(depth_grid() <= 1030, gaisser_hillas_rl(depth_grid(), 1e8, xmax[:, None], 0.25, 230.0), 0.0)
    x = {"n_electron": profile, "n_muon": 0.01 * profile, "energy_deposit_gev_per_g_cm2": 2e-3 * profile, "n_hadron": 0.001 * profile}
    scalars = {name: rng.uniform(1, 100, n) for name, column in X.items() if not column.shape}
    theta = {"primary": rng.integers(0, 6, n), "lg_energy_ev": rng.uniform(17, 19, n), "zenith_deg": rng.uniform(0, 65, n), "azimuth_deg": np.zeros(n)}
    table = theta | x | scalars
    return {name: np.asarray(table[name], column.dtype) for name, column in (THETA | X).items()}


both = pytest.mark.parametrize(("write", "read", "suffix"), [(write_hdf5, read_hdf5, "h5"), (write_parquet, read_parquet, "parquet")])
Write, Read = Callable[[Path, Table], None], Callable[[Path], Table]


@both
def test_round_trip_is_exact(write: Write, read: Read, suffix: str, tmp_path: Path) -> None:
    table = showers()
    write(tmp_path / f"a.{suffix}", table)
    again = whole(read(tmp_path / f"a.{suffix}"))
    assert set(again) == set(table)
    for name, values in table.items():
        np.testing.assert_array_equal(again[name], values)
        assert again[name].dtype == values.dtype


@both
def test_part_of_the_columns_is_enough(write: Write, read: Read, suffix: str, tmp_path: Path) -> None:
    write(tmp_path / f"a.{suffix}", {"xmax_g_cm2": np.array([700.0, 800.0])})
    assert list(whole(read(tmp_path / f"a.{suffix}"))) == ["xmax_g_cm2"]


@both
def test_bad_tables_are_not_written(write: Write, read: Read, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(ValueError, match=r"unknown column 'x_max'.*; the study's are: primary, lg_energy_ev"):
        write_table(path, {"xmax_g_cm2": np.ones(2), "x_max": np.ones(2)}, STUDY)
    with pytest.raises(ValueError, match=r"NaN .* event 1"):
        write_table(path, {"xmax_g_cm2": np.array([1.0, np.nan])}, STUDY)
    assert not path.exists()


@both
def test_damaged_and_absent_files(write: Write, read: Read, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(FileNotFoundError, match="no such file"):
        whole(read(path))
    write(path, showers())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="cut short"):
        whole(read(path))


def test_units_and_meaning_stand_in_the_files(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", showers())
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["xmax_g_cm2"].attrs["unit"] == "g/cm2"
        assert file["primary"].attrs["categories"] == "p,He,N,Si,Fe,photon"
    write_parquet(tmp_path / "a.parquet", showers())
    field = pq.read_schema(tmp_path / "a.parquet").field("energy_deposit_gev_per_g_cm2")
    assert field.metadata[b"unit"] == b"GeV cm2/g"
    assert field.type == pa.list_(pa.float32(), N_DEPTH)


def test_foreign_parquet_with_plain_lists_and_names(tmp_path: Path) -> None:
    lists = [[1.0] * N_DEPTH, [2.0] * N_DEPTH]
    pq.write_table(pa.table({"primary": ["Fe", "photon"], "n_muon": lists}), tmp_path / "a.parquet")
    table = whole(read_parquet(tmp_path / "a.parquet"))
    np.testing.assert_array_equal(table["primary"], [4, 5])
    assert table["n_muon"].shape == (2, N_DEPTH)


def test_foreign_parquet_is_checked(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n_muon": [[1.0] * 3, [2.0] * 4]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="'n_muon' holds lists of different lengths"):
        whole(read_parquet(tmp_path / "a.parquet"))
    pq.write_table(pa.table({"primary": ["C"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="unknown 'C'"):
        whole(read_parquet(tmp_path / "a.parquet"))


def test_foreign_hdf5_with_names_and_groups(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["primary"] = ["N", "p"]
    np.testing.assert_array_equal(whole(read_hdf5(tmp_path / "a.h5"))["primary"], [2, 0])
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_group("showers")
    with pytest.raises(ValueError, match="needs one dataset for each column at its top, it has: showers"):
        whole(read_hdf5(tmp_path / "b.h5"))


def test_every_format_reads_and_is_described() -> None:
    assert [f.name for f in FORMATS] == ["conex", "corsika7", "corsika8", "hdf5", "parquet"]
    assert all(f.read is not None and f.doc for f in FORMATS)


@pytest.mark.parametrize("suffix", ["h5", "parquet"])
def test_the_mark_of_the_trained_domain_is_kept(tmp_path: Path, suffix: str) -> None:
    write, read = (write_hdf5, read_hdf5) if suffix == "h5" else (write_parquet, read_parquet)
    table = {"lg_energy_ev": np.array([18.0, 19.5], np.float32), "in_domain": np.array([True, False])}
    write(tmp_path / f"marked.{suffix}", table)
    assert whole(read(tmp_path / f"marked.{suffix}"))["in_domain"].tolist() == [True, False]
