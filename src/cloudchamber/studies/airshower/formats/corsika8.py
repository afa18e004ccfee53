"""CORSIKA 8 output folders: ``profile/profile.parquet``, ``energyloss/dEdX.parquet`` and the YAML files beside them.

References: https://gitlab.iap.kit.edu/AirShowerPhysics/corsika, modules/writers.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cloudchamber.physics.shower import xmax_parabola
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import PRIMARIES
from cloudchamber.studies.airshower.formats.grid import checked, deposit_on_grid, need, numbers_on_grid, theta_column, unknown_primary

PRIMARY_OF_PDG = {2212: "p", 22: "photon", 1000010010: "p", 1000020040: "He", 1000070140: "N", 1000140280: "Si", 1000260560: "Fe"}
SPECIES = {"n_electron": ("electron", "positron"), "n_muon": ("muplus", "muminus"), "n_hadron": ("hadron",)}


def read_corsika8(
    path: Path,
    primary: ArrayLike | None = None,
    lg_energy_ev: ArrayLike | None = None,
    zenith_deg: ArrayLike | None = None,
    azimuth_deg: ArrayLike | None = None,
) -> Table:
    """Read the output folder of a CORSIKA 8 run: profiles and their maxima; primary, energy and direction from ``primary/summary.yaml`` or the parameters.

    A parameter is one value or one for each shower and wins over the file. The profiles count particles above the run's own energy cuts, of which the
    output says nothing. ValueError for a folder without profiles, damaged parquet, and theta that neither the folder nor the parameters give.
    """
    path = Path(path)
    profile = _read_parquet(path / "profile" / "profile.parquet", ("shower", "X", *(name for names in SPECIES.values() for name in names)))
    numbers = np.unique(profile["shower"])
    if not len(numbers):
        raise ValueError(f"{path}: holds no shower")
    found = _read_primaries(path / "primary" / "summary.yaml", numbers)
    given = {"primary": primary, "lg_energy_ev": lg_energy_ev, "zenith_deg": zenith_deg, "azimuth_deg": azimuth_deg}
    names = [name for name in given if name != "azimuth_deg" or azimuth_deg is not None or name in found]
    table: Table = {name: theta_column(name, given[name], found.get(name), len(numbers), path) for name in names}
    rows = [_read_numbers(profile, number, path) for number in numbers]
    if (path / "energyloss" / "dEdX.parquet").is_file():
        loss = _read_parquet(path / "energyloss" / "dEdX.parquet", ("shower", "X", "total"))
        summary = _read_yaml(path / "energyloss" / "summary.yaml")
        rows = [row | _read_deposit(loss, summary, number, path) for row, number in zip(rows, numbers, strict=True)]
    return checked(table | {name: np.stack([row[name] for row in rows]) for name in rows[0]})


def _read_numbers(profile: dict[str, np.ndarray], number: int, path: Path) -> dict[str, Any]:
    mine = profile["shower"] == number
    depth = profile["X"][mine]
    counts = {column: sum(profile[name][mine] for name in names) for column, names in SPECIES.items()}
    row: dict[str, Any] = {column: numbers_on_grid(depth, count, f"{path}: {column} of shower {number}") for column, count in counts.items()}
    (row["xmax_g_cm2"],), (row["nmax"],) = xmax_parabola(depth, counts["n_electron"][None])
    return row


def _read_deposit(loss: dict[str, np.ndarray], summary: dict[str, Any], number: int, path: Path) -> dict[str, Any]:
    mine = loss["shower"] == number
    start, total = loss["X"][mine], loss["total"][mine]
    what = f"{path}: energy loss of shower {number}"
    if len(start) < 3:
        raise ValueError(f"{what}: {len(start)} depths, needs at least three")
    # the X written is the start of its bin
    edges = np.append(start, 2 * start[-1] - start[-2])
    # releases before 2022 wrote GeV/(g/cm2), later ones GeV a bin: the shower's total in the summary tells
    entry = summary.get(f"shower_{number}", summary)
    known = entry.get("sum_dEdX", entry.get("total"))
    per_depth = known is not None and abs((total * np.diff(edges)).sum() - known) < abs(total.sum() - known)
    energy = total * np.diff(edges) if per_depth else total
    filled = int(np.flatnonzero(energy)[-1]) + 1 if energy.any() else len(energy)
    deposit = deposit_on_grid(edges[: filled + 1], energy[:filled], what)
    (xmax,), _ = xmax_parabola((edges[1:] + edges[:-1]) / 2, energy[None])
    return {"energy_deposit_gev_per_g_cm2": deposit, "xmax_deposit_g_cm2": xmax, "calorimetric_energy_gev": energy.sum()}


def _read_parquet(path: Path, columns: tuple[str, ...]) -> dict[str, np.ndarray]:
    parquet = need("pyarrow.parquet")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: not the output folder of a CORSIKA 8 run")
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not a readable parquet file (damaged or cut short?): {error}") from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise ValueError(f"{path}: no column '{missing[0]}'; it has: {', '.join(table.column_names)}")
    return {name: table[name].to_numpy().astype(np.int64 if name == "shower" else np.float64) for name in columns}


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    yaml = need("yaml")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not readable YAML: {error}") from error
    return content if isinstance(content, dict) else {}


def _read_primaries(path: Path, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """Theta of each shower from what CORSIKA 8's PrimaryWriter left; nothing where there is no such file."""
    primaries = _read_yaml(path)
    if not primaries:
        return {}
    rows = []
    for number in numbers:
        entry = primaries.get(f"shower_{number}")
        if not isinstance(entry, dict) or not {"pdg", "total_energy", "nx", "ny", "nz"} <= set(entry):
            raise ValueError(f"{path}: no complete entry 'shower_{number}' (pdg, total_energy, nx, ny, nz)")
        if entry["pdg"] not in PRIMARY_OF_PDG:
            raise unknown_primary(path, f"with PDG code {entry['pdg']}")
        zenith = math.degrees(math.acos(min(1.0, max(-1.0, -float(entry["nz"])))))
        azimuth = math.degrees(math.atan2(float(entry["ny"]), float(entry["nx"])))
        rows.append((PRIMARIES.index(PRIMARY_OF_PDG[entry["pdg"]]), math.log10(float(entry["total_energy"])) + 9, zenith, azimuth))
    columns = np.array(rows).T
    return dict(zip(("primary", "lg_energy_ev", "zenith_deg", "azimuth_deg"), (columns[0].astype(np.int64), *columns[1:]), strict=True))
