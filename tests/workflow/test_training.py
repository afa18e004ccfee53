"""``train``: a whole run folder, the same weights again, an interruption; models that are given sets, and their trained domain."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from running import FEW, command, wait_for
from scipy.stats import kstest

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.run.domain import SetDomain
from cloudchamber.store.read import Store


def test_a_run_folder_is_complete(run: Path, decays: Path) -> None:
    there = {path.name for path in run.iterdir()}
    assert {"weights.safetensors", "recipe.json", "schema.json", "domain.json", "metrics.json", "log.csv", "loss.png"} <= there
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["training"]["identity"] == Store(decays).dataset.identity
    assert metrics["training"]["events"] == {"training": 950, "validation": 50}
    assert metrics["training"]["seed"] == 5 and metrics["fit"]["epochs"] == 20
    assert load(run).domain["kind"] == ("muon", "pion")


def test_training_learns(run: Path) -> None:
    theta = {"lifetime_us": np.repeat([1.2, 3.8], 2000), "kind": np.tile([0, 1], 2000)}
    table = load(run).sample(theta, seed=1)
    short, long = table["decay_time_us"][:2000].mean(), table["decay_time_us"][2000:].mean()
    assert long > 1.5 * short
    muon, pion = table["light"][::2].sum(1).mean(), table["light"][1::2].sum(1).mean()
    assert 1.4 < pion / muon < 2.4


def test_same_seed_same_weights_and_another_run_is_refused(decays: Path, tmp_path: Path) -> None:
    first = workflow.train("toy", decays, tmp_path / "a", overrides=FEW, seed=2)
    again = workflow.train("toy", decays, tmp_path / "a", overrides=FEW, seed=2)
    other = workflow.train("toy", decays, tmp_path / "b", overrides=FEW, seed=2)
    assert first.validation_loss == again.validation_loss == other.validation_loss
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (tmp_path / "b/weights.safetensors").read_bytes()
    with pytest.raises(ValueError, match=r"holds another run \(seed was 2, is now 3"):
        workflow.train("toy", decays, tmp_path / "a", overrides=FEW, seed=3)
    with pytest.raises(ValueError, match="unknown key 'epoch'"):
        workflow.train("toy", decays, tmp_path / "c", overrides={"fit": {"epoch": 3}})


def test_streaming_learns_as_memory_does(decays: Path, tmp_path: Path) -> None:
    streamed = workflow.train("toy", decays, tmp_path / "s", overrides={"fit": {"epochs": 8}}, memory_gb=0.0)
    memory = workflow.train("toy", decays, tmp_path / "m", overrides={"fit": {"epochs": 8}})
    assert abs(streamed.validation_loss - memory.validation_loss) < 0.3


def test_a_limit_and_too_few_events(decays: Path, tmp_path: Path) -> None:
    assert workflow.train("toy", decays, tmp_path / "a", overrides=FEW, n=100).events == 95
    with pytest.raises(ValueError, match=r"1 events .* simulate more"):
        workflow.train("toy", decays, tmp_path / "b", n=1)


def test_a_killed_training_resumes(decays: Path, tmp_path: Path) -> None:
    words = ("train", "toy", decays, tmp_path / "killed", "--fit.epochs", 60, "--n", 500)
    process = command(*words)
    log = tmp_path / "killed/log.csv"
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed/weights.safetensors").exists()
    with pytest.raises(ValueError, match="holds no finished run"):
        load(tmp_path / "killed")
    workflow.train("toy", decays, tmp_path / "killed", overrides={"fit": {"epochs": 60}}, n=500)
    workflow.train("toy", decays, tmp_path / "whole", overrides={"fit": {"epochs": 60}}, n=500)
    one, two = (load(tmp_path / name).model.state_dict() for name in ("killed", "whole"))
    assert all(np.array_equal(one[name].numpy(), two[name].numpy()) for name in one)


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
