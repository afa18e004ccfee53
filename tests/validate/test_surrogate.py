from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Column, Ragged, Schema
from cloudchamber.validate.check import run_checks
from cloudchamber.validate.defaults import default_checks

EVENTS = 1500
SCHEMA = Schema({"a": Column()}, {"x": Column(shape=(2,)), "kind": Column(categories=("p", "Fe")), "hits": Column(ragged=True)})


def table(seed: int, tie: float = 0.9, share: float = 0.5, most: int = 9, shift: float = 0.0) -> dict:
    random = np.random.default_rng(seed)
    a, z = random.normal(size=EVENTS), random.normal(size=(EVENTS, 2))
    x = a[:, None] + np.stack([z[:, 0], tie * z[:, 0] + np.sqrt(1 - tie**2) * z[:, 1]], 1)
    hits = Ragged.from_list([shift + random.normal(size=count) for count in random.integers(0, most, EVENTS)])
    return {"a": a, "x": x, "kind": (random.random(EVENTS) < share).astype(int), "hits": hits}


def failed(**wrong: float) -> set[str]:
    checks = [check for check in default_checks(SCHEMA, tuple(SCHEMA.x)) if check.name not in ("classifier", "trees")]
    found = run_checks(checks, table(1), table(2, **wrong), table(3), seed=1, bootstrap=4)
    assert all(np.isfinite(result.floor) for result in found)
    return {result.name for result in found if result.value > 2 * max(result.floor, result.limit or 0.0)}


def test_names() -> None:
    names = [check.name for check in default_checks(SCHEMA, tuple(SCHEMA.x))]
    assert names == [
        "distribution of x[0]", "distribution of x[1]", "shares of kind", "elements of hits", "distribution of hits", "correlations", "classifier", "trees",
        "repeated values",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, set()),
        ({"tie": 0.0}, {"correlations"}),
        ({"share": 0.7}, {"shares of kind"}),
        ({"most": 14}, {"elements of hits"}),
        ({"shift": 0.5}, {"distribution of hits"}),
    ],
)
def test_what_is_wrong_is_told_and_nothing_else(wrong: dict, told: set[str]) -> None:
    assert failed(**wrong) == told


def test_a_number_that_never_varies_is_no_error() -> None:
    schema = Schema({"a": Column()}, {"x": Column(shape=(2,))})
    tables = [{"a": np.zeros(100), "x": np.random.default_rng(seed).normal(size=(100, 2)) * [1, 0]} for seed in range(3)]
    found = {result.name: result.value for result in run_checks(default_checks(schema, ("x",))[:3], *tables, seed=1, bootstrap=2)}
    assert found["correlations"] == 0
