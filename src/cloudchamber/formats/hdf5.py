"""HDF5 files of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.schema import Ragged, Table, chunked

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


def read_hdf5(path: Path) -> Iterator[Table]:
    """Chunks of what ``write_hdf5`` wrote."""
    import h5py

    try:
        with h5py.File(path) as file:
            ragged = {name: item["offsets"][:] for name, item in file.items() if isinstance(item, h5py.Group)}
            lengths = {name: len(ragged[name]) - 1 if name in ragged else len(item) for name, item in file.items()}
            if len(set(lengths.values())) > 1:
                raise ValueError(f"'{path}' holds columns of different lengths: {', '.join(f'{name} {length}' for name, length in lengths.items())}")
            events = next(iter(lengths.values()), 0)
            for first in range(0, max(events, 1), CHUNK_EVENTS):
                stop = min(first + CHUNK_EVENTS, events)
                yield {name: _slice(item, ragged.get(name), first, stop) for name, item in file.items()}
    except (OSError, KeyError, TypeError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file of columns: {error}") from error


def _slice(item: Any, offsets: np.ndarray | None, first: int, stop: int) -> np.ndarray | Ragged:
    if offsets is None:
        return np.asarray(item[first:stop])
    mine = offsets[first : stop + 1]
    return Ragged(item["values"][int(mine[0]) : int(mine[-1])], mine - mine[0])
