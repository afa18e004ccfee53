from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cloudchamber as cc
from cloudchamber import workflow
from cloudchamber.schema import Column, Schema
from cloudchamber.studies.own import make_study
from cloudchamber.study import OWN, study_names

SCHEMA = Schema({"a": Column()}, {"x": Column()})


def test_it_is_no_study_by_name_and_simulates_nothing() -> None:
    study = make_study(SCHEMA)
    assert study.name == OWN and OWN not in study_names() and study.simulator.schema == SCHEMA
    with pytest.raises(ValueError, match="learned from arrays, so that no more events can be made"):
        study.simulator.prior(3, cc.rng(1))


def test_a_run_without_events_to_compare_is_told(tmp_path: Path) -> None:
    a = np.random.default_rng(1).normal(size=300)
    run = cc.fit({"a": a}, {"x": a + 1}, overrides={"fit": {"epochs": 1}})
    with pytest.raises(ValueError, match="give events, as a store, a file or arrays"):
        workflow.validate(run.folder, out=tmp_path)
