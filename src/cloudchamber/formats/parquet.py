"""Parquet files of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS, attributes_of, in_codes
from cloudchamber.schema import Column, Ragged, Table, chunked
from cloudchamber.units import stated


def write_parquet(path: Path, tables: Table | Iterable[Table], columns: Mapping[str, Column] | None = None) -> None:
    """One event a row; an array is a list of its entries, row after row. A group of rows for each chunk.

    The fields of ``columns`` say unit and meaning in their metadata.
    """
    import pyarrow
    import pyarrow.parquet

    writer = None
    try:
        for table in chunked(tables):
            arrays = {name: _array(name, values) for name, values in table.items()}
            known = {name: attributes_of(column) for name, column in (columns or {}).items()}
            fields = [pyarrow.field(name, array.type, metadata=known.get(name)) for name, array in arrays.items()]
            rows = pyarrow.Table.from_arrays(list(arrays.values()), schema=pyarrow.schema(fields))
            writer = writer or pyarrow.parquet.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
    finally:
        if writer is not None:
            writer.close()


def read_parquet(path: Path, wanted: Mapping[str, Column] | None = None) -> Iterator[Table]:
    """Chunks of what ``write_parquet`` wrote; lists of one length stay lists until a column's shape is known.

    With ``wanted`` columns, what else is there is passed over, and units that the file states (a field's metadata) are turned into theirs.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        # a plain reader: a folder name like primary=p must not turn into a column
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
            names = [name for name in file.schema_arrow.names if wanted is None or name in wanted] or file.schema_arrow.names
            units, classes = units_of(file.schema_arrow), metadata_of(file.schema_arrow, b"categories")
            if twice := [name for name in names if names.count(name) > 1]:
                raise ValueError(f"'{path}' gives the column '{twice[0]}' twice: which one counts?")
            if file.metadata.num_rows == 0:
                empty = file.schema_arrow.empty_table()
                yield {name: _values(path, name, empty[name].combine_chunks(), 0) for name in names}
            before = 0
            for batch in file.iter_batches(CHUNK_EVENTS, columns=names):
                table = {name: _values(path, name, column, before) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
                read = {name: _stated(path, name, values, units, wanted or {}) for name, values in table.items()}
                yield {name: _classes(name, values, classes.get(name, ""), (wanted or {}).get(name)) for name, values in read.items()}
                before += len(batch)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise ValueError(f"'{path}' is not a readable parquet file (damaged or cut short?): {error}") from error


def units_of(schema: Any) -> dict[str, str]:
    """The units that the fields' metadata state."""
    return metadata_of(schema, b"unit")


def metadata_of(schema: Any, key: bytes) -> dict[str, str]:
    """What the fields' metadata say under ``key``, where they do."""
    found = {field.name: (field.metadata or {}).get(key, b"").decode() for field in schema}
    return {name: text for name, text in found.items() if text}


def _classes(name: str, values: np.ndarray | Ragged, stated: str, column: Column | None) -> np.ndarray | Ragged:
    flat = in_codes(name, values.values if isinstance(values, Ragged) else values, stated, column)
    return Ragged(flat, values.offsets) if isinstance(values, Ragged) else flat


def _stated(path: Path, name: str, values: np.ndarray | Ragged, units: Mapping[str, str], wanted: Mapping[str, Column]) -> np.ndarray | Ragged:
    if name not in units or name not in wanted:
        return values
    flat = stated(values.values if isinstance(values, Ragged) else values, units[name], wanted[name].unit, f"'{path}', column '{name}'")
    return Ragged(flat, values.offsets) if isinstance(values, Ragged) else flat


def _array(name: str, values: np.ndarray | Ragged) -> Any:
    import pyarrow

    if isinstance(values, Ragged):
        if values.values.ndim != 1:
            raise ValueError(f"column '{name}' is ragged with entries of shape {values.values.shape[1:]} and does not fit into parquet: write .h5")
        return pyarrow.LargeListArray.from_arrays(values.offsets, values.values)
    if values.ndim == 1:
        return pyarrow.array(values)
    return pyarrow.LargeListArray.from_arrays(np.arange(len(values) + 1) * int(np.prod(values.shape[1:])), values.reshape(-1))


def _values(path: Path, name: str, column: Any, before: int) -> np.ndarray | Ragged:
    import pyarrow

    refuse_nulls(path, name, column, before)
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pyarrow.types.is_fixed_size_list(column.type):
        values = _flat(path, name, column.flatten())
        return values.reshape(len(column), column.type.list_size)
    if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
        offsets = np.asarray(column.offsets, np.int64)
        return Ragged(_flat(path, name, column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))), offsets - offsets[0])
    return np.asarray(column.to_numpy(zero_copy_only=False))


def refuse_nulls(path: Path, name: str, column: Any, before: int = 0) -> None:
    """ValueError for the first event without a value, of a part of a column that begins at event ``before``."""
    if column.null_count:
        row = before + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(f"'{path}', column '{name}': no value (null) in event {row}")


def _flat(path: Path, name: str, values: Any) -> np.ndarray:
    if values.null_count:
        raise ValueError(f"'{path}', column '{name}': {values.null_count} entries of its lists have no value (null)")
    return np.asarray(values.to_numpy(zero_copy_only=False))
