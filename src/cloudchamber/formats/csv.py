"""Comma-separated files of columns."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.formats.text import read_text
from cloudchamber.schema import Column, Ragged, Table, chunked
from cloudchamber.units import stated


def write_csv(path: Path, tables: Table | Iterable[Table], columns: Mapping[str, Column]) -> None:
    """A header and one event a line; categories as their names, entries of arrays as ``name[i]`` or ``name[i,j]``."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, table in enumerate(chunked(tables)):
            cells = _cells(table, columns)
            if number == 0:
                writer.writerow(cells)
            writer.writerows(zip(*cells.values(), strict=True))


def write_ecsv(path: Path, tables: Table | Iterable[Table], columns: Mapping[str, Column]) -> None:
    """The same below a head in YAML that states types, units and meanings, as astropy writes and reads it.

    References: Robitaille et al., Astropy Proposal for Enhancement 6.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, table in enumerate(chunked(tables)):
            cells = _cells(table, columns)
            if number == 0:
                kinds = {name: values.dtype.name for name, values in table.items()}
                file.writelines(f"# {line}\n" for line in _head(cells, kinds, columns))
                writer.writerow(cells)
            writer.writerows(zip(*cells.values(), strict=True))


def _head(cells: Iterable[str], kinds: Mapping[str, str], columns: Mapping[str, Column]) -> Iterator[str]:
    yield from ("%ECSV 1.0", "---", "delimiter: ','", "datatype:")
    for title in cells:
        name = title.partition("[")[0]
        column = columns.get(name, Column())
        told = {"name": title, "datatype": "string" if column.categories or kinds[name].startswith("str") else kinds[name]}
        told |= {key: text for key, text in (("unit", column.unit), ("description", column.doc)) if text}
        # every JSON object is one of YAML too
        yield f"- {json.dumps(told)}"
    yield "schema: astropy-2.0"


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


def read_csv(path: Path, wanted: Mapping[str, Column] | None = None) -> Iterator[Table]:
    """Chunks of what ``write_csv`` wrote, or of any table of text with a header (``formats.text``); a ``wanted`` column must not have
    empty cells, and is turned into its unit.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        text = read_text(path, file)
        titles = [re.fullmatch(r"(.*?)(?:\[([\d,]+)\])?", name) for name in text.names]
        places = [(title[1], tuple(map(int, title[2].split(","))) if title[2] else ()) for title in titles if title]
        parts: dict[str, list[tuple[int, ...]]] = {}
        for name, index in places:
            parts.setdefault(name, []).append(index)
        shapes = {name: _shape(path, name, entries) for name, entries in parts.items()}
        first = True
        while (rows := list(islice(text.rows, CHUNK_EVENTS))) or first:
            first = False
            yield _table(path, places, shapes, text.units, rows, wanted or {})
            if not rows:
                return


def _shape(path: Path, name: str, entries: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Of a column whose entries stand in columns of their own: all of them must."""
    if len({len(entry) for entry in entries}) > 1:
        raise ValueError(f"'{path}' has the column '{name}' both whole and by entries: which one counts?")
    shape = tuple(int(most) + 1 for most in np.max(entries, axis=0)) if entries[0] else ()
    if missing := [index for index in np.ndindex(shape) if index not in set(entries)]:
        raise ValueError(f"'{path}' lacks the column '{name}[{','.join(map(str, missing[0]))}]': its other entries go up to {[length - 1 for length in shape]}")
    return shape


def _table(
    path: Path,
    places: Sequence[tuple[str, tuple[int, ...]]],
    shapes: Mapping[str, tuple[int, ...]],
    units: Mapping[str, str],
    rows: Sequence[tuple[int, Sequence[str]]],
    wanted: Mapping[str, Column],
) -> Table:
    parts: dict[str, dict[tuple[int, ...], np.ndarray]] = {}
    for column, (name, index) in enumerate(places):
        cells = [row[column] for _, row in rows]
        if "" in cells and name in wanted:
            raise ValueError(f"'{path}', line {rows[cells.index('')][0]}, column '{name}': no value")
        parts.setdefault(name, {})[index] = _numbers(cells)
    table: Table = {}
    for name, entries in parts.items():
        shape = shapes[name]
        values = np.stack([entries[index] for index in np.ndindex(shape)], axis=1).reshape(len(rows), *shape) if shape else entries[()]
        unit = units.get(name) or units.get(f"{name}[{','.join('0' * len(shape))}]", "")
        table[name] = stated(values, unit, wanted[name].unit, f"'{path}', column '{name}'") if name in wanted else values
    return table


def _numbers(cells: list[str]) -> np.ndarray:
    try:
        # whole numbers stay whole: an event's number or a time in ns has more digits than a float
        return np.array([int(cell) for cell in cells], dtype=np.int64) if cells and all(map(_WHOLE.fullmatch, cells)) else np.array(cells, dtype=np.float64)
    except OverflowError:
        whole = all(0 <= int(cell) < 2**64 for cell in cells)
        # what fits no whole number is refused by the column's range, and told as about what it is
        return np.array(cells, dtype=np.uint64 if whole else np.float64)
    except ValueError:
        texts = np.array(cells)
        return texts == "True" if len(texts) and np.isin(texts, ("True", "False")).all() else texts


_WHOLE = re.compile(r"[+-]?\d+")
