"""Tables in files: a study's own formats by name or suffix, an event store's folder, and HDF5, CSV and parquet for every study."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.atomic import replacing
from cloudchamber.schema import Column, Ragged, Schema, Table, check_table
from cloudchamber.study import Format, Study


def read_table(path: Path, study: Study, format: str | None = None, own_first: bool = True, partial: bool = False) -> Table:
    """The study's columns that a file, or an event store's folder, holds; ValueError where there is none of them.

    A store that lacks blocks is refused, unless ``partial`` takes what is there.
    Where a suffix belongs to a format of the study's own and to a general one, ``own_first`` decides.
    """
    if not path.exists():
        raise ValueError(f"no file or folder '{path}'")
    if path.is_dir() and format is None:
        from cloudchamber.store.read import Store

        if not (path / "dataset.json").exists():
            folders = [f.name for f in study.formats if f.read is not None]
            raise ValueError(f"'{path}' is no event store; for the output folder of another program name its format: {', '.join(folders) or 'there is none'}")
        store = Store(path)
        store.refuse_gaps(partial)
        return store.read()
    if not os.access(path, os.R_OK):
        raise PermissionError(f"'{path}' may not be read: ask its owner for permission")
    chosen = find_format(path, study, format, "read", own_first)
    assert chosen.read is not None
    table = chosen.read(path)
    columns = study.schema_for(table).columns
    present = {name: column for name, column in columns.items() if name in table}
    if not present:
        raise ValueError(f"'{path}' holds none of the columns of '{study.name}'; it has: {', '.join(table) or 'nothing'}; wanted: {', '.join(columns)}")
    return check_table({name: _shaped(name, table[name], column) for name, column in present.items()}, present)


def write_table(path: Path, table: Table, study: Study, format: str | None = None) -> None:
    """Write columns to a file: it appears whole or not at all."""
    chosen = find_format(path, study, format, "write")
    assert chosen.write is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        chosen.write(part, table)


def find_format(path: Path, study: Study, format: str | None, verb: str, own_first: bool = True) -> Format:
    """The format called ``format``, else the study's for the path's suffix, else the general one; it can ``verb`` ("read" or "write")."""
    general = general_formats(study.simulator.schema)
    known = [f for f in ((*study.formats, *general) if own_first else (*general, *study.formats)) if getattr(f, verb) is not None]
    if format is not None:
        named = [f for f in known if f.name == format]
        if not named:
            raise ValueError(f"no format '{format}' to {verb}; '{study.name}' has: {', '.join(f.name for f in known)}")
        return named[0]
    fitting = [f for f in known if any(path.name.endswith(suffix) for suffix in f.suffixes)]
    if not fitting:
        raise ValueError(f"cannot tell how to {verb} '{path.name}'; suffixes: {', '.join(sorted({s for f in known for s in f.suffixes}))}")
    return fitting[0]


def general_formats(schema: Schema) -> tuple[Format, ...]:
    """What every study reads and writes."""

    def labelled(path: Path, table: Table) -> None:
        write_csv(path, table, schema.columns)

    return (
        Format("hdf5", (".h5", ".hdf5"), read_hdf5, write_hdf5, "one data set a column"),
        Format("csv", (".csv",), read_csv, labelled, "one event a line, columns 'name' or 'name[i]'"),
        Format("table-parquet", (".parquet",), read_parquet, write_parquet, "one event a row, arrays as lists"),
    )


def presence(table: Mapping[str, Any], schema: Schema) -> Schema:
    """The part of ``schema`` whose columns ``table`` holds."""
    return replace(
        schema,
        theta={name: column for name, column in schema.theta.items() if name in table},
        x={name: column for name, column in schema.x.items() if name in table},
    )


def write_hdf5(path: Path, table: Table) -> None:
    """One data set a column; a ragged column is a group of ``values`` and ``offsets``."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in table.items():
            if isinstance(values, Ragged):
                file[f"{name}/values"], file[f"{name}/offsets"] = values.values, values.offsets
            else:
                file[name] = values.astype(h5py.string_dtype()) if values.dtype.kind == "U" else values


def read_hdf5(path: Path) -> Table:
    """What ``write_hdf5`` wrote."""
    import h5py

    try:
        with h5py.File(path) as file:
            return {name: Ragged(item["values"][:], item["offsets"][:]) if isinstance(item, h5py.Group) else item[:] for name, item in file.items()}
    except OSError as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file: {error}") from error


def write_csv(path: Path, table: Table, columns: Mapping[str, Column]) -> None:
    """A header and one event a line; categories as their names, entries of arrays as ``name[i]`` or ``name[i,j]``."""
    heads: list[str] = []
    cells: list[np.ndarray] = []
    for name, values in table.items():
        if isinstance(values, Ragged):
            raise ValueError(f"column '{name}' is ragged and does not fit into CSV: write .h5 or .parquet")
        categories = columns[name].categories if name in columns else ()
        texts = np.array(categories)[values] if categories else values
        for index in np.ndindex(texts.shape[1:]):
            heads.append(f"{name}[{','.join(map(str, index))}]" if index else name)
            cells.append(texts[(slice(None), *index)])
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(zip(*cells, strict=True))


def read_csv(path: Path) -> Table:
    """What ``write_csv`` wrote, or any comma-separated file with a header."""
    with path.open(newline="") as file:
        head, *rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    for number, row in enumerate(rows):
        if len(row) != len(head):
            raise ValueError(f"'{path}', event {number}: {len(row)} cells, the header has {len(head)}")
    parts: dict[str, list[tuple[tuple[int, ...], np.ndarray]]] = {}
    for title, *cells in zip(head, *rows, strict=True):
        match = re.fullmatch(r"(.*?)(?:\[([\d,]+)\])?", title)
        name, index = (match[1], match[2]) if match else (title, None)
        parts.setdefault(name, []).append((tuple(map(int, index.split(","))) if index else (), _numbers(cells)))
    table: Table = {}
    for name, entries in parts.items():
        shape = tuple(np.max([index for index, _ in entries], axis=0).astype(int) + 1)
        table[name] = np.empty((len(rows), *shape), entries[0][1].dtype)
        for index, values in entries:
            table[name][(slice(None), *index)] = values
    return table


def _numbers(cells: list[str]) -> np.ndarray:
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        return np.array(cells)


def write_parquet(path: Path, table: Table) -> None:
    """One event a row; an array is a list of its entries, row after row."""
    import pyarrow
    import pyarrow.parquet

    arrays = {}
    for name, values in table.items():
        ragged = values if isinstance(values, Ragged) else None
        flat = ragged.values if ragged else values.reshape(-1)
        if ragged is None and values.ndim == 1:
            arrays[name] = pyarrow.array(values)
        elif flat.ndim == 1:
            offsets = ragged.offsets if ragged else np.arange(len(values) + 1) * int(np.prod(values.shape[1:]))
            arrays[name] = pyarrow.LargeListArray.from_arrays(offsets, flat)
        else:
            raise ValueError(f"column '{name}' is ragged with entries of shape {flat.shape[1:]} and does not fit into parquet: write .h5")
    pyarrow.parquet.write_table(pyarrow.table(arrays), path)


def read_parquet(path: Path) -> Table:
    """What ``write_parquet`` wrote; lists of one length become (events, entries)."""
    import pyarrow
    import pyarrow.parquet

    table: Table = {}
    for name, chunked in zip((read := pyarrow.parquet.read_table(path)).column_names, read.columns, strict=True):
        column = chunked.combine_chunks()
        if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
            offsets, values = np.asarray(column.offsets, np.int64), column.values.to_numpy(zero_copy_only=False)
            table[name] = Ragged(values[offsets[0] : offsets[-1]], offsets - offsets[0])
        else:
            table[name] = column.to_numpy(zero_copy_only=False)
    return table


def _shaped(name: str, values: Any, column: Column) -> Any:
    """Lists of a parquet file in the column's fixed shape."""
    entries = int(np.prod(column.shape))
    if isinstance(values, Ragged) and not column.ragged and np.all(np.diff(values.offsets) == entries):
        return values.values.reshape(len(values), *column.shape)
    if column.dtype.startswith("int") and not isinstance(values, Ragged) and values.dtype.kind == "f" and np.all(np.isfinite(values)):
        broken = values != np.round(values)
        if broken.any():
            raise ValueError(f"column '{name}' holds whole numbers, got {values[broken][0]:g}")
    return values
