"""HDF5 files of columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.schema import Ragged, Table, chunked
from cloudchamber.units import parsed, with_unit

CHUNK_EVENTS = 2000
"""Files are read in chunks of about so many events."""


def write_hdf5(path: Path, tables: Table | Iterable[Table]) -> None:
    """One data set a column; a ragged column is a group of ``values`` and ``offsets``."""
    import h5py

    with h5py.File(path, "w") as file:
        for table in chunked(tables):
            for name, values in table.items():
                if isinstance(values, Ragged):
                    before = int(file[name]["offsets"][-1]) if name in file else 0
                    append(file, f"{name}/offsets", values.offsets[1 if name in file else 0 :] + before)
                    append(file, f"{name}/values", values.values)
                else:
                    append(file, name, values)


def append(file: Any, name: str, values: np.ndarray, **options: Any) -> Any:
    """Rows at the end of a data set, which is made (with h5py's ``options``) where it is not there; gives it."""
    import h5py

    if values.dtype.kind == "U":
        values = values.astype(h5py.string_dtype())
    if name not in file:
        chunks = (min(max(len(values), 1), CHUNK_EVENTS), *values.shape[1:])
        return file.create_dataset(name, data=values, maxshape=(None, *values.shape[1:]), chunks=chunks, **options)
    there = len(file[name])
    file[name].resize(there + len(values), axis=0)
    file[name][there:] = values
    return file[name]


def read_hdf5(path: Path, wanted: Collection[str] = ()) -> Iterator[Table]:
    """Chunks of what ``write_hdf5`` wrote, or of any file of data sets with a row an event; with ``wanted`` columns what else is there is passed over."""
    import h5py

    try:
        with h5py.File(path) as file:
            found = {name: file[name] for name in _own(path, file) if not wanted or name in wanted}
            columns = {name: item for name, item in found.items() if _is_column(item)}
            ragged = {name: item["offsets"][:] for name, item in columns.items() if isinstance(item, h5py.Group)}
            lengths = {name: len(ragged[name]) - 1 if name in ragged else len(item) for name, item in columns.items()}
            if len(set(lengths.values())) > 1:
                raise ValueError(f"'{path}' holds columns of different lengths: {', '.join(f'{name} {length}' for name, length in lengths.items())}")
            if not columns:
                yield {name: np.empty(0) for name in file}
                return
            events = next(iter(lengths.values()))
            for first in range(0, max(events, 1), CHUNK_EVENTS):
                stop = min(first + CHUNK_EVENTS, events)
                yield {name: _slice(path, name, item, ragged.get(name), first, stop) for name, item in columns.items()}
    except (OSError, KeyError, TypeError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file of columns: {error}") from error


def _own(path: Path, file: Any) -> list[str]:
    """The names at the file's top; ValueError where one leads to another file, which must not decide what is read."""
    import h5py

    for name in file:
        if isinstance(file.get(name, getlink=True), h5py.ExternalLink):
            raise ValueError(f"'{path}': '{name}' is a link to another file: give a file that holds its columns itself")
        item = file[name]
        if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
            raise ValueError(f"'{path}': the data of '{name}' lie in another file: give a file that holds its columns itself")
    return list(file)


def _is_column(item: Any) -> bool:
    import h5py

    if isinstance(item, h5py.Group):
        return {"offsets", "values"} <= set(item)
    return bool(item.shape)


def _slice(path: Path, name: str, item: Any, offsets: np.ndarray | None, first: int, stop: int) -> Any:
    if offsets is not None:
        mine = offsets[first : stop + 1]
        return Ragged(item["values"][int(mine[0]) : int(mine[-1])], mine - mine[0])
    values = np.asarray(item[first:stop])
    unit = item.attrs.get("unit", item.attrs.get("units", ""))
    unit = unit.decode() if isinstance(unit, bytes) else str(unit)
    return with_unit(values, unit, f"'{path}', data set '{name}'") if unit and values.dtype.kind in "iuf" and parsed(unit) is not None else values
