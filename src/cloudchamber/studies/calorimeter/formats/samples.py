"""File formats of calorimeter samples, for ``convert`` and ``validate --file``: ROOT trees, flat HDF5, and the CaloChallenge's HDF5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS, IN_DOMAIN, append, attributes_of, refuse_links, rows_of
from cloudchamber.formats.root import read_units, refuse_cut_off, write_units
from cloudchamber.schema import Column, Table, chunked, events_in
from cloudchamber.studies.calorimeter.columns import PARTICLES, calorimeter_schema
from cloudchamber.studies.calorimeter.formats.showers_h5 import CALOCHALLENGE, ENERGIES, SHOWERS, Particle, read_slices
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.study import Format
from cloudchamber.units import stated

PDG_NUMBERS = dict(zip(PARTICLES, (11, 22, -11, 13, -13, -211, 211, -321, 321, 2212, 2112), strict=True))
"""Particle Data Group's numbers, which ROOT files hold in the branch ``pdg``."""
COLUMNS = {**calorimeter_schema(Crystals()).columns, "in_domain": IN_DOMAIN}
"""The study's columns, and the mark that a model sets beside its answers."""
TREE = "showers"


def write_root(path: Path, tables: Table | Iterable[Table]) -> None:
    """A tree ``showers`` with a branch for each column, ``deposit_mev`` as an array of fixed size, and the particle as ``pdg``; ``units`` as JSON."""
    uproot = _uproot()
    with uproot.recreate(path) as file:
        for table in chunked(tables):
            table = _known(path, table)
            branches = {name: _numbers(name, values) for name, values in table.items() if name != "particle"}
            if "particle" in table:
                branches["pdg"] = np.array(list(PDG_NUMBERS.values()), dtype=np.int32)[np.asarray(table["particle"])]
            if TREE not in file:
                write_units(file, {name: COLUMNS[name].unit for name in branches if name in COLUMNS})
                file.mktree(TREE, {name: (values.dtype, values.shape[1:]) for name, values in branches.items()})
            file[TREE].extend(branches)


TREES = ("TTree", "TNtuple", "ROOT::RNTuple")
"""Kinds of tables in a ROOT file; ``file["name"] = {...}`` of uproot writes the last one today."""


def read_root(path: Path) -> Iterator[Table]:
    """The study's columns of the first tree that has ``deposit_mev``, flat arrays of one length in every event, in chunks.

    ValueError names the file and what is wrong: no ROOT file, no such tree, arrays of different lengths, an unknown particle.
    """
    uproot = _uproot()
    _must_exist(path)
    try:
        with uproot.open(path) as file:
            refuse_cut_off(path, file)
            trees = [name for name, kind in file.classnames().items() if kind in TREES and "deposit_mev" in file[name].keys()]  # noqa: SIM118
            if not trees:
                there = ", ".join(f"{name} ({kind})" for name, kind in file.classnames().items()) or "nothing"
                raise ValueError(f"'{path}' has no tree with a branch 'deposit_mev'; it holds: {there}")
            tree, units = file[trees[0]], read_units(file)
            names = [name for name in tree.keys() if name in COLUMNS or name == "pdg"]  # noqa: SIM118
            for first in range(0, max(tree.num_entries, 1), CHUNK_EVENTS):
                # awkward arrays tell lists of different lengths, which numpy would take for objects
                arrays = {name: tree[name].array(library="ak", entry_start=first, entry_stop=first + CHUNK_EVENTS) for name in names}
                plain = {name: _regular(path, name, values) for name, values in arrays.items() if name != "pdg"}
                where = f"'{path}', branch"
                table: Table = {name: stated(values, units.get(name, ""), COLUMNS[name].unit, f"{where} '{name}'") for name, values in plain.items()}
                if "pdg" in arrays:
                    table["particle"] = _codes(path, _regular(path, "pdg", arrays["pdg"]))
                yield table
    except (OSError, EOFError, uproot.exceptions.KeyInFileError, uproot.deserialization.DeserializationError, IndexError) as error:
        raise ValueError(f"'{path}' is not a readable ROOT file (damaged or cut short?): {error}") from error


def write_hdf5(path: Path, tables: Table | Iterable[Table]) -> None:
    """One data set for each column at the top of the file, with attributes ``unit`` and ``doc``; the particle by name."""
    import h5py

    with h5py.File(path, "w") as file:
        for table in chunked(tables):
            for name, values in _known(path, table).items():
                data = np.array(PARTICLES)[values] if name == "particle" else _numbers(name, values)
                append(file, name, data).attrs.update(attributes_of(COLUMNS[name]))


def read_hdf5(path: Path, *, particle: Particle = None) -> Iterator[Table]:
    """Chunks of what ``write_hdf5`` wrote, of any flat file of the study's columns, or of a file of the CaloChallenge.

    ValueError for other content and damaged files.
    """
    import h5py

    _must_exist(path)
    try:
        with h5py.File(path, "r") as file:
            refuse_links(path, file)
            if ENERGIES in file and SHOWERS in file:
                yield from read_slices(path, particle=particle)
                return
            if particle is not None:
                raise ValueError(f"'{path}': --read.particle is for files of the CaloChallenge; this one has the study's own columns")
            columns = {name: file[name].shape for name in file if name in COLUMNS and isinstance(file[name], h5py.Dataset)}
            if "deposit_mev" not in columns:
                content = ", ".join(file) or "nothing"
                raise ValueError(f"'{path}' needs a data set 'deposit_mev' (events, cells) at its top, or a CaloChallenge file's two; it holds: {content}")
            events = columns["deposit_mev"][0] if columns["deposit_mev"] else 0
            if wrong := [f"{name} {shape}" for name, shape in columns.items() if not shape or shape[0] != events]:
                raise ValueError(f"'{path}': the columns need one entry for each of {events} events, got {', '.join(wrong)}")
            for first in range(0, max(events, 1), CHUNK_EVENTS):
                part = slice(first, first + CHUNK_EVENTS)
                yield _named(path, {name: rows_of(path, file, name, part, COLUMNS[name].unit) for name in columns})
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file (damaged or cut short?): {error}") from error


def _named(path: Path, table: Table) -> Table:
    """Particles by their codes."""
    if "particle" in table and table["particle"].dtype.kind in "OS":
        names = np.array([name.decode() if isinstance(name, bytes) else str(name) for name in table["particle"]])
        table["particle"] = COLUMNS["particle"].codes(f"particle' of '{path}", names)
    return table


FORMATS = (
    Format("root", (".root",), read_root, write_root, "ROOT tree with a branch for each column, the particle as 'pdg'"),
    Format("hdf5", (".h5", ".hdf5"), read_hdf5, write_hdf5, "flat HDF5, one data set for each column; reads the CaloChallenge's too"),
    CALOCHALLENGE,
)


def _numbers(name: str, values: Any) -> np.ndarray:
    """As they are written: marks, and numbers in single precision."""
    return np.asarray(values, dtype=bool if name == "in_domain" else np.float32)


def _known(path: Path, table: Table) -> Table:
    """The table, which must hold columns of the study and no others."""
    unknown = [name for name in table if name not in COLUMNS]
    if unknown or "deposit_mev" not in table:
        wrong = f"the column '{unknown[0]}' is none of the study's" if unknown else "the column 'deposit_mev' is missing"
        raise ValueError(f"cannot write '{path}': {wrong}; it may hold: {', '.join(COLUMNS)}")
    events_in(table)
    return table


def _codes(path: Path, numbers: np.ndarray) -> np.ndarray:
    known = {number: code for code, number in enumerate(PDG_NUMBERS.values())}
    unknown = sorted(set(np.unique(numbers).tolist()) - set(known))
    if unknown:
        raise ValueError(f"'{path}': unknown particle with PDG number {unknown[0]}; allowed: {', '.join(f'{v} ({k})' for k, v in PDG_NUMBERS.items())}")
    return np.array([known[int(number)] for number in numbers], dtype=np.int64)


def _regular(path: Path, name: str, values: Any) -> np.ndarray:
    column: Column | None = COLUMNS.get(name)
    try:
        array = np.asarray(values.to_numpy())
    except ValueError as error:
        raise ValueError(f"'{path}': branch '{name}' holds arrays of different lengths, not one entry for each cell") from error
    wanted = 2 if column is not None and column.shape else 1
    if array.ndim != wanted:
        raise ValueError(f"'{path}': branch '{name}' has shape {array.shape}, expected {'(events, cells)' if wanted == 2 else '(events,)'}")
    return array


def _must_exist(path: Path) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")


def _uproot() -> ModuleType:
    try:
        import uproot
    except ImportError as error:
        raise ImportError("ROOT files need 'uproot': pip install 'cloudchamber[formats]'") from error
    return uproot
