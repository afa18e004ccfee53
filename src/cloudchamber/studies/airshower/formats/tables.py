"""Flat HDF5 and parquet: one dataset or list column for each column of the study, with unit and meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS, append, attributes_of, refuse_links, rows_of
from cloudchamber.formats.parquet import refuse_nulls, units_of
from cloudchamber.schema import Table, chunked, events_in
from cloudchamber.studies.airshower.formats.grid import COLUMNS, checked, need
from cloudchamber.units import stated


def write_hdf5(path: Path, tables: Table | Iterable[Table]) -> None:
    """One dataset for each column at the top of the file, attributes ``unit``, ``doc`` and, where it has some, ``categories``."""
    import h5py

    with h5py.File(path, "w") as file:
        for table in map(checked, chunked(tables)):
            events_in(table)
            for name, values in table.items():
                append(file, name, values).attrs.update(attributes_of(COLUMNS[name]))


def read_hdf5(path: Path) -> Iterator[Table]:
    """Chunks of what ``write_hdf5`` wrote, or of any flat HDF5 file of the study's columns; ValueError for other columns and damaged files."""
    import h5py

    _must_exist(path)
    try:
        with h5py.File(path, "r") as file:
            refuse_links(path, file)
            # beside the columns there may be words on the file: scalars and groups
            lengths = {name: len(item) for name, item in file.items() if isinstance(item, h5py.Dataset) and item.shape}
            if not lengths:
                raise ValueError(f"{path}: needs one dataset for each column at its top, it has: {', '.join(file) or 'nothing'}")
            if len(set(lengths.values())) > 1:
                raise ValueError(f"{path}: columns of different lengths, {', '.join(f'{name} {length}' for name, length in lengths.items())}")
            events = next(iter(lengths.values()))
            for first in range(0, max(events, 1), CHUNK_EVENTS):
                part = slice(first, first + CHUNK_EVENTS)
                yield checked({name: _labels(rows_of(path, file, name, part, _unit(name))) for name in lengths})
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"{path}: not a readable HDF5 file (damaged or cut short?): {error}") from error


def write_parquet(path: Path, tables: Table | Iterable[Table]) -> None:
    """One column each, profiles as lists of fixed length, the primary by name; field metadata ``unit`` and ``doc``. A group of rows for each chunk."""
    parquet = need("pyarrow.parquet")
    writer = None
    try:
        for table in map(checked, chunked(tables)):
            events_in(table)
            rows = _arrow(table)
            writer = writer or parquet.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
    finally:
        if writer is not None:
            writer.close()


def _arrow(table: Table) -> Any:
    pyarrow = need("pyarrow")
    arrays, fields = [], []
    for name, values in table.items():
        column = COLUMNS[name]
        if column.categories:
            array = pyarrow.array(np.array(column.categories)[values])
        elif column.shape:
            array = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(np.ascontiguousarray(values).ravel()), column.shape[0])
        else:
            array = pyarrow.array(values)
        arrays.append(array)
        fields.append(pyarrow.field(name, array.type, nullable=False, metadata=attributes_of(column)))
    return pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))


def read_parquet(path: Path) -> Iterator[Table]:
    """Chunks of what ``write_parquet`` wrote, or of any parquet file of the study's columns; ValueError for other columns and damaged files."""
    parquet, arrow = need("pyarrow.parquet"), need("pyarrow")
    _must_exist(path)
    try:
        # a plain reader: a folder name like primary=p must not turn into a column
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            if file.metadata.num_rows == 0:
                raise ValueError(f"{path}: holds no event")
            units = units_of(file.schema_arrow)
            for batch in file.iter_batches(CHUNK_EVENTS):
                table = {name: _values(path, name, values) for name, values in zip(batch.schema.names, batch.columns, strict=True)}
                yield checked({name: stated(values, units.get(name, ""), _unit(name), f"{path}: column '{name}'") for name, values in table.items()})
    except (OSError, arrow.ArrowInvalid) as error:
        raise ValueError(f"{path}: not a readable parquet file (damaged or cut short?): {error}") from error


def _values(path: Path, name: str, values: Any) -> np.ndarray:
    pyarrow = need("pyarrow")
    refuse_nulls(path, name, values)
    kind = values.type
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind):
        flat = values.flatten().to_numpy(zero_copy_only=False)
        if len(values) == 0 or len(flat) % len(values) or len(set(values.value_lengths().to_pylist())) != 1:
            raise ValueError(f"{path}: column '{name}' holds lists of different lengths or none")
        return np.asarray(flat.reshape(len(values), -1))
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        return np.array(values.to_pylist(), dtype=str)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _unit(name: str) -> str:
    """Of a column; one that is none of the study's is refused later."""
    return COLUMNS[name].unit if name in COLUMNS else ""


def _labels(values: np.ndarray) -> np.ndarray:
    return np.char.decode(values.astype(bytes)) if values.dtype.kind in "OS" else values


def _must_exist(path: Path) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")
