"""Tables in files: a study's own formats by name or suffix, an event store's folder, and HDF5, CSV and parquet for every study."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.atomic import replacing
from cloudchamber.formats.astronomy import read_astropy
from cloudchamber.formats.csv import read_csv, write_csv, write_ecsv
from cloudchamber.formats.hdf5 import CHUNK_EVENTS, IN_DOMAIN, read_hdf5, write_hdf5
from cloudchamber.formats.maps import map_columns, read_maps, write_maps
from cloudchamber.formats.options import chosen_options
from cloudchamber.formats.parquet import read_parquet, write_parquet
from cloudchamber.meant import meant
from cloudchamber.memory import trimmed
from cloudchamber.schema import Column, Ragged, Schema, Table, check_table, chunked, events_in, rechunked, recoded, whole
from cloudchamber.study import Format, Study

SUFFIXES = (".fits", ".fits.gz", ".fit")


def read_table(
    path: Path,
    study: Study,
    format: str | None = None,
    own_first: bool = True,
    partial: bool = False,
    schema: Schema | None = None,
    read: Mapping[str, Any] | None = None,
) -> Table:
    """All that ``read_chunks`` reads, in one table."""
    return whole(read_chunks(path, study, format, own_first, partial, schema=schema, read=read))


def read_chunks(
    path: Path,
    study: Study,
    format: str | None = None,
    own_first: bool = True,
    partial: bool = False,
    events: int = CHUNK_EVENTS,
    marks: bool = False,
    schema: Schema | None = None,
    read: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
) -> Iterator[Table]:
    """The study's columns that a file, or an event store's folder, holds, in chunks of so many events; ValueError where there is none of them.

    Columns are those of ``schema``, such as a run's, with its codes of categories; others are the study's, as ``schema_for`` the table, or the store's own.
    A store that lacks blocks is refused, unless ``partial`` takes what is there.
    Where a suffix belongs to a format of the study's own and to a general one, ``own_first`` decides. With ``marks`` a file's ``in_domain`` comes along.
    ``read`` are options of the format (``options.options_of``). With ``only`` some names, other columns are of no matter.
    """
    if not path.exists():
        raise ValueError(f"no file or folder '{path}'")
    if path.is_dir() and format is None:
        if read:
            raise ValueError(f"'{path}' is read as an event store, which has no read options; name the format of another program's folder")
        return trimmed(_of_store(path, study, partial, events, schema))
    if not os.access(path, os.R_OK):
        raise PermissionError(f"'{path}' may not be read: ask its owner for permission")
    chosen = find_format(path, study, format, "read", own_first, schema)
    tables = _read(path, chosen, chosen_options(chosen, read or {}))
    return trimmed(rechunked(_checked(path, tables, study, marks, schema, chosen in study.formats, only), events))


def _read(path: Path, chosen: Format, options: Mapping[str, Any]) -> Iterator[Table]:
    """What a reader gives; its errors name the file, and one that is no error of values is told as damage."""
    read: Any = chosen.read
    try:
        yield from chunked(read(path, **options))
    except (ValueError, TypeError) as error:
        if path.name in str(error):
            raise
        raise ValueError(f"'{path}': {error}") from error
    except OSError as error:
        if path.name in str(error):
            raise
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error
    except (ImportError, Warning):
        raise
    except Exception as error:
        raise ValueError(f"'{path}' is not readable as {chosen.name} (damaged, cut short, or another format?): {type(error).__name__}: {error}") from error


def _of_store(path: Path, study: Study, partial: bool, events: int, schema: Schema | None) -> Iterator[Table]:
    from cloudchamber.store.read import Store

    if not (path / "dataset.json").exists():
        folders = [f.name for f in study.formats if f.read is not None]
        raise ValueError(f"'{path}' is no event store; for the output folder of another program name its format: {', '.join(folders) or 'there is none'}")
    store = Store(path)
    store.refuse_gaps(partial)
    parts = (slice(first, min(first + events, store.n_events)) for first in range(0, store.n_events, events))
    here = (schema or store.schema).columns

    def read(part: slice) -> Table:
        try:
            return recoded(store.read(None, part), store.schema.columns, here)
        except ValueError as error:
            raise error if str(path) in str(error) else ValueError(f"the store '{path}' (of simulator '{store.simulator}'): {error}") from None

    return map(read, parts)


def joined(schema: Schema | None, other: Schema) -> Schema:
    """The columns of ``schema``, and those of ``other`` that it lacks."""
    if schema is None:
        return other
    more = [{name: column for name, column in side.items() if name not in schema.columns} for side in (other.theta, other.x)]
    return Schema(schema.theta | more[0], schema.x | more[1])


def _checked(path: Path, tables: Iterator[Table], study: Study, marks: bool, schema: Schema | None, own: bool, only: Collection[str] | None) -> Iterator[Table]:
    """The study's columns of each chunk, which all have the same ones."""
    first: dict[str, Column] = {}
    before = 0
    for table in tables:
        told = study.schema_for(table)
        columns = {name: column for name, column in joined(schema, told).columns.items() if only is None or name in only}
        if own:
            # a reader of the study's knows its own codes
            table = recoded(table, told.columns, columns)
        present = {name: column for name, column in columns.items() if name in table}
        if not present:
            raise ValueError(f"'{path}' holds none of the columns of '{study.name}'; it has: {', '.join(table) or 'nothing'}; wanted: {', '.join(columns)}")
        if marks and "in_domain" in table:
            present["in_domain"] = IN_DOMAIN
        first = first or present
        if changed := [name for name in {**first, **present} if first.get(name) != present.get(name)]:
            raise ValueError(f"'{path}': the column '{changed[0]}' is not the same throughout: the events from {before} on have another one, or none")
        try:
            yield check_table({name: _shaped(name, table[name], column) for name, column in present.items()}, present)
        except (ValueError, TypeError) as error:
            where = "" if str(path) in str(error) else f"'{path}': "
            raise ValueError(f"{where}{error}{f' (events are counted from event {before} of the file)' if before else ''}") from None
        before += events_in({name: table[name] for name in present})


def write_table(path: Path, tables: Table | Iterable[Table], study: Study, format: str | None = None, schema: Schema | None = None) -> None:
    """Write columns, those of ``schema`` where it has them, to a file, chunk after chunk: it appears whole or not at all."""
    chosen = find_format(path, study, format, "write", schema=schema)
    assert chosen.write is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        chunks = chunked(tables)
        if schema is not None and chosen in study.formats:
            # a writer of the study's knows its own codes
            chunks = (recoded(table, schema.columns, study.schema_for(table).columns) for table in chunks)
        chosen.write(part, chunks)


def find_format(path: Path, study: Study, format: str | None, verb: str, own_first: bool = True, schema: Schema | None = None) -> Format:
    """The format called ``format``, else the study's for the path's suffix, else the general one; it can ``verb`` ("read" or "write")."""
    if verb == "write" and path.is_dir():
        raise ValueError(f"'{path}' is a folder: name a file")
    general = general_formats(joined(schema, study.columns))
    known = [f for f in ((*study.formats, *general) if own_first else (*general, *study.formats)) if getattr(f, verb) is not None]
    if format is not None:
        named = [f for f in known if f.name == format]
        if not named:
            hint = meant(format, [f.name for f in known])
            raise ValueError(f"no format '{format}' to {verb}{hint}; '{study.name}' has: {', '.join(f.name for f in known)}")
        return named[0]
    fitting = [f for f in known if any(path.name.endswith(suffix) for suffix in f.suffixes)]
    if not fitting:
        raise ValueError(f"cannot tell how to {verb} '{path.name}'; suffixes: {', '.join(sorted({s for f in known for s in f.suffixes}))}")
    return fitting[0]


def general_formats(schema: Schema) -> tuple[Format, ...]:
    """What every study reads and writes."""

    def read_fits(path: Path) -> Iterator[Table]:
        return read_maps(path, schema.columns)

    def write_fits(path: Path, tables: Iterable[Table]) -> None:
        write_maps(path, tables, schema.columns)

    told = {**schema.columns, "in_domain": IN_DOMAIN}

    def reads(read: Callable[..., Iterator[Table]]) -> Callable[..., Iterator[Table]]:
        return partial(read, wanted=told)

    def writes(write: Callable[..., None]) -> Callable[..., None]:
        return partial(write, columns=told)

    fits_table = Format("fits-table", SUFFIXES, partial(read_astropy, wanted=told, format="fits"), None, "FITS tables")
    return (
        Format("fits-maps", SUFFIXES, read_fits, write_fits, "HEALPix tables and images with world coordinates") if map_columns(schema) else fits_table,
        Format("hdf5", (".h5", ".hdf5"), reads(read_hdf5), writes(write_hdf5), "one data set a column, with its unit"),
        Format("csv", (".csv",), reads(read_csv), writes(write_csv), "one event a line, columns 'name' or 'name[i]'"),
        Format("ecsv", (".ecsv",), reads(read_csv), writes(write_ecsv), "as csv, with units: astropy's text tables"),
        Format("votable", (".vot", ".votable"), partial(read_astropy, wanted=told, format="votable"), None, "the Virtual Observatory's tables"),
        Format("table-parquet", (".parquet",), reads(read_parquet), writes(write_parquet), "one event a row, arrays as lists, with units"),
    )


def presence(table: Mapping[str, Any], schema: Schema) -> Schema:
    """The part of ``schema`` whose columns ``table`` holds."""
    return replace(
        schema,
        theta={name: column for name, column in schema.theta.items() if name in table},
        x={name: column for name, column in schema.x.items() if name in table},
    )


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
