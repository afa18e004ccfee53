"""Comma-separated files of columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.schema import Column, Ragged, Table, chunked


def write_csv(path: Path, tables: Table | Iterable[Table], columns: Mapping[str, Column]) -> None:
    """A header and one event a line; categories as their names, entries of arrays as ``name[i]`` or ``name[i,j]``."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, table in enumerate(chunked(tables)):
            cells = _cells(table, columns)
            if number == 0:
                writer.writerow(cells)
            writer.writerows(zip(*cells.values(), strict=True))


def _cells(table: Table, columns: Mapping[str, Column]) -> dict[str, Sequence[Any] | np.ndarray]:
    """A column of the file for each entry, by its head."""
    cells: dict[str, Sequence[Any] | np.ndarray] = {}
    for name, values in table.items():
        if isinstance(values, Ragged):
            raise ValueError(f"column '{name}' is ragged and does not fit into CSV: write .h5 or .parquet")
        categories = columns[name].categories if name in columns else ()
        texts = np.array(categories)[values] if categories else values
        for index in np.ndindex(texts.shape[1:]):
            entries = texts[(slice(None), *index)]
            # as Python's numbers they are written faster, but single precision would get more digits
            cells[f"{name}[{','.join(map(str, index))}]" if index else name] = entries if entries.dtype == np.float32 else entries.tolist()
    return cells


def read_csv(path: Path) -> Iterator[Table]:
    """Chunks of what ``write_csv`` wrote, or of any comma-separated file with a header."""
    with path.open(newline="") as file:
        lines = ([cell.strip() for cell in row] for row in csv.reader(file) if row)
        head = next(lines, [])
        number = 0
        while (rows := list(islice(lines, CHUNK_EVENTS))) or number == 0:
            for row in rows:
                if len(row) != len(head):
                    raise ValueError(f"'{path}', event {number}: {len(row)} cells, the header has {len(head)}")
                number += 1
            yield _table(head, rows)
            if not rows:
                return


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
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
        texts = np.array(cells)
        return texts == "True" if len(texts) and np.isin(texts, ("True", "False")).all() else texts
