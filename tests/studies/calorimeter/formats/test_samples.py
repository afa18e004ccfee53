from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from events import COLUMNS, showers

from cloudchamber.schema import Table, take, whole
from cloudchamber.studies.calorimeter.formats.samples import FORMATS, read_hdf5, read_root, write_hdf5, write_root


def few() -> Table:
    return take(showers(), slice(0, 7))


@pytest.mark.parametrize("chosen", FORMATS, ids=lambda chosen: chosen.name)
def test_tables_come_back(chosen: Any, tmp_path: Path) -> None:
    path = tmp_path / f"events{chosen.suffixes[0]}"
    chosen.write(path, few())
    back = whole(chosen.read(path))
    assert set(back) == set(COLUMNS)
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(column.check(name, back[name]), few()[name])


def test_root_trees_hold_plain_branches(tmp_path: Path) -> None:
    write_root(tmp_path / "events.root", few())
    with uproot.open(tmp_path / "events.root") as file:
        tree = file["showers"]
        assert tree["deposit_mev"].typename == "float[25]"
        pdg = tree["pdg"].array(library="np")
    np.testing.assert_array_equal(pdg, np.array([11, 22, -11])[few()["particle"]])


def test_a_tree_of_another_name_with_more_branches_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.root"
    with uproot.recreate(path) as file:
        file.mktree("other", {"n": np.int32})
        file["other"].extend({"n": np.arange(3, dtype=np.int32)})
        file.mktree("hits", {"deposit_mev": ("f8", (9,)), "run": np.int32})
        file["hits"].extend({"deposit_mev": np.ones((4, 9)), "run": np.zeros(4, np.int32)})
    table = whole(read_root(path))
    assert list(table) == ["deposit_mev"] and table["deposit_mev"].shape == (4, 9)


def test_wrong_root_files_say_what_is_wrong(tmp_path: Path) -> None:
    awkward = pytest.importorskip("awkward")
    path = tmp_path / "run.root"
    with pytest.raises(FileNotFoundError, match=r"run\.root: no such file"):
        whole(read_root(path))
    with uproot.recreate(path) as file:
        file.mktree("other", {"n": np.int32})
    with pytest.raises(ValueError, match="no tree with a branch 'deposit_mev'; it holds: other;1"):
        whole(read_root(path))
    with uproot.recreate(path) as file:
        file.mktree("hits", {"deposit_mev": "var * float32"})
        file["hits"].extend({"deposit_mev": awkward.Array([[1.0, 2.0], [3.0]])})
    with pytest.raises(ValueError, match="arrays of different lengths, not one entry for each cell"):
        whole(read_root(path))
    with uproot.recreate(path) as file:
        file.mktree("hits", {"deposit_mev": ("f4", (25,)), "pdg": np.int32})
        file["hits"].extend({"deposit_mev": np.ones((2, 25), np.float32), "pdg": np.array([11, 2112000], np.int32)})
    with pytest.raises(ValueError, match="unknown particle with PDG number 2112000; allowed: 11 \\(e-\\)"):
        whole(read_root(path))
    write_root(path, few())
    content = path.read_bytes()
    for size in (20, 300, len(content) - 200):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match="damaged or cut short"):
            whole(read_root(path))


def test_hdf5_files_tell_units_and_are_read_whoever_wrote_them(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "events.h5"
    write_hdf5(path, few())
    with h5py.File(path) as file:
        assert file["energy_mev"].attrs["unit"] == "MeV" and file["particle"][0].decode() in ("e-", "gamma")
    FORMATS[2].write(path, few())  # type: ignore[misc]
    np.testing.assert_array_equal(whole(read_hdf5(path))["deposit_mev"], few()["deposit_mev"])
    with h5py.File(path, "w") as file:
        file["energies"] = np.ones(3)
    with pytest.raises(ValueError, match=r"needs a data set 'deposit_mev' .* it holds: energies"):
        whole(read_hdf5(path))
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="not a readable HDF5 file"):
        whole(read_hdf5(path))
    with h5py.File(path, "w") as file:
        file["deposit_mev"], file["particle"] = np.ones((1, 25)), ["proto"]
    with pytest.raises(ValueError, match=r"events\.h5': unknown 'proto' \(did you mean 'proton'\?\)"):
        whole(read_hdf5(path))


def test_only_columns_of_the_study_are_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the column 'colour' is none of the study's"):
        write_root(tmp_path / "events.root", few() | {"colour": np.ones(7)})
    with pytest.raises(ValueError, match="the column 'deposit_mev' is missing"):
        write_hdf5(tmp_path / "events.h5", {"energy_mev": few()["energy_mev"]})


def test_a_root_file_states_its_units_beside_the_tree(tmp_path: Path) -> None:
    """Branches that uproot writes have no titles to do so; a unit changed there is converted, and what is no such list is none."""
    path, table = tmp_path / "a.root", few() | {"in_domain": np.arange(7) % 2 == 0}
    write_root(path, table)
    with uproot.open(path) as file:
        told = json.loads(str(file["units"]))
    assert told["energy_mev"] == told["deposit_mev"] == "MeV" and told["polar_deg"] == "deg"
    np.testing.assert_array_equal(whole(read_root(path))["in_domain"], table["in_domain"])
    for stated, factor in ((json.dumps(told | {"energy_mev": "GeV"}), 1000.0), ("no JSON", 1.0), ("[]", 1.0)):
        with uproot.update(path) as file:
            file["units"] = stated
        np.testing.assert_allclose(whole(read_root(path))["energy_mev"], factor * table["energy_mev"], rtol=1e-6)
