"""Flat HDF5 and parquet: one dataset or list column for each column of the study, with unit and meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloudchamber.schema import Column, Table, events_in
from cloudchamber.studies.airshower.formats.grid import COLUMNS, checked, need


def write_hdf5(path: Path, table: Table) -> None:
    """One dataset for each column at the top of the file, attributes ``unit``, ``doc`` and, where it has some, ``categories``."""
    import h5py

    table = checked(table)
    events_in(table)
    with h5py.File(path, "w") as file:
        for name, values in table.items():
            file.create_dataset(name, data=values).attrs.update(_attributes(COLUMNS[name]))


def read_hdf5(path: Path) -> Table:
    """Read what ``write_hdf5`` wrote, or any flat HDF5 file of the study's columns; ValueError for other columns and damaged files."""
    import h5py

    _must_exist(path)
    try:
        with h5py.File(path, "r") as file:
            groups = [name for name, item in file.items() if not isinstance(item, h5py.Dataset)]
            table = {name: _labels(item[()]) for name, item in file.items() if name not in groups}
    except OSError as error:
        raise ValueError(f"{path}: not a readable HDF5 file (damaged or cut short?): {error}") from error
    if groups or not table:
        raise ValueError(f"{path}: needs one dataset for each column at its top, {f'{groups[0]!r} is a group' if groups else 'it is empty'}")
    return checked(table)


def write_parquet(path: Path, table: Table) -> None:
    """One column each, profiles as lists of fixed length, the primary by name; field metadata ``unit`` and ``doc``."""
    pyarrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    table = checked(table)
    events_in(table)
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
        fields.append(pyarrow.field(name, array.type, nullable=False, metadata=_attributes(column)))
    parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields)), path)


def read_parquet(path: Path) -> Table:
    """Read what ``write_parquet`` wrote, or any parquet file of the study's columns; ValueError for other columns and damaged files."""
    pyarrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    _must_exist(path)
    try:
        # a plain reader: a folder name like primary=p must not turn into a column
        content = parquet.ParquetFile(path).read()
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not a readable parquet file (damaged or cut short?): {error}") from error
    table: Table = {}
    for name in content.column_names:
        values = content[name].combine_chunks()
        kind = values.type
        if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind):
            flat = values.flatten().to_numpy(zero_copy_only=False)
            if len(values) == 0 or len(flat) % len(values) or len(set(values.value_lengths().to_pylist())) != 1:
                raise ValueError(f"{path}: column '{name}' holds lists of different lengths or none")
            table[name] = flat.reshape(len(values), -1)
        elif pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
            table[name] = np.array(values.to_pylist(), dtype=str)
        else:
            table[name] = values.to_numpy(zero_copy_only=False)
    return checked(table)


def _attributes(column: Column) -> dict[str, str]:
    attributes = {"unit": column.unit, "doc": column.doc}
    return attributes | {"categories": ",".join(column.categories)} if column.categories else attributes


def _labels(values: np.ndarray) -> np.ndarray:
    return np.char.decode(values.astype(bytes)) if values.dtype.kind in "OS" else values


def _must_exist(path: Path) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")
