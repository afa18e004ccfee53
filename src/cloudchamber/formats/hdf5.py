"""HDF5 files of columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.schema import Column, Ragged, Table, chunked, recoded
from cloudchamber.units import stated

CHUNK_EVENTS = 2000
"""Files are read in chunks of about so many events."""
LARGE_BYTES = 2**28
MOST_DEPTH = 8
"""Groups within groups that are looked at; columns lie in the first ones."""


IN_DOMAIN = Column(doc="whether the given values lie in the model's trained domain", dtype="bool")
"""The mark that a model sets beside its answers, in the column ``in_domain`` of files."""


def attributes_of(column: Column) -> dict[str, str]:
    """What files say of a column, as attributes or metadata of fields: ``unit``, ``doc`` and, where it has some, ``categories`` in the order of their codes."""
    attributes = {"unit": column.unit, "doc": column.doc}
    return attributes | {"categories": ",".join(column.categories)} if column.categories else attributes


def write_hdf5(path: Path, tables: Table | Iterable[Table], columns: Mapping[str, Column] | None = None) -> None:
    """One data set a column; a ragged column is a group of ``values`` and ``offsets``. Those of ``columns`` say unit and meaning as attributes."""
    import h5py

    with h5py.File(path, "w") as file:
        for table in chunked(tables):
            for name, values in table.items():
                if isinstance(values, Ragged):
                    before = int(file[name]["offsets"][-1]) if name in file else 0
                    append(file, f"{name}/offsets", values.offsets[1 if name in file else 0 :] + before)
                    written = append(file, f"{name}/values", values.values)
                else:
                    written = append(file, name, values)
                if columns and name in columns:
                    written.attrs.update(attributes_of(columns[name]))


def in_codes(name: str, values: np.ndarray, stated: Any, column: Column | None) -> np.ndarray:
    """Codes of the column's categories, where a file states those of its own."""
    text = stated.decode() if isinstance(stated, bytes) else str(stated)
    if column is None or not text:
        return values
    return np.asarray(recoded({name: values}, {name: Column(categories=tuple(text.split(",")))}, {name: column})[name])


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


def read_hdf5(path: Path, wanted: Mapping[str, Column] | None = None) -> Iterator[Table]:
    """Chunks of what ``write_hdf5`` wrote, or of any file of data sets with a row an event.

    With ``wanted`` columns, what else is there is passed over, and units that the file states are turned into theirs.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            refuse_links(path, file)
            columns = [name for name in file if (wanted is None or name in wanted) and _is_column(file[name])]
            ragged = {name: _offsets(path, name, file[name]) for name in columns if isinstance(file[name], h5py.Group)}
            lengths = {name: len(ragged[name]) - 1 if name in ragged else len(file[name]) for name in columns}
            if len(set(lengths.values())) > 1:
                raise ValueError(f"'{path}' holds columns of different lengths: {', '.join(f'{name} {length}' for name, length in lengths.items())}")
            if not columns:
                yield {name: np.empty(0) for name in file}
                return
            events = next(iter(lengths.values()))
            for first in range(0, max(events, 1), CHUNK_EVENTS):
                stop = min(first + CHUNK_EVENTS, events)
                yield {name: _part(path, file, name, ragged.get(name), slice(first, stop), wanted[name] if wanted else None) for name in columns}
    except (OSError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file of columns: {error}") from error


def refuse_links(path: Path, file: Any, depth: int = 0) -> None:
    """ValueError where something in an HDF5 file or group leads to another file, which must not decide what is read, or declares numbers that it lacks."""
    import h5py

    for name in file:
        link, place = file.get(name, getlink=True), f"{file.name}/{name}".strip("/")
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"'{path}': '{place}' is a link to another file: give a file that holds its columns itself")
        item = file.get(name)
        if item is None:
            raise ValueError(f"'{path}': '{place}' is a link to what is not there: is the file damaged or cut short?")
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"'{path}': the data of '{place}' lie in another file: give a file that holds its columns itself")
            _refuse_unwritten(path, place, item)
        elif isinstance(item, h5py.Group) and isinstance(link, h5py.HardLink) and depth < MOST_DEPTH:
            refuse_links(path, item, depth + 1)


def _refuse_unwritten(path: Path, place: str, item: Any) -> None:
    """ValueError where a large data set declares far more numbers than were written: the others would be made up, and fill the memory."""
    # numpy lacks some kinds of values, whose size HDF5 knows
    size = item.id.get_type().get_size()
    declared = math.prod(item.shape or (0,)) * size
    if declared <= LARGE_BYTES:
        return
    written = item.id.get_num_chunks() * math.prod(item.chunks) * size if item.chunks else item.id.get_storage_size()
    if 2 * written < declared:
        raise ValueError(f"'{path}': '{place}' declares {declared:.3g} bytes, of which {written:.3g} were written: is the file damaged or unfinished?")


def rows_of(path: Path, file: Any, name: str, part: slice, unit: str | None) -> np.ndarray:
    """Rows of a file's data set; its attribute ``unit`` (or ``units``) is turned into the column's ``unit``, and is of no matter where that is None."""
    # opened for these rows alone: data sets that stay open keep what was read of them
    item = file[name]
    try:
        values = np.asarray(item[part])
    except TypeError as error:
        raise ValueError(f"'{path}', data set '{name}', holds a kind of value that cannot be read: {error}") from error
    text = item.attrs.get("unit", item.attrs.get("units", ""))
    text = text.decode() if isinstance(text, bytes) else str(text)
    return values if unit is None else stated(values, text, unit, f"'{path}', data set '{name}'")


def _is_column(item: Any) -> bool:
    import h5py

    if isinstance(item, h5py.Group):
        return {"offsets", "values"} <= set(item)
    return bool(item.shape)


def _offsets(path: Path, name: str, group: Any) -> np.ndarray:
    """Where each event's values begin and the last one's end; ValueError where they cannot be that."""
    offsets, most = group["offsets"][()], len(group["values"])
    if offsets.ndim != 1 or len(offsets) == 0 or offsets.dtype.kind not in "iu" or offsets[0] != 0 or offsets[-1] != most or np.any(offsets[1:] < offsets[:-1]):
        raise ValueError(f"'{path}', column '{name}': its 'offsets' must be whole numbers that rise from 0 to the number of its values, {most}")
    return np.asarray(offsets, np.int64)


def _part(path: Path, file: Any, name: str, offsets: np.ndarray | None, part: slice, column: Column | None) -> np.ndarray | Ragged:
    unit = None if column is None else column.unit
    if offsets is None:
        return in_codes(name, rows_of(path, file, name, part, unit), file[name].attrs.get("categories", ""), column)
    mine = offsets[part.start : part.stop + 1]
    return Ragged(rows_of(path, file, f"{name}/values", slice(int(mine[0]), int(mine[-1])), unit), mine - mine[0])
