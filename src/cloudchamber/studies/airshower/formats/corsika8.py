"""CORSIKA 8 output folders: ``profile/profile.parquet``, ``energyloss/dEdX.parquet`` and the YAML files beside them.

References: https://gitlab.iap.kit.edu/AirShowerPhysics/corsika, modules/writers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.physics.shower import xmax_parabola
from cloudchamber.schema import Table, take
from cloudchamber.studies.airshower.columns import PRIMARIES
from cloudchamber.studies.airshower.formats.grid import (
    Azimuths,
    LgEnergies,
    Primaries,
    Zeniths,
    checked,
    deposit_on_grid,
    need,
    numbers_on_grid,
    theta_of,
    unknown_primary,
)

PRIMARY_OF_PDG = {2212: "p", 22: "photon", 1000010010: "p", 1000020040: "He", 1000070140: "N", 1000140280: "Si", 1000260560: "Fe"}
SPECIES = {"n_electron": ("electron", "positron"), "n_muon": ("muplus", "muminus"), "n_hadron": ("hadron",)}


def read_corsika8(
    path: Path,
    *,
    primary: Primaries = None,
    lg_energy_ev: LgEnergies = None,
    zenith_deg: Zeniths = None,
    azimuth_deg: Azimuths = None,
) -> Iterator[Table]:
    """Read the output folder of a CORSIKA 8 run in chunks: profiles and their maxima; theta from ``primary/summary.yaml`` or the parameters.

    A parameter is one value or one for each shower and wins over the file. The profiles count particles above the run's own energy cuts, of which the
    output says nothing. ValueError for a folder without profiles, damaged parquet, and theta that neither the folder nor the parameters give.
    """
    path = Path(path)
    profiles, losses = path / "profile" / "profile.parquet", path / "energyloss" / "dEdX.parquet"
    numbers = [number for number, _ in _by_shower(profiles, ("shower",))]
    if not numbers:
        raise ValueError(f"{path}: holds no shower")
    found = _read_primaries(path / "primary" / "summary.yaml", numbers)
    given = {"primary": primary, "lg_energy_ev": lg_energy_ev, "zenith_deg": zenith_deg, "azimuth_deg": azimuth_deg}
    theta = theta_of(given, found, len(numbers), path)
    rows: Iterator[dict[str, Any]] = (
        _read_numbers(profile, f"{path}: shower {number}") for number, profile in _by_shower(profiles, ("shower", "X", *sum(SPECIES.values(), ())))
    )
    if losses.is_file():
        summary = _read_yaml(path / "energyloss" / "summary.yaml")
        rows = _with_deposits(path, rows, numbers, _by_shower(losses, ("shower", "X", "total")), summary)
    before = 0
    while part := list(islice(rows, CHUNK_EVENTS)):
        yield checked(take(theta, slice(before, before + len(part))) | {name: np.stack([row[name] for row in part]) for name in part[0]})
        before += len(part)


def _with_deposits(
    path: Path, rows: Iterator[dict[str, Any]], numbers: list[int], losses: Iterator[tuple[int, dict[str, np.ndarray]]], summary: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for number, row in zip(numbers, rows, strict=True):
        what = f"{path}: energy loss of shower {number}"
        loss = next((loss for other, loss in losses if other >= number), {"shower": np.zeros(0)})
        if not np.all(loss["shower"] == number) or len(loss["shower"]) < 3:
            raise ValueError(f"{what}: {np.count_nonzero(loss['shower'] == number)} depths, needs at least three")
        yield row | _read_deposit(loss["X"], loss["total"], summary.get(f"shower_{number}", summary), what)


def _read_numbers(profile: dict[str, np.ndarray], what: str) -> dict[str, Any]:
    depth = profile["X"]
    counts = {column: np.sum([profile[name] for name in names], axis=0) for column, names in SPECIES.items()}
    row: dict[str, Any] = {column: numbers_on_grid(depth, count, f"{what}, {column}") for column, count in counts.items()}
    (row["xmax_g_cm2"],), (row["nmax"],) = xmax_parabola(depth, counts["n_electron"][None])
    return row


def _read_deposit(start: np.ndarray, total: np.ndarray, entry: dict[str, Any], what: str) -> dict[str, Any]:
    # the X written is the start of its bin
    edges = np.append(start, 2 * start[-1] - start[-2])
    # releases before 2022 wrote GeV/(g/cm2), later ones GeV a bin: the shower's total in the summary tells
    known = entry.get("sum_dEdX", entry.get("total"))
    per_depth = known is not None and abs((total * np.diff(edges)).sum() - known) < abs(total.sum() - known)
    energy = total * np.diff(edges) if per_depth else total
    filled = int(np.flatnonzero(energy)[-1]) + 1 if energy.any() else len(energy)
    deposit = deposit_on_grid(edges[: filled + 1], energy[:filled], what)
    (xmax,), _ = xmax_parabola((edges[1:] + edges[:-1]) / 2, energy[None])
    return {"energy_deposit_gev_per_g_cm2": deposit, "xmax_deposit_g_cm2": xmax, "calorimetric_energy_gev": energy.sum()}


def _by_shower(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Number and rows of each shower: CORSIKA 8 writes one after the other."""
    parquet = need("pyarrow.parquet")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: not the output folder of a CORSIKA 8 run")
    waiting, last = {name: np.zeros(0) for name in columns}, -1
    try:
        with parquet.ParquetFile(path) as file:
            missing = [name for name in columns if name not in file.schema_arrow.names]
            if missing:
                raise _WrongFileError(f"{path}: no column '{missing[0]}'; it has: {', '.join(file.schema_arrow.names)}")
            for batch in file.iter_batches(columns=list(columns)):
                waiting = {name: np.append(waiting[name], batch[name].to_numpy(zero_copy_only=False).astype(np.float64)) for name in columns}
                shower = waiting["shower"]
                starts = [0, *(np.flatnonzero(np.diff(shower)) + 1).tolist()]
                for low, high in pairwise(starts):
                    last = _in_order(path, shower[low], last)
                    yield last, take(waiting, slice(low, high))
                waiting = take(waiting, slice(starts[-1], None))
    except (_WrongFileError, GeneratorExit):
        raise
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not a readable parquet file (damaged or cut short?): {error}") from error
    if len(waiting["shower"]):
        yield _in_order(path, waiting["shower"][0], last), waiting


class _WrongFileError(ValueError):
    """What is wrong with a file that can be read."""


def _in_order(path: Path, number: float, last: int) -> int:
    """The number of a shower as an integer."""
    if not number > last:
        raise _WrongFileError(f"{path}: shower {number:g} comes after shower {last}: CORSIKA 8 writes them in order, sort the file by 'shower'")
    return int(number)


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    yaml = need("yaml")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not readable YAML: {error}") from error
    return content if isinstance(content, dict) else {}


def _read_primaries(path: Path, numbers: list[int]) -> dict[str, np.ndarray]:
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
