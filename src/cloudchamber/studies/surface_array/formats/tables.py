"""HDF5 and parquet files of stations (stations.py), and of tables without records: one row an event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.surface_array.columns import HITS, SILENT
from cloudchamber.studies.surface_array.formats.hisparc import read_hisparc
from cloudchamber.studies.surface_array.formats.stations import NEEDED, OWN, from_rows, to_rows

METADATA = b"cloudchamber"


def read_hdf5(path: Path) -> Table:
    """Stations by their columns, a ragged table as ``convert`` writes from other programs' files, or plain columns of events."""
    import h5py

    _must_exist(path)
    try:
        with h5py.File(path) as file:
            if "coincidences" in file:
                return read_hisparc(path)
            if any(isinstance(item, h5py.Group) for item in file.values()):
                items = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset) or {"values", "offsets"} <= set(item)}
                return {name: item[()] if isinstance(item, h5py.Dataset) else Ragged(item["values"][()], item["offsets"][()]) for name, item in items.items()}
            rows = {name: _decoded(item[()]) for name, item in file.items() if item.shape}
            attributes = dict(file.attrs)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file (damaged or cut short?): {error}") from error
    return _from_columns(path, rows, attributes)


def write_hdf5(path: Path, table: Table) -> None:
    """One row a station where the table has records, else one row an event; records are compressed."""
    import h5py

    rows, attributes = _to_columns(path, table)
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, values in rows.items():
            data = values.astype("S") if values.dtype.kind == "U" else values
            packed = {"compression": "lzf", "shuffle": True, "chunks": True} if data.ndim > 1 and len(data) else {}
            file.create_dataset(name, data=data, **packed)


def read_parquet(path: Path) -> Table:
    """As ``read_hdf5``, from parquet: records are lists, attributes the file's metadata (each by its name, or a JSON object ``cloudchamber``)."""
    parquet = _pyarrow("parquet")
    _must_exist(path)
    try:
        # a plain reader: a folder name like event=3 must not turn into a column
        content = parquet.ParquetFile(path).read()
    except (OSError, ValueError) as error:
        raise ValueError(f"'{path}' is not a readable parquet file (damaged or cut short?): {error}") from error
    metadata = dict(content.schema.metadata or {})
    attributes: dict[str, Any] = {key.decode(): value.decode() for key, value in metadata.items() if key.decode() in OWN}
    attributes |= json.loads(metadata.get(METADATA, b"{}"))
    shapes = attributes.pop("shapes", {})
    rows = {}
    for name in content.column_names:
        values = _unlisted(content[name].combine_chunks())
        rows[name] = values.reshape(len(values), *shapes[name]) if name in shapes else values
    return _from_columns(path, rows, attributes)


def write_parquet(path: Path, table: Table) -> None:
    """As ``write_hdf5``, to parquet; arrays as lists of fixed length."""
    pyarrow, parquet = _pyarrow(), _pyarrow("parquet")
    rows, attributes = _to_columns(path, table)
    arrays = {}
    for name, values in rows.items():
        flat = np.ascontiguousarray(values)
        size = int(np.prod(values.shape[1:]))
        arrays[name] = pyarrow.array(flat) if values.ndim == 1 else pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat.reshape(-1)), size)
    shapes = {name: values.shape[1:] for name, values in rows.items() if values.ndim > 2}
    written = pyarrow.table(arrays).replace_schema_metadata({METADATA: json.dumps(attributes | {"shapes": shapes})})
    parquet.write_table(written, path, compression="zstd")


def _from_columns(path: Path, rows: Mapping[str, np.ndarray], attributes: Mapping[str, Any]) -> Table:
    return from_rows(path, rows, attributes) if any(name in rows for name in NEEDED) else dict(rows)


def _to_columns(path: Path, table: Table) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    if any(name in table for name in (*HITS, *SILENT)):
        return to_rows(table), dict(OWN)
    ragged = [name for name, values in table.items() if isinstance(values, Ragged)]
    if ragged:
        raise ValueError(f"cannot write '{path}': the column '{ragged[0]}' is ragged; only {', '.join((*HITS, *SILENT))} may be")
    return {name: np.asarray(values) for name, values in table.items()}, {}


def _unlisted(array: Any) -> np.ndarray:
    """A parquet column as an array; lists of one length as (rows, length), others as an array of arrays."""
    types = _pyarrow("types")
    if not (types.is_list(array.type) or types.is_large_list(array.type) or types.is_fixed_size_list(array.type)):
        return array.to_numpy(zero_copy_only=False)
    flat = array.flatten().to_numpy(zero_copy_only=False)
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    if len(lengths) and (lengths == lengths[0]).all():
        return flat.reshape(len(lengths), int(lengths[0]))
    lists = np.empty(len(lengths), object)
    lists[:] = np.split(flat, np.cumsum(lengths)[:-1])
    return lists


def _decoded(values: np.ndarray) -> np.ndarray:
    texts = values.dtype.kind == "S" or (values.dtype.kind == "O" and len(values) and isinstance(values[0], bytes))
    return np.char.decode(values.astype(bytes)) if texts else values


def _pyarrow(module: str = "") -> Any:
    import importlib

    try:
        return importlib.import_module(f"pyarrow.{module}" if module else "pyarrow")
    except ImportError as error:
        raise ImportError("this file format needs 'pyarrow': pip install 'cloudchamber[formats]'") from error


def _must_exist(path: Path) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")
