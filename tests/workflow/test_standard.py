"""A study's own checks, or the default ones; what a density adds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import toy_study
from toy_study.sets import STUDY as SETS

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.store.read import Store
from cloudchamber.study import find_study
from cloudchamber.validate.posterior import DENSITY_RANK, LOG_PROB, OWN_LOG_PROB, PRIOR_LOG_PROB
from cloudchamber.workflow.standard import checks_of, figures_of, with_density
from cloudchamber.workflow.validation import answer_at


def test_a_study_with_checks_keeps_them(run: Path) -> None:
    toy, model = find_study("toy"), load(run)
    assert [check.name for check in checks_of(toy, model.schema, model.target, {})] == [check.name for check in toy_study.checks()]
    assert with_density(toy, model, {}, {}, 1) == {}


def test_a_surrogate_without_checks(run: Path, decays: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("toy_study.STUDY", replace(toy_study.STUDY, checks=None, plots=None))
    found = workflow.validate(run, n=150, out=tmp_path)
    names = [check.name for check in found.checks]
    assert names == [
        "distribution of decay_time_us",
        *(f"distribution of light[{tube}]" for tube in range(3)),
        "correlations",
        "classifier",
        "trees",
        "repeated values",
    ]
    assert all(np.isfinite(check.floor) for check in found.checks) and set(found.others) == {"peer"}
    assert "Distributions" in (tmp_path / "index.html").read_text()


def test_what_a_density_adds(hits: Path, time: Path, classes: Path) -> None:
    study = replace(SETS, checks=None, plots=None)
    truth = Store(hits).read_events(None, np.arange(60))
    for folder, more in ((time, {DENSITY_RANK, LOG_PROB, OWN_LOG_PROB, PRIOR_LOG_PROB}), (classes, {LOG_PROB, OWN_LOG_PROB, PRIOR_LOG_PROB})):
        model = load(folder)
        answer = answer_at(model, truth, 1)
        judged = with_density(study, model, truth, answer, 1)
        assert set(judged) - set(answer) == more and all(judged[name].shape == (60,) and np.isfinite(judged[name]).all() for name in more)
        names = [check.name for check in checks_of(study, model.schema, model.target, judged)]
        assert "log score" in names
        figures = figures_of(study, model.schema, model.target, truth, {"mine": judged})
        assert list(figures) == (["One event", "Coverage", "Ranks"] if folder == time else [])
