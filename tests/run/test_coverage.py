from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.run.coverage import trained_domain
from cloudchamber.run.domain import SetDomain
from cloudchamber.schema import Column, Ragged, Schema


def test_the_domain_of_sets_has_room_where_values_thin_out() -> None:
    column = {"a": Column(ragged=True), "flat": Column(ragged=True), "kinds": Column(categories=("x", "y"), ragged=True)}
    values = np.concatenate([np.linspace(1, 2, 10_001), [3.0]])
    sample = {"a": Ragged(values, np.array([0, 5000, 10_002])), "flat": Ragged(np.ones(3), np.array([0, 1, 3]))}
    sample["kinds"] = Ragged(np.zeros(2, int), np.array([0, 2]))
    domain = trained_domain(Schema(x=column), tuple(column), sample)
    assert domain["a"] == SetDomain((pytest.approx(1 - 9e-4), pytest.approx(4 + 8e-4)), (5000, 5002))
    assert domain["flat"] == SetDomain((1.0, 1.0), (1, 2))
    assert domain["kinds"] == SetDomain(("x",), (2, 2))
