from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Schema
from cloudchamber.studies.calorimeter.columns import calorimeter_schema, simulated
from cloudchamber.studies.calorimeter.geometry import Crystals


def test_schema_follows_the_array() -> None:
    schema = calorimeter_schema(Crystals(n=3, pitch_mm=10.0, layers=4))
    assert schema.x["deposit_mev"].shape == (36,)
    assert simulated(Crystals(n=3, pitch_mm=10.0, layers=4))["impact_y_mm"] == (-15.0, 15.0)
    assert Schema.from_json(schema.to_json()) == schema


def test_what_exists_may_stand_in_a_column_though_no_simulator_makes_it() -> None:
    schema = calorimeter_schema(Crystals())
    assert schema.theta["particle"].codes("particle", np.array(["e-", "gamma", "pi-"])).tolist() == [0, 1, 5]
    assert schema.theta["energy_mev"].check("energy_mev", [1e-3, 1e9]).tolist() == [np.float32(1e-3), 1e9]
    with pytest.raises(ValueError, match=r"'energy_mev': -1 .* \[0, inf\] MeV"):
        schema.theta["energy_mev"].check("energy_mev", [-1.0])
    assert simulated(Crystals(), 100.0)["energy_mev"] == (100.0, 1e6)
