from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.schema import Ragged, check_table, whole
from cloudchamber.studies.calorimeter.formats.schema import schema_of
from cloudchamber.studies.calorimeter.formats.showers_h5 import PARTICLES, read_slices, write_showers


def test_the_default_array_keeps_its_simulator_s_schema() -> None:
    assert schema_of({"deposit_mev": np.zeros((4, 25))}) is None
    assert schema_of({"energy_mev": np.zeros(4)}) is None


def test_voxels_and_large_arrays() -> None:
    schema = schema_of({"deposit_mev": np.zeros((4, 368))})
    assert schema is not None and schema.x["deposit_mev"].shape == (368,)
    assert schema.theta["particle"].categories == PARTICLES
    table = {"deposit_mev": np.ones((2, 368)), "energy_mev": [4.2e6, 256.0], "particle": ["gamma", "pi+"]}
    table |= {"impact_x_mm": [900.0, 0.0], "impact_y_mm": [0.0, 0.0], "polar_deg": [0.0, 0.0], "azimuth_deg": [0.0, 0.0]}
    assert check_table(table, schema.columns)["energy_mev"][0] == np.float32(4.2e6)
    with pytest.raises(ValueError, match="column 'energy_mev'"):
        check_table(table | {"energy_mev": [-1.0, 1.0]}, schema.columns)


def test_lists_of_a_parquet_file() -> None:
    schema = schema_of({"deposit_mev": Ragged(np.zeros(18), np.array([0, 9, 18]))})
    assert schema is not None and schema.x["deposit_mev"].shape == (9,)


def test_what_the_challenge_s_reader_gives_fits(tmp_path: Path) -> None:
    path = tmp_path / "a.hdf5"
    write_showers(path, {"energy_mev": np.ones(3), "deposit_mev": np.ones((3, 533))})
    table = whole(read_slices(path))
    schema = schema_of(table)
    assert schema is not None and list(check_table(table, schema.columns)) == list(table)
