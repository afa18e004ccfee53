"""The default checks on exact, too narrow and too wide answers."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Column, Schema
from cloudchamber.studies.own.checks import checks_of, entry_names
from cloudchamber.validate.check import run_checks

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


def results(width: float, said: float = 0.9) -> dict[str, bool | None]:
    truth, draws = posterior(width, said=said)
    schema = Schema({"a": Column(), "b": Column()}, {"x": Column()})
    tables = [{"a": truth[:, 0], "b": truth[:, 1], "x": np.zeros(EVENTS)}, {"a_draws": draws[..., 0], "b_draws": draws[..., 1], "x": np.zeros(EVENTS)}]
    found = run_checks(checks_of(schema, ("a", "b")), tables[0], tables[1], tables[0], seed=1, bootstrap=20)
    return {result.name: result.passed for result in found}


def test_an_exact_posterior_passes() -> None:
    assert all(results(1.0).values())


@pytest.mark.parametrize("width", [0.7, 1.4])
def test_too_narrow_and_too_wide_ones_fail(width: float) -> None:
    failed = [name for name, passed in results(width).items() if passed is False]
    assert {"68% coverage of a", "68% coverage of b", "joint coverage"} <= set(failed)


def test_a_wrong_correlation_shows_in_all_numbers_together_alone() -> None:
    """Each number by itself is right."""
    found = results(1.0, said=-0.9)
    assert not found["joint coverage"]
    assert all(passed for name, passed in found.items() if name != "joint coverage")


def test_names_of_entries_and_directions() -> None:
    assert entry_names(SCHEMA.theta) == ["a", "b[0]", "b[1]"]
    names = [check.name for check in checks_of(SCHEMA, ("a", "b", "kind"))]
    assert "ranks of b[1]" in names and "calibration of kind" in names and "classifier" not in names
    assert [check.name for check in checks_of(SCHEMA, ("x",))] == ["distribution of x", "classifier"]
