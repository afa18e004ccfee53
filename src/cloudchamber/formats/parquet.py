"""Parquet files of columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.schema import Ragged, Table, chunked


def write_parquet(path: Path, tables: Table | Iterable[Table]) -> None:
    """One event a row; an array is a list of its entries, row after row. A group of rows for each chunk."""
    import pyarrow
    import pyarrow.parquet

    writer = None
    try:
        for table in chunked(tables):
            rows = pyarrow.table({name: _array(name, values) for name, values in table.items()})
            writer = writer or pyarrow.parquet.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
    finally:
        if writer is not None:
            writer.close()


def read_parquet(path: Path, wanted: Collection[str] = ()) -> Iterator[Table]:
    """Chunks of what ``write_parquet`` wrote; lists of one length stay lists until a column's shape is known.

    With ``wanted`` columns, what else is there is passed over.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        # a plain reader: a folder name like primary=p must not turn into a column
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
            names = [name for name in file.schema_arrow.names if name in wanted] or file.schema_arrow.names
            if twice := [name for name in names if names.count(name) > 1]:
                raise ValueError(f"'{path}' gives the column '{twice[0]}' twice: which one counts?")
            if file.metadata.num_rows == 0:
                empty = file.schema_arrow.empty_table()
                yield {name: _values(path, name, empty[name].combine_chunks(), 0) for name in names}
            before = 0
            for batch in file.iter_batches(CHUNK_EVENTS, columns=names):
                yield {name: _values(path, name, column, before) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
                before += len(batch)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise ValueError(f"'{path}' is not a readable parquet file (damaged or cut short?): {error}") from error


def _array(name: str, values: np.ndarray | Ragged) -> Any:
    import pyarrow

    ragged = values if isinstance(values, Ragged) else None
    flat = ragged.values if ragged else np.asarray(values).reshape(-1)
    if ragged is None and values.ndim == 1:  # type: ignore[union-attr]
        return pyarrow.array(values)
    if flat.ndim != 1:
        raise ValueError(f"column '{name}' is ragged with entries of shape {flat.shape[1:]} and does not fit into parquet: write .h5")
    offsets = ragged.offsets if ragged else np.arange(len(values) + 1) * int(np.prod(values.shape[1:]))  # type: ignore[union-attr]
    return pyarrow.LargeListArray.from_arrays(offsets, flat)


def _values(path: Path, name: str, column: Any, before: int) -> np.ndarray | Ragged:
    import pyarrow

    if column.null_count:
        row = before + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(f"'{path}', column '{name}': no value (null) in event {row}")
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pyarrow.types.is_fixed_size_list(column.type):
        values = _flat(path, name, column.flatten())
        return values.reshape(len(column), column.type.list_size)
    if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
        offsets = np.asarray(column.offsets, np.int64)
        return Ragged(_flat(path, name, column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))), offsets - offsets[0])
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _flat(path: Path, name: str, values: Any) -> np.ndarray:
    if values.null_count:
        raise ValueError(f"'{path}', column '{name}': {values.null_count} entries of its lists have no value (null)")
    return np.asarray(values.to_numpy(zero_copy_only=False))
