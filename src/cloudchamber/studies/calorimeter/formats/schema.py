"""The schema of a table that comes from somebody else's calorimeter: as many cells as it has, wherever they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cloudchamber.schema import Ragged, Schema, Table
from cloudchamber.studies.calorimeter.columns import calorimeter_schema
from cloudchamber.studies.calorimeter.geometry import Crystals


def schema_of(table: Table) -> Schema | None:
    """None where the table fits the default array, else a schema with the table's number of cells."""
    deposit = table.get("deposit_mev")
    if deposit is None or (cells := _cells(deposit)) == Crystals().cells:
        return None
    usual = calorimeter_schema(Crystals())
    return Schema(usual.theta, {"deposit_mev": replace(usual.x["deposit_mev"], shape=(cells,), doc="energy deposited in each cell, in the file's order")})


def _cells(deposit: np.ndarray | Ragged) -> int:
    """Entries of the first event; parquet brings lists."""
    if isinstance(deposit, Ragged):
        return int(deposit.offsets[1]) if len(deposit) else 0
    return int(np.prod(np.shape(deposit)[1:]))
