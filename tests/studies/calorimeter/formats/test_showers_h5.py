from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.schema import Table, whole
from cloudchamber.store.read import Store
from cloudchamber.studies.calorimeter.formats.schema import schema_of
from cloudchamber.studies.calorimeter.formats.showers_h5 import CALOCHALLENGE, PARTICLES, read_slices, write_showers
from cloudchamber.studies.calorimeter.gflash.simulator import Gflash
from cloudchamber.study import Study
from cloudchamber.workflow import convert

EVENTS = 7


def official(path: Path, cells: int = 12, **changes: np.ndarray) -> Path:
    """A file as the challenge's own, in double precision and compressed."""
    random = np.random.default_rng(1)
    data = {
        "incident_energies": random.uniform(1e3, 1e6, (EVENTS, 1)),
        "showers": random.exponential(5.0, (EVENTS, cells)) * (random.random((EVENTS, cells)) < 0.5),
    }
    with h5py.File(path, "w") as file:
        for name, values in (data | changes).items():
            file.create_dataset(name, data=values, compression="gzip")
    return path


def crystals() -> Table:
    random = np.random.default_rng(2)
    return {
        "particle": random.integers(0, 3, EVENTS),
        "energy_mev": random.uniform(200, 5000, EVENTS).astype(np.float32),
        "impact_x_mm": random.uniform(-30, 30, EVENTS).astype(np.float32),
        "impact_y_mm": random.uniform(-30, 30, EVENTS).astype(np.float32),
        "polar_deg": random.uniform(0, 20, EVENTS).astype(np.float32),
        "azimuth_deg": random.uniform(-180, 180, EVENTS).astype(np.float32),
        "deposit_mev": random.exponential(50.0, (EVENTS, 25)).astype(np.float32),
    }


def test_an_official_file(tmp_path: Path) -> None:
    path = official(tmp_path / "a.hdf5")
    table = whole(read_slices(path))
    with h5py.File(path) as file:
        np.testing.assert_allclose(table["energy_mev"], file["incident_energies"][:, 0], rtol=1e-6)
        np.testing.assert_allclose(table["deposit_mev"], file["showers"][:], rtol=1e-6)
    assert table["deposit_mev"].dtype == np.float32
    assert all(np.all(table[name] == 0) for name in ("particle", "impact_x_mm", "impact_y_mm", "polar_deg", "azimuth_deg"))


@pytest.mark.parametrize(("cells", "particle"), [(368, "gamma"), (533, "pi+"), (6480, "e-")])
def test_the_data_set_tells_the_particle(cells: int, particle: str, tmp_path: Path) -> None:
    assert set(whole(read_slices(official(tmp_path / "a.hdf5", cells)))["particle"]) == {PARTICLES.index(particle)}
    assert set(whole(read_slices(official(tmp_path / "a.hdf5", cells), particle="proton"))["particle"]) == {PARTICLES.index("proton")}
    with pytest.raises(ValueError, match="unknown particle 'Proton'; allowed: e-, gamma"):
        whole(read_slices(official(tmp_path / "a.hdf5", cells), particle="Proton"))


def test_round_trip_of_everything(tmp_path: Path) -> None:
    table = crystals()
    write_showers(tmp_path / "a.hdf5", table)
    back = whole(read_slices(tmp_path / "a.hdf5"))
    assert list(back) == list(table)
    for name, values in table.items():
        np.testing.assert_array_equal(back[name], values)


def test_what_is_written_is_what_the_challenge_reads(tmp_path: Path) -> None:
    table = crystals()
    write_showers(tmp_path / "a.hdf5", {name: table[name] for name in ("energy_mev", "deposit_mev")} | {"particle": np.zeros(EVENTS, int)})
    with h5py.File(tmp_path / "a.hdf5") as file:
        assert set(file) == {"incident_energies", "showers"} and file["incident_energies"].shape == (EVENTS, 1) and file["showers"].shape == (EVENTS, 25)
    with pytest.raises(ValueError, match="lacks 'deposit_mev', it has: energy_mev"):
        write_showers(tmp_path / "b.hdf5", {"energy_mev": np.ones(3)})


def test_slices_make_the_whole(tmp_path: Path) -> None:
    path = official(tmp_path / "a.hdf5")
    parts = list(read_slices(path, 3))
    assert [len(part["energy_mev"]) for part in parts] == [3, 3, 1]
    together = whole(read_slices(path))
    for name in together:
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), together[name])


NEGATIVE, NAN = np.zeros((EVENTS, 12)), np.ones((EVENTS, 1))
NEGATIVE[4, 9], NAN[5] = -0.25, np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"showers": NEGATIVE}, "'showers' must be finite and 0 or more MeV, got -0.25 in event 4, voxel 9"),
        ({"incident_energies": NAN}, "'incident_energies' must be finite and above 0 MeV, got nan in event 5"),
        ({"incident_energies": np.ones((EVENTS, 2))}, r"'incident_energies' must have shape \(7, 1\).*got \(7, 2\)"),
        ({"incident_energies": np.ones((3, 1))}, r"as many events as 'showers' \(7, 12\), got \(3, 1\)"),
        ({"showers": np.ones((EVENTS, 3, 4))}, r"'showers' must have shape \(events, voxels\).*got \(7, 3, 4\)"),
        ({"showers": np.array([[b"a"]] * EVENTS)}, "'showers' must hold numbers"),
        ({"particle": np.array([b"kaon0"] * EVENTS)}, "unknown particle 'kaon0'; allowed: e-, gamma"),
        ({"polar_deg": np.ones(2)}, r"'polar_deg' must have shape \(7,\), one entry a shower, got \(2,\)"),
    ],
)
def test_faults_are_named(changes: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"a.hdf5'.*{message}"):
        whole(read_slices(official(tmp_path / "a.hdf5", **changes)))


def test_other_and_broken_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        file["deposit_mev"] = np.ones((2, 25))
    with pytest.raises(ValueError, match=r"no data set 'incident_energies'; it holds: deposit_mev.*name the format hdf5"):
        whole(read_slices(path))
    path.write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match=r"a.hdf5' is not a readable HDF5 file"):
        whole(read_slices(path))
    content = official(path, 600).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="damaged or cut short"):
        whole(read_slices(path))
    damaged = bytearray(content)
    # somewhere in the compressed showers
    damaged[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="damaged or cut short"):
        whole(read_slices(path))


def test_a_store_of_voxels_and_back(tmp_path: Path) -> None:
    study = Study("calorimeter", "", {"gflash": Gflash}, {}, "none", tuple, lambda truth, answers: {}, tmp_path, formats=(CALOCHALLENGE,), schema_of=schema_of)
    path = official(tmp_path / "dataset_2_1.hdf5", 6480)
    done = convert(study, path, tmp_path / "store")
    store = Store(tmp_path / "store")
    assert done.events == EVENTS and done.absent == () and store.schema.x["deposit_mev"].shape == (6480,)
    convert(study, tmp_path / "store", tmp_path / "back.hdf5")
    table, back = whole(read_slices(path)), whole(read_slices(tmp_path / "back.hdf5"))
    # a store has a random order of its own
    one, two = (np.argsort(each["energy_mev"]) for each in (table, back))
    for name in table:
        np.testing.assert_array_equal(table[name][one], back[name][two])
    write_showers(tmp_path / "crystals.hdf5", crystals())
    with pytest.raises(ValueError, match="of different shapes, so of different detectors"):
        convert(study, [path, tmp_path / "crystals.hdf5"], tmp_path / "both")
    convert(study, tmp_path / "crystals.hdf5", tmp_path / "crystals")
    assert Store(tmp_path / "crystals").schema == study.simulator.schema
