from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cloudchamber.studies.calorimeter.geant4.data import OFFICIAL, find_data
from cloudchamber.studies.calorimeter.geant4.em_data import ensure_em_data

pytestmark = pytest.mark.usefixtures("geant4_needed")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without data sets; the folder is empty."""
    for variable in (*OFFICIAL, "GEANT4_DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def install(folder: Path) -> dict[str, str]:
    """Folders that look like the official data sets."""
    found = {variable: str(folder / f"{start}9.9") for variable, start in OFFICIAL.items()}
    for path in found.values():
        Path(path).mkdir(parents=True)
    return found


def test_without_official_data_sets_the_built_one_serves_all(bare: Path) -> None:
    assert find_data(hadrons=False) == dict.fromkeys([*OFFICIAL, "GEANT4_DATA_DIR"], str(ensure_em_data()))


def test_official_data_sets_come_from_their_parent_folder(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEANT4_DATA_DIR", str(bare / "data"))
    found = install(bare / "data")
    assert find_data(hadrons=True) == {**found, "GEANT4_DATA_DIR": str(bare / "data")}


def test_official_data_sets_that_geant4_pybind_downloaded(bare: Path) -> None:
    found = install(bare / ".geant4_pybind")
    assert find_data(hadrons=True) == {**found, "GEANT4_DATA_DIR": found["G4LEDATA"]}


def test_single_variables_win(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(bare / ".geant4_pybind")
    (bare / "mine").mkdir()
    monkeypatch.setenv("G4LEDATA", str(bare / "mine"))
    assert find_data(hadrons=True)["G4LEDATA"] == str(bare / "mine")


def test_hadrons_without_official_data_sets_are_refused(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"FTFP_BERT.*G4EMLOW is missing.*GEANT4_DATA_DIR.*G4LEDATA, G4LEVELGAMMADATA"):
        find_data(hadrons=True)
    found = install(bare / "data")
    monkeypatch.setenv("GEANT4_DATA_DIR", str(bare / "data"))
    Path(found["G4PARTICLEXSDATA"]).rmdir()
    with pytest.raises(ValueError, match="G4PARTICLEXS is missing"):
        find_data(hadrons=True)


@pytest.mark.parametrize("variable", ["GEANT4_DATA_DIR", "G4LEDATA"])
def test_a_variable_that_points_nowhere_is_refused(bare: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "/nowhere")
    with pytest.raises(ValueError, match=f"{variable}: '/nowhere' is not a folder"):
        find_data(hadrons=False)


def test_missing_geant4_pybind_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"geant4_pybind.*pip install 'cloudchamber\[geant4\]'"):
        find_data(hadrons=False)
