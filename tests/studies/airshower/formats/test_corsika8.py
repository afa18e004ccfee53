"""Output folders of CORSIKA 8."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from cloudchamber.physics.shower import gaisser_hillas_rl
from cloudchamber.schema import events_in, whole
from cloudchamber.studies.airshower.columns import depth_grid
from cloudchamber.studies.airshower.formats import corsika8, read_corsika8

GIVEN: dict[str, Any] = {"primary": "p", "lg_energy_ev": 17.5, "zenith_deg": 0.0}


def write_corsika8(folder: Path, per_depth: bool = False, primary: bool = True, pdg: int = 1000070140, **change: Any) -> None:
    """The output folder of a run of two showers, as CORSIKA 8's writers lay it out."""
    depth = np.tile(10.0 * np.arange(110), 2)
    number = np.repeat([0, 1], 110)
    n = gaisser_hillas_rl(depth, 1e7, 650.0 + 50 * number, 0.25, 230.0) * (depth <= 1030)
    species = {"charged": n, "hadron": 0.003 * n, "photon": 5 * n, "electron": 0.6 * n, "positron": 0.4 * n, "muplus": 0.01 * n, "muminus": 0.02 * n}
    profile = {"shower": number.astype(np.int32), "X": np.float32(depth)} | {name: np.float32(v) for name, v in species.items()} | change
    energy = 20 * gaisser_hillas_rl(depth + 5, 1e3, 650.0 + 50 * number, 0.25, 230.0) * (depth < 1030)
    for name in ("profile", "energyloss", "primary"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: v for name, v in profile.items() if v is not None}), folder / "profile" / "profile.parquet")
    loss = {"shower": number.astype(np.int32), "X": np.float32(depth), "total": np.float32(energy / 10 if per_depth else energy)}
    pq.write_table(pa.table(loss), folder / "energyloss" / "dEdX.parquet")
    totals = {f"shower_{i}": {"sum_dEdX": float(energy[number == i].sum())} for i in (0, 1)}
    (folder / "energyloss" / "summary.yaml").write_text(yaml.safe_dump(totals))
    if primary:
        zenith = np.radians(40)
        entry = {"pdg": pdg, "total_energy": 1e9, "nx": 0.0, "ny": float(np.sin(zenith)), "nz": float(-np.cos(zenith))}
        (folder / "primary" / "summary.yaml").write_text(yaml.safe_dump({"shower_0": entry, "shower_1": entry}))


@pytest.mark.parametrize("per_depth", [False, True])
def test_corsika8_folder(per_depth: bool, tmp_path: Path) -> None:
    write_corsika8(tmp_path, per_depth)
    table = whole(read_corsika8(tmp_path))
    np.testing.assert_array_equal(table["primary"], 2)
    for name, value in {"lg_energy_ev": 18, "zenith_deg": 40, "azimuth_deg": 90}.items():
        np.testing.assert_allclose(table[name], value, rtol=1e-6)
    np.testing.assert_allclose(table["xmax_g_cm2"], [650, 700], atol=0.1)
    np.testing.assert_allclose(table["xmax_deposit_g_cm2"], [650, 700], atol=0.1)
    np.testing.assert_allclose(table["n_muon"], 0.03 * table["n_electron"], rtol=1e-5)
    np.testing.assert_allclose(10 * table["energy_deposit_gev_per_g_cm2"].sum(axis=1), table["calorimetric_energy_gev"], rtol=1e-5)
    np.testing.assert_allclose(table["energy_deposit_gev_per_g_cm2"][0, 65], 2e3, rtol=1e-3)
    assert (table["energy_deposit_gev_per_g_cm2"][:, depth_grid() > 1030] == 0).all()


def test_corsika8_without_primary_takes_parameters(tmp_path: Path) -> None:
    write_corsika8(tmp_path, primary=False)
    with pytest.raises(ValueError, match="does not say 'primary'"):
        whole(read_corsika8(tmp_path))
    assert whole(read_corsika8(tmp_path, **GIVEN))["lg_energy_ev"].tolist() == [17.5, 17.5]


def test_corsika8_folder_is_checked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not the output folder of a CORSIKA 8 run"):
        whole(read_corsika8(tmp_path))
    write_corsika8(tmp_path, pdg=211)
    with pytest.raises(ValueError, match="PDG code 211 is none"):
        whole(read_corsika8(tmp_path))
    write_corsika8(tmp_path, muplus=None)
    with pytest.raises(ValueError, match="no column 'muplus'; it has: shower"):
        whole(read_corsika8(tmp_path))
    write_corsika8(tmp_path, X=np.zeros(220, np.float32))
    with pytest.raises(ValueError, match="shower 0, n_electron: the depths must rise"):
        whole(read_corsika8(tmp_path))
    parquet = tmp_path / "profile" / "profile.parquet"
    parquet.write_bytes(parquet.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a readable parquet file"):
        whole(read_corsika8(tmp_path))


def test_corsika8_comes_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_corsika8(tmp_path)
    together = whole(read_corsika8(tmp_path))
    monkeypatch.setattr(corsika8, "CHUNK_EVENTS", 1)
    parts = list(read_corsika8(tmp_path))
    assert [events_in(part) for part in parts] == [1, 1]
    for name, values in whole(parts).items():
        np.testing.assert_array_equal(values, together[name])


def test_showers_of_corsika8_stand_one_after_the_other(tmp_path: Path) -> None:
    write_corsika8(tmp_path, shower=np.repeat([1, 0], 110).astype(np.int32))
    with pytest.raises(ValueError, match="shower 0 comes after shower 1: CORSIKA 8 writes them in order"):
        whole(read_corsika8(tmp_path))


def test_a_shower_without_its_energy_loss_is_named(tmp_path: Path) -> None:
    write_corsika8(tmp_path)
    loss = tmp_path / "energyloss" / "dEdX.parquet"
    pq.write_table(pq.read_table(loss).slice(110), loss)
    with pytest.raises(ValueError, match="energy loss of shower 0: 0 depths, needs at least three"):
        whole(read_corsika8(tmp_path))
