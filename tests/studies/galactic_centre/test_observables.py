"""Checks pass an honest posterior and fail one that is too sure."""

from __future__ import annotations

import pytest
from answers import answered, truths

from cloudchamber.studies.galactic_centre.columns import SHAPES, TARGET, shape_schema
from cloudchamber.studies.galactic_centre.observables import checks, counts_checks
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.validate.check import run_checks


def test_every_parameter_or_an_even_choice_of_them_is_looked_at() -> None:
    names = [check.name for check in counts_checks()]
    assert len(set(names)) == len(names)
    looked_at = {parameter for parameter in TARGET if f"68% coverage of {parameter}" in names}
    assert "f_src" in looked_at and len(looked_at) >= 12
    assert "joint 68% coverage" in names and "joint ranks" in names
    assert not any("log score" in name for name in names), "a network of least squares has no density to be scored"


def test_each_view_has_its_own_checks() -> None:
    counts, shapes = ([check.name for check in checks() if set(check.columns) <= set(schema.columns)] for schema in (RandomSky().schema, shape_schema(32)))
    assert counts == [check.name for check in counts_checks()]
    assert shapes and not set(counts) & set(shapes)
    assert all(set(check.columns) <= {"counts", *SHAPES} for check in checks())


@pytest.mark.parametrize(("stated", "passes"), [(1.0, True), (0.5, False), (2.0, False)])
def test_coverage_is_that_of_an_honest_posterior(stated: float, passes: bool) -> None:
    truth = truths(3000)
    single = [check for check in checks() if check.name.startswith("68% coverage of")]
    results = run_checks(single, truth, answered(truth, 0.4, stated, draws=100), None, seed=1, bootstrap=2)
    coverages = {result.name: result.passed for result in results}
    assert len(coverages) >= 12 and set(coverages.values()) == {passes}, coverages


def test_an_answer_about_f_src_alone_is_judged() -> None:
    truth = truths(500)
    whole = answered(truth, 0.4)
    alone = {name: whole[name] for name in ("f_src", "f_src_draws")}
    of_f_src = [check for check in checks() if check.name.endswith(" of f_src")]
    assert len(of_f_src) >= 5 and len(run_checks(of_f_src, truth, alone, None, seed=1, bootstrap=2)) == len(of_f_src)
