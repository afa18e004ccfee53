"""The default checks on exact, too narrow and too wide answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cloudchamber.schema import Column, Schema
from cloudchamber.statistics.calibration import posterior_rank
from cloudchamber.statistics.prior import prior_log_prob
from cloudchamber.validate.check import run_checks
from cloudchamber.validate.defaults import default_checks
from cloudchamber.validate.posterior import DENSITY_RANK, LOG_PROB, MOST_NUMBERS, OWN_LOG_PROB, PRIOR_LOG_PROB

EVENTS, DRAWS = 2000, 200
SCHEMA = Schema({"a": Column(), "b": Column(shape=(2,)), "kind": Column(categories=("p", "Fe"))}, {"x": Column()})


def posterior(width: float, correlation: float = 0.9, said: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Truths and draws of two numbers about the same centre; what is ``said`` of their correlation."""
    random = np.random.default_rng(1)
    centre = random.normal(size=(EVENTS, 2))

    def about(shape: tuple[int, ...], rho: float) -> np.ndarray:
        z = random.normal(size=(*shape, 2))
        return np.stack([z[..., 0], rho * z[..., 0] + np.sqrt(1 - rho**2) * z[..., 1]], -1)

    return centre + about((EVENTS,), correlation), centre[:, None] + width * about((EVENTS, DRAWS), said)


def results(width: float, said: float = 0.9, density: bool = False) -> dict[str, bool | None]:
    truth, draws = posterior(width, said=said)
    schema = Schema({"a": Column(), "b": Column()}, {"x": Column()})
    tables = [{"a": truth[:, 0], "b": truth[:, 1], "x": np.zeros(EVENTS)}, {"a_draws": draws[..., 0], "b_draws": draws[..., 1], "x": np.zeros(EVENTS)}]
    if density:
        tables[1] |= densities(truth, draws, width, said)
    found = run_checks(default_checks(schema, ("a", "b"), density), tables[0], tables[1], tables[0], seed=1, bootstrap=1)
    return {result.name: result.passed for result in found}


def densities(truth: np.ndarray, draws: np.ndarray, width: float, said: float) -> dict[str, np.ndarray]:
    """What an answer of this density says of truths and draws about the same centre."""
    centre = np.random.default_rng(1).normal(size=(EVENTS, 2))
    normal = multivariate_normal(cov=width**2 * np.array([[1, said], [said, 1]]))
    own, at_truth = normal.logpdf(draws - centre[:, None]), normal.logpdf(truth - centre)
    prior = prior_log_prob(truth, [])
    return {DENSITY_RANK: posterior_rank(own, at_truth), LOG_PROB: at_truth, OWN_LOG_PROB: own.mean(axis=1), PRIOR_LOG_PROB: prior}


SINGLE = {f"{word} of {name}" for word in ("68% coverage", "95% coverage", "ranks", "pull", "pull width") for name in ("a", "b")}
JOINT = {"joint 68% coverage", "joint 90% coverage", "joint ranks"}


@pytest.mark.parametrize("density", [False, True])
def test_an_exact_posterior_passes(density: bool) -> None:
    found = results(1.0, density=density)
    assert set(found) == SINGLE | JOINT | ({"log score"} if density else set()) and all(found.values())


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("width", [0.7, 1.4])
def test_too_narrow_and_too_wide_ones_fail(width: float, density: bool) -> None:
    failed = {name for name, passed in results(width, density=density).items() if passed is False}
    assert {"68% coverage of a", "68% coverage of b", "pull width of a", "pull width of b", *JOINT} <= failed and not {"pull of a", "pull of b"} & failed


@pytest.mark.parametrize("density", [False, True])
def test_a_wrong_correlation_shows_in_all_numbers_together_alone(density: bool) -> None:
    """Each number by itself is right: marginally right, jointly wrong."""
    found = results(1.0, said=-0.9, density=density)
    failed = {name for name, passed in found.items() if passed is False}
    assert JOINT <= failed <= JOINT | {"log score"}


def test_an_answer_that_knows_less_than_the_prior_is_told() -> None:
    assert results(1.0, density=True)["log score"] and results(40.0, density=True)["log score"] is False


def test_a_shift_shows_in_the_pulls() -> None:
    truth, draws = posterior(1.0)
    schema = Schema({"a": Column()}, {"x": Column()})
    tables = [{"a": truth[:, 0]}, {"a_draws": draws[..., 0] + 0.3}]
    found = {result.name: result for result in run_checks(default_checks(schema, ("a",)), tables[0], tables[1], tables[0], seed=1, bootstrap=1)}
    assert found["pull of a"].passed is False and found["pull of a"].value == pytest.approx(0.3, abs=0.08) and found["pull width of a"].passed


def test_draws_that_do_not_vary_fail_and_do_not_break() -> None:
    truth, draws = posterior(1.0)
    schema = Schema({"a": Column()}, {"x": Column()})
    tables = [{"a": truth[:, 0]}, {"a_draws": np.repeat(draws[:, :1, 0], DRAWS, axis=1)}]
    found = {result.name: result.passed for result in run_checks(default_checks(schema, ("a",)), tables[0], tables[1], tables[0], seed=1, bootstrap=1)}
    assert not any(found[name] for name in ("pull width of a", "68% coverage of a", "ranks of a"))


def test_many_numbers_are_looked_at_in_part() -> None:
    names = [check.name for check in default_checks(Schema({"a": Column(shape=(100,))}, {"x": Column()}), ("a",))]
    ranks = [name for name in names if name.startswith("ranks")]
    assert len(ranks) == MOST_NUMBERS and ranks[0] == "ranks of a[0]" and ranks[-1] == "ranks of a[99]"


def test_names_of_checks_of_classes_and_numbers() -> None:
    names = [check.name for check in default_checks(SCHEMA, ("a", "b", "kind"))]
    assert "ranks of b[1]" in names and "calibration of kind" in names and "classifier" not in names and "log score" not in names
    assert [check.name for check in default_checks(SCHEMA, ("kind",), density=True)] == ["calibration of kind", "log score"]
