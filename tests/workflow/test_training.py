"""Models that are given sets: their trained domain, and training from memory or a stream."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.run.domain import SetDomain
from cloudchamber.store.read import Store


def test_a_classifier_of_sets_learns(hits: Path, classes: Path, tmp_path: Path) -> None:
    workflow.simulate("toy_sets", tmp_path / "test", 300, seed=9)
    table = Store(tmp_path / "test").read()
    model = load(classes)
    probability = model.predict({name: table[name] for name in model.recipe.given}, outside="flag")["kind_probability"]
    # 8 of 20 hits within 2 of 100 us: nine in ten are told from noise
    assert np.mean(probability.argmax(1) == table["kind"]) > 0.85
    streamed = workflow.train("toy_sets", hits, tmp_path / "s", overrides={"fit": {"epochs": 2}}, memory_gb=0.0)
    memory = workflow.train("toy_sets", hits, tmp_path / "m", overrides={"fit": {"epochs": 2}})
    assert abs(streamed.validation_loss - memory.validation_loss) < 0.3


def test_held_out_events_tell_how_strange_others_are(hits: Path, classes: Path, tmp_path: Path) -> None:
    assert load(classes).familiarity is None  # 20 held-out events tell nothing
    run = workflow.train("toy_sets", hits, tmp_path / "run", seed=5, overrides={"fit": {"epochs": 1, "validation_fraction": 0.85}}).folder
    table = Store(hits).read()
    found = workflow.infer(run, table, tmp_path / "found", outside="flag", draws=2)
    assert kstest(found.answers["familiarity"], "uniform").pvalue > 1e-6
    strange = int(np.sum(found.answers["familiarity"] < 0.01))
    assert found.facts["strange events"] == f"{strange} of 400 less familiar than 99% of those like the training's (4 expected)"


def test_a_threshold_is_an_edge_of_the_domain(hits: Path, classes: Path) -> None:
    charge = load(classes).domain["charge_pe"]
    most = Store(hits).read(["charge_pe"])["charge_pe"]
    assert isinstance(charge, SetDomain)
    low, high = map(float, charge.values)
    assert 0.295 < low < 0.3001 and high > most.values.max() + 0.5
    assert json.loads((classes / "domain.json").read_text())["time_us"]["values"] == pytest.approx([0, 100], abs=0.5)


def test_answers_are_no_sets(hits: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'time_us' is ragged: a model may be given sets, but"):
        workflow.train("toy_sets", hits, tmp_path / "a", overrides={"target": ["time_us"]})
