"""A table of candidates tells what it is."""

from __future__ import annotations

import numpy as np

from cloudchamber.studies.bolometer.columns import windows_schema
from cloudchamber.studies.bolometer.glitches.columns import SCHEMA, schema_of


def test_candidates_are_known_and_the_other_views_too() -> None:
    assert schema_of({"residual_sigma": np.zeros((1, 80))}) is SCHEMA and schema_of({"glitch": np.zeros(1)}) is SCHEMA
    assert schema_of({"power_w": np.zeros((4, 2, 30))}) == windows_schema(2, 30)
    assert schema_of({"phi_mv": np.zeros(1)}) is None
