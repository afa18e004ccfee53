"""Parquet files of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def read_parquet(path: Path) -> Iterator[Table]:
    """Chunks of what ``write_parquet`` wrote; lists of one length stay lists until a column's shape is known."""
    import pyarrow
    import pyarrow.parquet

    try:
        # a plain reader: a folder name like primary=p must not turn into a column
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
            if file.metadata.num_rows == 0:
                empty = file.schema_arrow.empty_table()
                yield {name: _values(empty[name].combine_chunks()) for name in empty.column_names}
            for batch in file.iter_batches(CHUNK_EVENTS):
                yield {name: _values(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
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


def _values(column: Any) -> np.ndarray | Ragged:
    import pyarrow

    if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
        offsets, values = np.asarray(column.offsets, np.int64), column.values.to_numpy(zero_copy_only=False)
        return Ragged(values[offsets[0] : offsets[-1]], offsets - offsets[0])
    return np.asarray(column.to_numpy(zero_copy_only=False))
