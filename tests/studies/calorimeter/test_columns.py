from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Schema
from cloudchamber.studies.calorimeter.columns import ELECTROMAGNETIC, HEAVY, calorimeter_schema
from cloudchamber.studies.calorimeter.geometry import Crystals


def test_schema_follows_the_array() -> None:
    schema = calorimeter_schema(Crystals(n=3, pitch_mm=10.0, layers=4))
    assert schema.x["deposit_mev"].shape == (36,)
    assert (schema.theta["impact_x_mm"].low, schema.theta["impact_y_mm"].high) == (-15.0, 15.0)
    assert Schema.from_json(schema.to_json()) == schema


def test_particles_and_lowest_energy_follow_the_simulator() -> None:
    schema = calorimeter_schema(Crystals(), ELECTROMAGNETIC + HEAVY, 100.0)
    assert schema.theta["particle"].codes("particle", np.array(["e-", "gamma", "pi-"])).tolist() == [0, 1, 5]
    with pytest.raises(ValueError, match=r"'energy_mev': 99 .* \[100, 1000000\] MeV"):
        schema.theta["energy_mev"].check("energy_mev", [99.0])
