"""Where Geant4's data sets are: official ones that are installed, else for electrons and photons those of ``em_data``."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from cloudchamber.studies.calorimeter.geant4.em_data import ensure_em_data

OFFICIAL = {
    "G4LEDATA": "G4EMLOW",
    "G4LEVELGAMMADATA": "PhotonEvaporation",
    "G4ENSDFSTATEDATA": "G4ENSDFSTATE",
    "G4PARTICLEXSDATA": "G4PARTICLEXS",
}
"""The environment variables that the physics lists read here, and how their data sets' folders begin."""


def find_data(hadrons: bool) -> dict[str, str]:
    """Environment variables for Geant4's process: its data sets, one way or the other.

    The variables come first, then folders in ``GEANT4_DATA_DIR``, then those that geant4-pybind once downloaded. ``hadrons`` need all of them: ValueError
    says what is missing. ImportError where geant4-pybind itself is missing.
    """
    require_geant4()
    found = {variable: folder for variable, start in OFFICIAL.items() if (folder := _official(variable, start))}
    missing = [variable for variable in OFFICIAL if variable not in found]
    if missing and hadrons:
        raise ValueError(
            f"physics 'FTFP_BERT' (muons and hadrons) needs Geant4's official data sets, and {OFFICIAL[missing[0]]} is missing: install them from "
            f"https://geant4.web.cern.ch/download and set GEANT4_DATA_DIR to their folder, or {', '.join(missing)}; 'opt0' (e-, gamma, e+) needs none"
        )
    if missing:
        found |= dict.fromkeys(missing, str(ensure_em_data()))
    # with this variable set, geant4_pybind neither asks nor downloads when it is imported
    return {**found, "GEANT4_DATA_DIR": _installed() or found["G4LEDATA"]}


def require_geant4() -> None:
    """ImportError that names the extra, where geant4-pybind is not installed."""
    if importlib.util.find_spec("geant4_pybind") is None:
        raise ImportError("the simulator 'geant4' needs 'geant4_pybind': pip install 'cloudchamber[geant4]'")


def _official(variable: str, start: str) -> str:
    """An official data set's folder, empty where there is none; ValueError for a variable that points nowhere."""
    given = os.environ.get(variable)
    if given:
        if not Path(given).is_dir():
            raise ValueError(f"{variable}: '{given}' is not a folder; set it to the data set {start}, or unset it")
        return given
    for parent in (_installed(), str(Path.home() / ".geant4_pybind")):
        folders = sorted(Path(parent).glob(f"{start}*")) if parent else []
        if folders:
            return str(folders[-1])
    return ""


def _installed() -> str:
    parent = os.environ.get("GEANT4_DATA_DIR", "")
    if parent and not Path(parent).is_dir():
        raise ValueError(f"GEANT4_DATA_DIR: '{parent}' is not a folder; set it to the folder of Geant4's data sets, or unset it")
    return parent
