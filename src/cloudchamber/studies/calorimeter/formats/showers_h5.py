"""The CaloChallenge's HDF5: ``incident_energies`` (events, 1) and ``showers`` (events, voxels), both in MeV.

What else theta holds (particle, impact point, direction) goes into data sets of its own name, which the challenge's tools don't look at; where a file lacks
them, the particle is its data set's (an electron for an unknown number of voxels), and it hits the centre of the front face at a right angle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np

from cloudchamber.formats.hdf5 import append, refuse_links, rows_of
from cloudchamber.schema import Table, chunked, events_in
from cloudchamber.studies.calorimeter.columns import PARTICLES
from cloudchamber.studies.calorimeter.voxels import find_dataset
from cloudchamber.study import Format

BY_PDG_NUMBER = {11: "e-", 22: "gamma", 211: "pi+"}
DIRECTION = {"impact_x_mm": "mm", "impact_y_mm": "mm", "polar_deg": "deg", "azimuth_deg": "deg"}
ENERGIES, SHOWERS = "incident_energies", "showers"
SLICE_EVENTS = 2000
COLUMNS = {"energy_mev": ENERGIES, "deposit_mev": SHOWERS}


Particle: TypeAlias = Annotated[str | None, f"the particle of a CaloChallenge file, in place of its data set's: {', '.join(PARTICLES)}"]


def read_slices(path: Path | str, slice_events: int = SLICE_EVENTS, *, particle: Particle = None) -> Iterator[Table]:
    """The columns particle, energy_mev, impact, direction and deposit_mev (events, voxels) in tables of so many events: files may exceed the memory.

    ValueError names the file and what is wrong: no or damaged HDF5, missing data sets, their shapes, NaN or negative energies.
    """
    import h5py

    path = Path(path)
    code = None if particle is None else int(_codes(path, np.array([particle]))[0])
    try:
        with h5py.File(path, "r") as file:
            refuse_links(path, file)
            events, cells = _shape(path, file)
            for first in range(0, events, slice_events):
                yield _slice(path, file, first, min(first + slice_events, events), cells, code)
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file (another format, damaged or cut short?): {error}") from error


def write_showers(path: Path, tables: Table | Iterable[Table]) -> None:
    """Write ``energy_mev`` and ``deposit_mev`` as the challenge does, and of theta what ``read_slices`` would not guess."""
    import h5py

    with h5py.File(path, "w") as file:
        for table in chunked(tables):
            missing = [name for name in COLUMNS if name not in table]
            if missing:
                raise ValueError(f"a CaloChallenge file needs the columns {', '.join(COLUMNS)}; the table lacks '{missing[0]}', it has: {', '.join(table)}")
            events, deposit = events_in(table), np.asarray(table["deposit_mev"])
            before = len(file[ENERGIES]) if ENERGIES in file else 0
            for name, values in ((ENERGIES, np.reshape(table["energy_mev"], (events, 1))), (SHOWERS, deposit)):
                append(file, name, values, compression="gzip").attrs["unit"] = "MeV"
            if "in_domain" in table:
                append(file, "in_domain", np.asarray(table["in_domain"], bool))
            usual = _usual_particle(deposit.shape[1])
            if "particle" in table:
                _unusual(file, "particle", np.array(PARTICLES)[table["particle"]], PARTICLES[usual], before)
            for name in DIRECTION:
                if name in table:
                    _unusual(file, name, np.asarray(table[name]), 0, before)


def _unusual(file: Any, name: str, values: np.ndarray, usual: Any, before: int) -> None:
    """Write a column from the first entry on that is not the usual one; those ``before`` were usual."""
    if name not in file and np.all(values == usual):
        return
    if name not in file and before:
        append(file, name, np.full(before, usual, values.dtype if values.dtype.kind != "U" else None))
    append(file, name, values).attrs["unit"] = DIRECTION.get(name, "")


def _usual_particle(cells: int) -> int:
    voxels = find_dataset(cells)
    return PARTICLES.index(BY_PDG_NUMBER[voxels.pid] if voxels else "e-")


def _shape(path: Path, file: Any) -> tuple[int, int]:
    import h5py

    for name in (ENERGIES, SHOWERS):
        if not isinstance(file.get(name), h5py.Dataset):
            raise ValueError(
                f"'{path}' has no data set '{name}'; it holds: {', '.join(file) or 'nothing'}. A CaloChallenge file holds '{ENERGIES}' (events, 1) and "
                f"'{SHOWERS}' (events, voxels); for a table of the study's own columns name the format hdf5"
            )
        if file[name].dtype.kind not in "iuf":
            raise ValueError(f"'{path}': '{name}' must hold numbers, got {file[name].dtype}")
    energies, showers = file[ENERGIES].shape, file[SHOWERS].shape
    if len(showers) != 2 or 0 in showers:
        raise ValueError(f"'{path}': '{SHOWERS}' must have shape (events, voxels) with at least one of each, got {showers}")
    if energies not in ((showers[0], 1), (showers[0],)):
        raise ValueError(f"'{path}': '{ENERGIES}' must have shape ({showers[0]}, 1), as many events as '{SHOWERS}' {showers}, got {energies}")
    return showers


def _slice(path: Path, file: Any, first: int, stop: int, cells: int, code: int | None) -> Table:
    part = slice(first, stop)
    energy = rows_of(path, file, ENERGIES, part, "MeV").reshape(-1).astype(np.float32)
    deposit = rows_of(path, file, SHOWERS, part, "MeV").astype(np.float32)
    _refuse(path, ENERGIES, energy, ~(np.isfinite(energy) & (energy > 0)), first, "above 0")
    _refuse(path, SHOWERS, deposit, ~(np.isfinite(deposit) & (deposit >= 0)), first, "0 or more")
    events = stop - first
    table: Table = {"particle": np.full(events, _usual_particle(cells) if code is None else code), "energy_mev": energy}
    if "particle" in file and code is None:
        table["particle"] = _codes(path, _part(path, file, "particle", first, stop))
    for name in DIRECTION:
        table[name] = _part(path, file, name, first, stop).astype(np.float32) if name in file else np.zeros(events, np.float32)
    return {**table, "deposit_mev": deposit}


def _part(path: Path, file: Any, name: str, first: int, stop: int) -> np.ndarray:
    if file[name].shape != (len(file[SHOWERS]),):
        raise ValueError(f"'{path}': '{name}' must have shape ({len(file[SHOWERS])},), one entry a shower, got {file[name].shape}")
    return rows_of(path, file, name, slice(first, stop), DIRECTION.get(name))


def _codes(path: Path, labels: np.ndarray) -> np.ndarray:
    names = [label.decode() if isinstance(label, bytes) else str(label) for label in labels]
    unknown = set(names) - set(PARTICLES)
    if unknown:
        raise ValueError(f"'{path}': unknown particle '{min(unknown)}'; allowed: {', '.join(PARTICLES)}")
    return np.array([PARTICLES.index(name) for name in names])


def _refuse(path: Path, name: str, values: np.ndarray, bad: np.ndarray, first: int, allowed: str) -> None:
    if bad.any():
        event, *voxel = (int(index) for index in np.argwhere(bad)[0])
        place = f"event {first + event}" + (f", voxel {voxel[0]}" if voxel else "")
        raise ValueError(f"'{path}': '{name}' must be finite and {allowed} MeV, got {values[bad][0]:g} in {place}")


CALOCHALLENGE = Format("calochallenge", (".hdf5",), read_slices, write_showers, "CaloChallenge HDF5: incident_energies and showers in MeV")
