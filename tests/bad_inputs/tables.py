"""Tables of the toy study with one thing wrong, in each general format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bad_inputs.case import Case, World

Columns = dict[str, Any]
EVENTS = 6
MUON, PION = "muon", "pion"


def good() -> Columns:
    """Theta that the toy study takes."""
    return {"lifetime_us": np.array([1.1, 1.5, 2.0, 2.5, 3.0, 3.5]), "kind": np.array([MUON, PION, MUON, PION, MUON, PION])}


def changed(name: str, event: int, value: Any) -> Columns:
    """The same with one value changed."""
    table = good()
    values = table[name].astype(object) if isinstance(value, str) or table[name].dtype.kind == "U" else table[name].copy()
    values[event] = value
    table[name] = np.array([str(each) for each in values]) if values.dtype == object else values
    return table


def write_csv(path: Path, table: Columns, units: dict[str, str]) -> None:
    heads = [f"{name} [{units[name]}]" if name in units else name for name in table]
    rows = zip(*([str(value) for value in values] for values in table.values()), strict=True)
    path.write_text("\n".join([",".join(heads), *map(",".join, rows)]) + "\n")


def write_hdf5(path: Path, table: Columns, units: dict[str, str]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in table.items():
            file[name] = values.astype("S") if values.dtype.kind == "U" else values
            if name in units:
                file[name].attrs["unit"] = units[name]


def write_parquet(path: Path, table: Columns, units: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    arrays = [pa.array(list(values)) if values.ndim > 1 else pa.array(values) for values in table.values()]
    metadata = [{"unit": units[name]} if name in units else None for name in table]
    fields = [pa.field(name, array.type, metadata=meta) for name, array, meta in zip(table, arrays, metadata, strict=True)]
    pyarrow.parquet.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)


def write_astropy(format: str) -> Callable[[Path, Columns, dict[str, str]], None]:
    def write(path: Path, table: Columns, units: dict[str, str]) -> None:
        from astropy.table import Table

        made = Table(table)
        for name, unit in units.items():
            made[name].unit = unit
        made.write(path, format=format)

    return write


WRITERS: dict[str, Callable[[Path, Columns, dict[str, str]], None]] = {
    ".csv": write_csv,
    ".h5": write_hdf5,
    ".parquet": write_parquet,
    ".fits": write_astropy("fits"),
    ".ecsv": write_astropy("ascii.ecsv"),
    ".vot": write_astropy("votable"),
}
DOORS = (
    "simulate toy {out} --theta {bad} --workers 1",
    "sample {run} {here}/drawn.csv --given {bad}",
    "convert toy {bad} --out {out}",
    "sample {run} {out} --given {bad} --outside refuse",
    "convert toy {bad} --out {here}/other.h5",
    "validate {run} --file {bad} --out {out}",
)


def without(table: Columns, name: str) -> Columns:
    return {key: values for key, values in table.items() if key != name}


VALUES: dict[str, tuple[Callable[[], Columns], dict[str, str], str]] = {
    "nan": (lambda: changed("lifetime_us", 2, np.nan), {}, r"(lifetime_us.*NaN|no value|NaN.*lifetime_us)"),
    "inf": (lambda: changed("lifetime_us", 2, np.inf), {}, r"lifetime_us.*(NaN or infinite)"),
    "minus inf": (lambda: changed("lifetime_us", 2, -np.inf), {}, r"lifetime_us.*(NaN or infinite)"),
    "negative": (lambda: changed("lifetime_us", 2, -1.0), {}, r"lifetime_us.*-1 in event 2 is outside the allowed \[0, inf\] us"),
    "beyond float32": (lambda: changed("lifetime_us", 2, 1e300), {}, r"lifetime_us.*1e\+300 in event 2 does not fit its dtype float32"),
    "text": (lambda: changed("lifetime_us", 2, "long"), {}, r"lifetime_us"),
    "unknown class": (lambda: changed("kind", 1, "pino"), {}, r"kind.*unknown 'pino' \(did you mean 'pion'\?\); allowed: muon, pion"),
    "empty class": (lambda: changed("kind", 1, ""), {}, r"kind"),
    "class code too large": (lambda: {**good(), "kind": np.array([0, 1, 2, 0, 1, 0])}, {}, r"kind.*2 in event 2 is outside the allowed 0=muon, 1=pion"),
    "class code negative": (lambda: {**good(), "kind": np.array([0, -1, 1, 0, 1, 0])}, {}, r"kind.*-1 in event 1 is outside the allowed"),
    "class code broken": (lambda: {**good(), "kind": np.array([0, 0.5, 1, 0, 1, 0])}, {}, r"kind.*(whole numbers, got 0.5|0.5)"),
    "class code nan": (lambda: {**good(), "kind": np.array([0, np.nan, 1, 0, 1, 0])}, {}, r"kind"),
    "wrong unit": (good, {"lifetime_us": "m"}, r"lifetime_us.* is in us, got m, which is another kind of quantity"),
    "column missing": (lambda: without(good(), "kind"), {}, r"(missing column|lacks? the column|no column|no check|share).*kind|kind"),
    "other columns only": (lambda: {"a": np.arange(6.0), "b": np.arange(6.0)}, {}, r"none of the columns of 'toy'; it has: a, b"),
    "no rows": (lambda: {name: values[:0] for name, values in good().items()}, {}, r"no events|at least 1|too few|no rows|empty"),
}
SHAPED: dict[str, tuple[Callable[[], Columns], dict[str, str], str]] = {
    "wrong shape": (lambda: {**good(), "lifetime_us": np.ones((6, 2))}, {}, r"lifetime_us.*shape"),
    "complex": (lambda: {**good(), "lifetime_us": np.ones(6, complex)}, {}, r"lifetime_us"),
}


def written(suffix: str, make: Callable[[], Columns], units: dict[str, str]) -> Callable[[World, Path], Path]:
    def write(world: World, here: Path) -> Path:
        WRITERS[suffix](here / f"bad{suffix}", make(), units)
        return here / f"bad{suffix}"

    return write


def masked(suffix: str) -> Callable[[World, Path], Path]:
    """A lifetime that is masked or null."""

    def write(world: World, here: Path) -> Path:
        path, table = here / f"bad{suffix}", good()
        hidden = np.ma.masked_array(table["lifetime_us"], mask=np.arange(EVENTS) == 3)
        if suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet

            rows = {"lifetime_us": pa.array(table["lifetime_us"], mask=np.arange(EVENTS) == 3), "kind": pa.array(table["kind"])}
            pyarrow.parquet.write_table(pa.table(rows), path)
        elif suffix == ".csv":
            write_csv(path, changed("lifetime_us", 3, ""), {})
        else:
            from astropy.table import MaskedColumn, Table

            made = Table({"lifetime_us": MaskedColumn(hidden), "kind": table["kind"]})
            made.write(path, format={".fits": "fits", ".ecsv": "ascii.ecsv", ".vot": "votable"}[suffix])
        return path

    return write


def cases() -> list[Case]:
    """Every kind of value in every format; the doors take turns."""
    found, turn = [], 0
    for suffix in WRITERS:
        kinds = VALUES | (SHAPED if suffix in (".h5", ".fits", ".parquet", ".vot") else {})
        for name, (make, units, told) in kinds.items():
            if suffix in (".parquet",) and name == "complex":
                continue
            door = DOORS[turn % len(DOORS)]
            # a file may hold some columns only where it is converted or compared
            while name in ("column missing", "no rows") and "--theta" not in door and "--given" not in door:
                turn += 1
                door = DOORS[turn % len(DOORS)]
            found.append(Case(f"{name} in {suffix} by {door.split()[0]} {turn % len(DOORS)}", door, told, written(suffix, make, units)))
            turn += 1
    found += [
        Case(f"masked in {suffix}", DOORS[0], r"lifetime_us.*(no value|masked|null|NaN)", masked(suffix))
        for suffix in (".parquet", ".csv", ".fits", ".ecsv", ".vot")
    ]
    return found
