"""``tune``: trainings with different settings, resumed after a kill."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.parallel.executors import WorkerLostError
from cloudchamber.study import find_study
from cloudchamber.train.space import read_space
from cloudchamber.workflow.tuning import check_space, overrides_of, read_file, setting_names
from dask_cluster import Cluster, environment

PLUGIN = Path(__file__).parents[1] / "plugin"
SPACE = {"model.hidden": {"choices": [4, 8]}, "fit.optimisers.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy") / "data"
    workflow.simulate("toy", folder, n=300, seed=3, block_events=100)
    return folder


class Broken(Executor):
    """Every process dies."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        found: Future[Any] = Future()
        found.set_exception(BrokenProcessPool())
        return found


def test_names_of_settings() -> None:
    settings = find_study("toy_sets").recipe("classes").to_json()
    names = setting_names(settings)
    assert {"model.hidden", "model.body.width", "fit.optimisers.learning_rate", "fit.epochs"} <= set(names)
    assert overrides_of({"fit.optimisers.learning_rate": 0.1, "fit.epochs": 3, "model.body.width": 4}, settings) == {
        "fit": {"optimisers": {"": {"learning_rate": 0.1}}, "epochs": 3},
        "model": {"body": {"width": 4}},
    }
    recipe = find_study("airshower").recipe("wgan")
    check_space(read_space({"fit.optimisers.critic.learning_rate": {"choices": [1e-4]}}), recipe)
    with pytest.raises(ValueError, match=r"no setting 'model.networks.hiden' \(did you mean 'model.networks.hidden'\?\); it has: fit.epochs"):
        check_space(read_space({"model.networks.hiden": {"choices": [3]}}), recipe)
    with pytest.raises(ValueError, match=r"the search space of 'wgan': model.networks.hidden: expected int, got 1.5"):
        check_space(read_space({"model.networks.hidden": {"low": 1.5, "high": 2.5}}), recipe)
    with pytest.raises(ValueError, match="no setting 'target'"):
        check_space(read_space({"target": {"choices": ["a"]}}), recipe)


def test_a_search_ends_with_overrides_for_train(hits: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    done = workflow.tune("toy_sets", hits, tmp_path / "out", trials=3, epochs=2, progress=lambda *words: told.append(words))
    assert [trial.number for trial in done.trials] == [0, 1, 2] and {trial.state for trial in done.trials} <= {"complete", "pruned"}
    assert done.loss == min(trial.loss for trial in done.trials if trial.state == "complete")
    assert list(dict.fromkeys(words[:2] for words in told)) == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert "trial-0000: epoch 1 of 2" in [text for _, _, text in told]
    page = done.report.read_text()
    assert "Lowest validation loss" in page and "model.body.width" in page and "--overrides" in page
    best = json.loads(done.best_file.read_text())
    assert best == done.best and set(best) == {"model", "fit"}
    again = workflow.train("toy_sets", hits, tmp_path / "run", overrides=best | {"fit": best["fit"] | {"epochs": 2}})
    assert again.validation_loss == pytest.approx(done.loss, rel=1e-5)
    more = workflow.tune("toy_sets", hits, tmp_path / "out", trials=4, epochs=2)
    assert [trial.settings for trial in more.trials][:3] == [trial.settings for trial in done.trials] and len(more.trials) == 4
    with pytest.raises(ValueError, match=r"holds another search of 'toy_sets/classes' \(epochs was 2, is now 3"):
        workflow.tune("toy_sets", hits, tmp_path / "out", trials=4, epochs=3)


def test_a_killed_search_goes_on(data: Path, tmp_path: Path) -> None:
    (tmp_path / "space.json").write_text(json.dumps(SPACE))
    out = tmp_path / "out"
    words = ["toy", data, out, "--space", tmp_path / "space.json", "--trials", 3, "--fit.epochs", 15, "--no-prune"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PLUGIN), *sys.path])}
    process = subprocess.Popen([sys.executable, "-m", "cloudchamber", "tune", *map(str, words)], env=environment, stdout=-3, stderr=-3)
    log, end = out / "trial-0001/log.csv", time.monotonic() + 120
    while not (log.exists() and len(log.read_text().splitlines()) >= 4):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "trial-0001/weights.safetensors").exists() and not (out / "best.json").exists()
    before = [row["loss"] for row in csv.DictReader(log.read_text().splitlines())][:3]

    done = workflow.tune("toy", data, out, space=tmp_path / "space.json", trials=3, epochs=15, prune=False)
    assert [(trial.number, trial.state) for trial in done.trials] == [(0, "complete"), (1, "complete"), (2, "complete")]
    assert sorted(path.name for path in out.glob("trial-*")) == ["trial-0000", "trial-0001", "trial-0002"]
    rows = list(csv.DictReader(log.read_text().splitlines()))
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 16)] and [row["loss"] for row in rows][:3] == before


def test_trials_are_the_same_wherever_they_are_made(data: Path, tmp_path: Path, cluster: Cluster) -> None:
    (tmp_path / "space.json").write_text(json.dumps(SPACE))
    found = []
    for name, where in (("one", []), ("two", ["--workers", "2"]), ("dask", ["--executor", f"dask://{cluster.address}"])):
        words = ["toy", data, tmp_path / name, "--space", tmp_path / "space.json", "--trials", 7, "--fit.epochs", 2, *where]
        main(["tune", *map(str, words)])
        # the same command again finds all trials done
        done = workflow.tune("toy", data, tmp_path / name, space=tmp_path / "space.json", trials=7, epochs=2)
        found.append([(trial.number, trial.state, trial.loss, trial.settings) for trial in done.trials])
    assert found[0] == found[1] == found[2] and "pruned" in {trial[1] for trial in found[0]}


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["worker", "search and worker"])
def test_a_search_on_a_cluster_goes_on(killed: str, data: Path, tmp_path: Path, cluster: Cluster) -> None:
    (tmp_path / "space.json").write_text(json.dumps(SPACE))
    words = ["toy", data, tmp_path / "out", "--space", tmp_path / "space.json", "--trials", 4, "--fit.epochs", 15, "--no-prune"]
    command = ["tune", *map(str, words), "--executor", f"dask://{cluster.address}"]
    process = subprocess.Popen([sys.executable, "-m", "cloudchamber", *command], env=environment(), stdout=-3, stderr=-3)
    end = time.monotonic() + 120
    while not (tmp_path / "out/trial-0000/log.csv").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.005)
    cluster.workers[0].kill()
    if killed == "worker":
        assert process.wait(timeout=120) == 0
    else:
        process.kill()
        process.wait()
        # the other worker may still train a trial, for which the search then waits
        main(command)
    done = workflow.tune("toy", data, tmp_path / "out", space=tmp_path / "space.json", trials=4, epochs=15, prune=False)
    whole = workflow.tune("toy", data, tmp_path / "whole", space=tmp_path / "space.json", trials=4, epochs=15, prune=False)
    assert [(trial.state, trial.loss, trial.settings) for trial in done.trials] == [(trial.state, trial.loss, trial.settings) for trial in whole.trials]


def test_a_trial_that_ends_its_workers_is_named_and_left(data: Path, tmp_path: Path) -> None:
    space = {"model.hidden": {"choices": [4]}}
    search = workflow.tune("toy", data, tmp_path / "out", space=space, trials=1, epochs=1)
    assert search.trials[0].state == "complete"
    with pytest.raises(WorkerLostError, match=r"^trial 1 with model.hidden = 4: its worker died"):
        workflow.tune("toy", data, tmp_path / "out", space=space, trials=2, epochs=1, executor=Broken())
    done = workflow.tune("toy", data, tmp_path / "out", space=space, trials=3, epochs=1)
    assert [trial.state for trial in done.trials] == ["complete", "failed", "complete"] and "its worker died" in done.trials[1].error


def test_bad_requests_are_named(data: Path, tmp_path: Path) -> None:
    def refused(message: str, **words: Any) -> None:
        with pytest.raises(ValueError, match=message):
            workflow.tune("toy", data, tmp_path / "out", **words)

    refused(r"'toy/flow' has no search space of its own: give one, such as .* settings: fit.epochs")
    refused("trials and workers must be at least 1", trials=0, space=SPACE)
    refused(r"'model.hidden' needs \{\"choices\"", space={"model.hidden": [1, 2]})
    refused("no file '.*absent.json'", space=tmp_path / "absent.json")
    refused("no sampler 'grid'", space=SPACE, sampler="grid")
    refused("cannot use the storage 'mydb://x'", space=SPACE, storage="mydb://x")
    (tmp_path / "space.toml").write_text('["model.hidden"]\nchoices = [4, 8]\n')
    assert read_file(tmp_path / "space.toml") == {"model.hidden": {"choices": [4, 8]}}
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        read_file(tmp_path / "bad.json")


def test_trials_that_fail_end_the_search(data: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the first 3 trials all failed, the last one with: clip_norm must be positive"):
        workflow.tune("toy", data, tmp_path / "out", space={"fit.clip_norm": {"choices": [-1.0, -2.0]}}, epochs=1, trials=9)


def test_workers_share_a_search(data: Path, tmp_path: Path) -> None:
    """Two processes find what one finds: each trial's settings and loss depend on its number alone."""
    options: dict[str, Any] = {"recipe": "flow", "trials": 4, "epochs": 2, "space": SPACE, "prune": False}
    alone = workflow.tune("toy", data, tmp_path / "alone", **options)
    told: list[tuple[int, int, str]] = []
    shared = workflow.tune("toy", data, tmp_path / "shared", **options, workers=2, progress=lambda *words: told.append(words))
    assert told[0][:2] == (0, 4) and told[-1][:2] == (4, 4)
    assert [(trial.number, trial.state, trial.settings) for trial in shared.trials] == [(trial.number, "complete", trial.settings) for trial in alone.trials]
    assert [trial.loss for trial in shared.trials] == [trial.loss for trial in alone.trials]
    assert shared.best == alone.best
