"""What a worker is asked: never of another run than the one that was loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.schema import take
from cloudchamber.store.read import Store
from cloudchamber.workflow import tasks
from cloudchamber.workflow.tasks import AnswerJob, Asked, SampleJob

GIVEN = {"lifetime_us": np.linspace(1.5, 3.5, 6), "kind": np.array([0, 1, 0, 1, 0, 1])}


def test_a_block_is_what_the_model_draws(run: Path) -> None:
    model = load(run)
    job = SampleJob(Asked.of(run, model), 3, GIVEN, 11, "refuse", {})
    assert str(job) == "block 3 of 6 events, seed 11"
    drawn, wanted = job.done(), model.sample(GIVEN, 11)
    assert list(drawn) == ["lifetime_us", "kind", "decay_time_us", "light"]
    np.testing.assert_array_equal(drawn["light"], wanted["light"])


def test_another_run_of_the_same_name_is_refused(run: Path, decays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    asked = Asked.of(copy, load(copy))
    shutil.rmtree(copy)
    workflow.train("toy", decays, copy, overrides={"fit": {"epochs": 1}}, n=50)
    # a worker starts with nothing loaded
    monkeypatch.setattr(tasks, "_LOADED", {})
    with pytest.raises(ValueError, match=f"a worker finds another run at '{copy}'"):
        asked.model()


def test_a_worker_keeps_few_models(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_LOADED", {})
    digest = Asked.of(run, load(run)).digest
    monkeypatch.setattr(tasks, "_LOADED", {})
    for number in range(tasks.MOST_LOADED + 2):
        folder = shutil.copytree(run, tmp_path / str(number))
        Asked(str(folder), digest).model()
    assert [Path(asked.subject).name for asked in tasks._LOADED] == ["2", "3", "4", "5"]


def test_answers_do_not_depend_on_the_chunk(time: Path, hits: Path) -> None:
    model = load(time)
    table = take(Store(hits).read(), slice(0, 20))
    table = {name: table[name] for name in model.given}
    asked = Asked.of(time, model)
    whole = AnswerJob(asked, table, np.arange(20), 3, 1, "flag").done()
    part = AnswerJob(asked, take(table, slice(12, 20)), np.arange(12, 20), 3, 1, "flag")
    assert str(part) == "events 12 to 19, seed 1"
    for name, values in part.done().table.items():
        np.testing.assert_allclose(values, whole.table[name][12:], rtol=1e-4, err_msg=name)
