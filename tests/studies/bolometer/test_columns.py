"""Schemas of both views, and of tables."""

from __future__ import annotations

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.columns import DEFAULT_BOLOMETERS, DEFAULT_CONSTANTS, hits_schema, schema_of, windows_schema
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.views.hits import HitsView


def test_the_defaults_are_the_default_detector_s() -> None:
    assert (Detector().bolometers, len(Detector().time_constants_s)) == (DEFAULT_BOLOMETERS, DEFAULT_CONSTANTS)
    view = HitsView()
    theta = view.prior(3, rng(1))
    assert schema_of({**theta, **view.simulate(theta, rng(2))}) is None and schema_of({"phi_mv": np.ones(3)}) is None


def test_a_table_tells_its_view_and_its_detector() -> None:
    assert schema_of({"power_w": np.zeros((4, 2, 30))}) == windows_schema(2, 30)
    assert schema_of({"weight": np.zeros((4, 2, 5)), "amplitude_w": np.zeros((4, 2))}) == hits_schema(2, 5)
    assert schema_of({"amplitude_w": np.zeros((4, 7))}) == hits_schema(7, DEFAULT_CONSTANTS)
    assert schema_of({"amplitude_w": np.zeros((4, 12))}) is None
