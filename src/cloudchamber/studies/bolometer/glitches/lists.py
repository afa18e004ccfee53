"""Lists of pulses in files: a user's own, an answer of ``infer``, or the hits that `cloudchamber stream --truth` stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.tables import general_formats
from cloudchamber.schema import Column, Schema, Table, check_table, take, whole
from cloudchamber.stream import DAY_S, ORIGIN_MJD
from cloudchamber.studies.bolometer.glitches.candidates import glitch_codes
from cloudchamber.studies.bolometer.glitches.columns import LIST
from cloudchamber.studies.bolometer.glitches.scores import LEVEL

Array = NDArray[Any]


def read_list(path: Path, names: tuple[str, ...], dated: bool = True) -> Table:
    """Pulses of a list, in order of time: ``detector``, ``time_s``, ``amplitude_w`` and ``family``, a code of ``GLITCHES`` ("none" where it is not told).

    ``names`` are the bolometers' of the data, in order: a list has these, or their rows. Of answers of ``infer`` pulses are taken. ValueError for a
    list that is none, of other bolometers, or of dates alone where the data are not ``dated``.
    """
    if not path.exists():
        raise ValueError(f"there is no list of pulses '{path}'")
    try:
        table = _of_store(path) if path.is_dir() else _of_file(path, names, dated)
    except (KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is no list of pulses: {error}") from None
    if len(table["detector"]) and (highest := int(table["detector"].max())) >= len(names):
        raise ValueError(f"'{path}': there is no detector {highest} in data of {len(names)}: {names[0]} to {names[-1]}")
    return {name: values[np.argsort(table["time_s"], kind="stable")] for name, values in table.items()}


def _of_store(path: Path) -> Table:
    from cloudchamber.store.read import Store

    if not (path / "dataset.json").exists():
        raise ValueError(f"'{path}' is no event store: give that of `cloudchamber stream --truth`, or a file with the columns {', '.join(LIST)}")
    store = Store(path)
    store.refuse_gaps()
    wanted = ("time_s", "bolometer", "height_w", "family")
    if missing := [name for name in wanted if name not in store.schema.columns]:
        raise ValueError(f"the store '{path}' has no column '{missing[0]}': it holds no hits of a stream")
    hits = store.read(list(wanted))
    return {
        "detector": np.asarray(hits["bolometer"], int),
        "time_s": np.asarray(hits["time_s"], float),
        "amplitude_w": np.asarray(hits["height_w"], float),
        "family": glitch_codes(hits["family"]),
    }


def _of_file(path: Path, names: tuple[str, ...], dated: bool) -> Table:
    fitting = [each for each in general_formats(Schema({}, LIST)) if each.read is not None and any(path.name.endswith(suffix) for suffix in each.suffixes)]
    if not fitting:
        raise ValueError(f"cannot tell how to read '{path.name}': a list is .csv, .ecsv, .fits, .h5, .vot or .parquet")
    assert fitting[0].read is not None
    table = dict(whole(fitting[0].read(path)))
    if missing := [
        word
        for word, there in (("detector", "detector" in table), ("amplitude_w", "amplitude_w" in table), ("time_s", {"time_s", "mjd"} & set(table)))
        if not there
    ]:
        raise ValueError(
            f"'{path}' has no column '{missing[0]}': a list has detector, time_s (or mjd), amplitude_w and perhaps family; it has: {', '.join(table)}"
        )
    if "time_s" not in table and not dated:
        raise ValueError(f"'{path}' has dates (mjd), and the data do not tell theirs: give time_s, since their first sample")
    rows = np.asarray(table["detector"])
    if rows.dtype.kind in "UOS":
        table["detector"] = _rows(path, rows, names)
    if "family" not in table:
        table["family"] = np.zeros(len(rows), int)
    columns: dict[str, Column] = {name: column for name, column in LIST.items() if name in table}
    try:
        checked = check_table({name: table[name] for name in columns}, columns)
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None
    if "probability" in checked:
        checked = take(checked, np.asarray(checked["probability"]) > LEVEL)
    time = np.asarray(checked["time_s"], float) if "time_s" in checked else (np.asarray(checked["mjd"], float) - ORIGIN_MJD) * DAY_S
    same = np.stack([checked["detector"], time, checked["amplitude_w"]])
    if (again := len(time) - np.unique(same, axis=1).shape[1]) > 0:
        raise ValueError(f"'{path}': {again} of its {len(time)} pulses stand in it twice: leave them out")
    return {"detector": checked["detector"], "time_s": time, "amplitude_w": np.asarray(checked["amplitude_w"], float), "family": checked["family"]}


def _rows(path: Path, words: Array, names: tuple[str, ...]) -> Array:
    """Rows of the bolometers that a list names."""
    place = {name: row for row, name in enumerate(names)}
    told = [word.decode() if isinstance(word, bytes) else str(word) for word in words]
    if strange := [word for word in told if word not in place]:
        raise ValueError(f"'{path}': there is no detector '{strange[0]}' in these data: {names[0]} to {names[-1]}")
    return np.array([place[word] for word in told], int)
