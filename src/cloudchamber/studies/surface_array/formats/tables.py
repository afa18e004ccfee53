"""HDF5 and parquet files of stations (stations.py), and of tables without records: one row an event."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np

from cloudchamber.formats import hdf5 as columns
from cloudchamber.formats.hdf5 import CHUNK_EVENTS, IN_DOMAIN, append, attributes_of, refuse_links, rows_of
from cloudchamber.formats.parquet import units_of
from cloudchamber.schema import Ragged, Table, chunked
from cloudchamber.studies.surface_array.columns import HITS, SEEN, SILENT, THETA
from cloudchamber.studies.surface_array.formats.events import FROM_FILE
from cloudchamber.studies.surface_array.formats.hisparc import MipIntegral, read_hisparc
from cloudchamber.studies.surface_array.formats.stations import NEEDED, OWN, from_rows, to_rows
from cloudchamber.units import stated

METADATA = b"cloudchamber"
COLUMNS = {**THETA, **SEEN, **FROM_FILE}
UNITS = {name: column.unit for name, column in COLUMNS.items()} | {"x_m": "m", "y_m": "m", "z_m": "m", "start_ns": "ns"}
"""What a file's columns are read in; units of others, as of samples, are of no matter."""


StepNs: TypeAlias = Annotated[float | None, "stations' records: ns from sample to sample, in place of the file's attribute"]
CountsPerVem: TypeAlias = Annotated[float | None, "stations' records: sum of samples above the pedestal that a vertical muon gives, likewise"]
PedestalCounts: TypeAlias = Annotated[float | None, "stations' records: samples without a signal, likewise"]
SaturationCounts: TypeAlias = Annotated[float | None, "stations' records: the most that a sample can say, likewise"]


def read_hdf5(
    path: Path,
    *,
    step_ns: StepNs = None,
    counts_per_vem: CountsPerVem = None,
    pedestal_counts: PedestalCounts = None,
    saturation_counts: SaturationCounts = None,
    mip_integral: MipIntegral = None,
) -> Iterator[Table]:
    """Stations by their columns, a ragged table as ``convert`` writes from other programs' files, or plain columns of events; in chunks."""
    import h5py

    _must_exist(path)
    try:
        with h5py.File(path) as file:
            refuse_links(path, file)
            given = _given(step_ns, counts_per_vem, pedestal_counts, saturation_counts)
            if "coincidences" in file:
                _refuse_idle(path, given, "stations' records", "HiSPARC's")
                yield from read_hisparc(path, mip_integral=mip_integral)
                return
            _refuse_idle(path, {} if mip_integral is None else {"mip_integral": mip_integral}, "HiSPARC's files", "another program's")
            if any(isinstance(item, h5py.Group) for item in file.values()):
                _refuse_idle(path, given, "stations' records", "one of events by their columns")
                yield from columns.read_hdf5(path, COLUMNS)
                return
            rows = {name: len(item) for name, item in file.items() if item.shape}
            attributes = dict(file.attrs)
            for part in _parts(path, file["event"] if "event" in rows else None, rows):
                yield _from_columns(path, {name: _decoded(rows_of(path, file, name, part, UNITS.get(name))) for name in rows}, attributes, given)
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"'{path}' is not a readable HDF5 file (damaged or cut short?): {error}") from error


def _parts(path: Path, event: Any, lengths: Mapping[str, int]) -> list[slice]:
    """Rows to read at once: those of some events, all of them where the rows of an event do not stand together."""
    rows = max(lengths.values(), default=0)
    if event is None or len(set(lengths.values())) > 1:
        # from_rows tells what is wrong with the lengths
        return [slice(0, rows)] if event is not None else [slice(first, first + CHUNK_EVENTS) for first in range(0, max(rows, 1), CHUNK_EVENTS)]
    number = np.asarray(event[()])
    starts = np.flatnonzero(np.append(True, number[1:] != number[:-1])) if rows else np.zeros(1, int)
    if rows and len(np.unique(number[starts])) != len(starts):
        return [slice(0, rows)]
    edges = [*starts[::CHUNK_EVENTS].tolist(), rows]
    return [slice(low, high) for low, high in pairwise(edges)]


def write_hdf5(path: Path, tables: Table | Iterable[Table]) -> None:
    """One row a station where the table has records, else one row an event; records are compressed."""
    import h5py

    told = _told()
    with h5py.File(path, "w") as file:
        for rows, attributes in _rows(path, tables):
            file.attrs.update(attributes)
            for name, values in rows.items():
                data = values.astype("S") if values.dtype.kind == "U" else values
                if data.dtype.kind == "S" and name in file and data.dtype.itemsize > file[name].dtype.itemsize:
                    raise ValueError(f"cannot write '{path}': the column '{name}' has longer words in later events: write parquet")
                written = append(file, name, data, **({"compression": "lzf", "shuffle": True} if data.ndim > 1 and len(data) else {}))
                written.attrs.update(told.get(name, {}))


def _refuse_idle(path: Path, given: Mapping[str, float], of: str, kind: str) -> None:
    """ValueError for an option that says nothing of this kind of file."""
    if given:
        raise ValueError(f"'{path}': --read.{next(iter(given)).replace('_', '-')} is of {of}; this file is {kind}")


def _given(*settings: float | None) -> dict[str, float]:
    """Attributes that the options set."""
    return {name: value for name, value in zip(OWN, settings, strict=True) if value is not None}


def read_parquet(
    path: Path,
    *,
    step_ns: StepNs = None,
    counts_per_vem: CountsPerVem = None,
    pedestal_counts: PedestalCounts = None,
    saturation_counts: SaturationCounts = None,
) -> Iterator[Table]:
    """As ``read_hdf5``, from parquet: records are lists, attributes the file's metadata (each by its name, or a JSON object ``cloudchamber``)."""
    parquet, arrow = _pyarrow("parquet"), _pyarrow()
    _must_exist(path)
    try:
        # a plain reader: a folder name like event=3 must not turn into a column
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            metadata = dict(file.schema_arrow.metadata or {})
            attributes: dict[str, Any] = {key.decode(): value.decode() for key, value in metadata.items() if key.decode() in OWN}
            attributes |= json.loads(metadata.get(METADATA, b"{}"))
            given = _given(step_ns, counts_per_vem, pedestal_counts, saturation_counts)
            shapes, units = attributes.pop("shapes", {}), units_of(file.schema_arrow)
            names = file.schema_arrow.names
            event = _Column(file.read(["event"])["event"].combine_chunks()) if "event" in names else None
            content = _Rows(file)
            for part in _parts(path, event, {"": file.metadata.num_rows}):
                rows = {}
                for name, column in content.take(part).items():
                    values = _unlisted(column)
                    if name in UNITS:
                        values = stated(values, units.get(name, ""), UNITS[name], f"'{path}', column '{name}'")
                    rows[name] = values.reshape(len(values), *shapes[name]) if name in shapes else values
                yield _from_columns(path, rows, attributes, given)
    except (OSError, arrow.ArrowInvalid) as error:
        raise ValueError(f"'{path}' is not a readable parquet file (damaged or cut short?): {error}") from error


class _Column:
    """A parquet column, read as an HDF5 data set is."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, part: Any) -> np.ndarray:
        return np.asarray(self.array.to_numpy(zero_copy_only=False)[part])


class _Rows:
    """Rows of a parquet file, asked for from the first to the last one."""

    def __init__(self, file: Any) -> None:
        self.batches, self.empty = file.iter_batches(CHUNK_EVENTS), file.schema_arrow.empty_table()
        self.waiting: list[Any] = []

    def take(self, part: slice) -> dict[str, Any]:
        """The columns of the next rows, as many as ``part`` has."""
        pyarrow, wanted = _pyarrow(), part.stop - part.start
        while sum(map(len, self.waiting)) < wanted and (batch := next(self.batches, None)) is not None:
            self.waiting.append(batch)
        together = pyarrow.Table.from_batches(self.waiting) if self.waiting else self.empty
        self.waiting = together.slice(wanted).to_batches()
        return {name: together[name].slice(0, wanted).combine_chunks() for name in together.column_names}


def write_parquet(path: Path, tables: Table | Iterable[Table]) -> None:
    """As ``write_hdf5``, to parquet; arrays as lists of fixed length. A group of rows for each chunk."""
    pyarrow, parquet = _pyarrow(), _pyarrow("parquet")
    writer, told = None, _told()
    try:
        for rows, attributes in _rows(path, tables):
            arrays = {}
            for name, values in rows.items():
                flat = np.ascontiguousarray(values)
                size = int(np.prod(values.shape[1:]))
                arrays[name] = pyarrow.array(flat) if values.ndim == 1 else pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat.reshape(-1)), size)
            shapes = {name: values.shape[1:] for name, values in rows.items() if values.ndim > 2}
            fields = [pyarrow.field(name, array.type, metadata=told.get(name)) for name, array in arrays.items()]
            metadata = {METADATA: json.dumps(attributes | {"shapes": shapes})}
            written = pyarrow.Table.from_arrays(list(arrays.values()), schema=pyarrow.schema(fields, metadata=metadata))
            writer = writer or parquet.ParquetWriter(path, written.schema, compression="zstd")
            writer.write_table(written)
    finally:
        if writer is not None:
            writer.close()


def _told() -> dict[str, dict[str, str]]:
    """What the files say of each column."""
    of_columns = {name: attributes_of(column) for name, column in {**COLUMNS, "in_domain": IN_DOMAIN}.items()}
    return {name: {"unit": unit} for name, unit in UNITS.items()} | of_columns


def _rows(path: Path, tables: Table | Iterable[Table]) -> Iterator[tuple[dict[str, np.ndarray], dict[str, float]]]:
    """Rows and attributes of each chunk; an event whose number an earlier chunk has, gets the next free one."""
    seen = np.empty(0, np.int64)
    for table in chunked(tables):
        rows, attributes = _to_columns(path, table)
        if "event" in rows:
            number, index = np.unique(rows["event"], return_inverse=True)
            again = np.isin(number, seen)
            number[again] = max(int(number.max(initial=-1)), int(seen.max(initial=-1))) + 1 + np.arange(int(again.sum()))
            rows["event"] = number[index]
            seen = np.concatenate([seen, number])
        yield rows, attributes


def _from_columns(path: Path, rows: Mapping[str, np.ndarray], attributes: Mapping[str, Any], given: Mapping[str, float]) -> Table:
    if any(name in rows for name in NEEDED):
        return from_rows(path, rows, {**attributes, **given})
    _refuse_idle(path, given, "stations' records", "one of events by their columns")
    return dict(rows)


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
