from __future__ import annotations

import json

import numpy as np
import pytest

from cloudchamber.run.domain import SetDomain, domain_from_json, domain_of, domain_to_json, inside, refuse_outside
from cloudchamber.schema import Column, Ragged

COLUMNS = {
    "lge": Column(unit="lg(eV)"),
    "primary": Column(categories=("p", "He", "Fe")),
    "profile": Column(shape=(2,), low=0.0),
    "hits": Column(shape=(2,), low=0.0, high=1.0, ragged=True),
}
TRAIN = {
    "lge": np.array([17.0, 18.0, 19.0]),
    "primary": np.array([0, 0, 2]),
    "profile": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
    "hits": Ragged.from_list([np.zeros((1, 2)), np.ones((0, 2)), np.ones((3, 2))]),
}
DOMAIN = {"lge": (17.0, 19.0), "primary": ("p", "Fe"), "profile": (0.0, 5.0), "hits": SetDomain((0.0, 1.0), (0, 3))}


def test_the_domain_is_the_range_and_the_categories_seen() -> None:
    assert domain_of(TRAIN, COLUMNS) == DOMAIN
    with pytest.raises(ValueError, match="'lge' is empty"):
        domain_of({"lge": np.empty(0)}, {"lge": COLUMNS["lge"]})


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("lge", np.array([17.0, 19.5, 25.0]), r"'lge': 19.5 in event 1 \(2 such event\(s\)\) is outside the trained range \[17, 19\] lg\(eV\)"),
        ("primary", np.array([0, 2, 1]), r"'primary': 'He' in event 2 .* trained range p, Fe"),
        ("profile", np.array([[0.0, 1.0], [3.0, 9.0], [1.0, 1.0]]), r"'profile': 9 in event 1 .* \[0, 5\]"),
        ("hits", Ragged.from_list([np.zeros((0, 2)), np.zeros((0, 2)), np.array([[0.5, 2.0]])]), r"'hits': 2 in event 2 "),
        (
            "hits",
            Ragged.from_list([np.zeros((6, 2)), np.zeros((0, 2)), np.zeros((7, 2))]),
            r"'hits': a set of 7 elements in event 2 .* range of 0 to 3 elements, and up to 2 times",
        ),
    ],
)
def test_what_lies_outside_is_refused_by_name_and_marked(name: str, values: object, message: str) -> None:
    table = TRAIN | {name: values}
    with pytest.raises(ValueError, match=message):
        refuse_outside(table, COLUMNS, DOMAIN)
    good = inside(table, COLUMNS, DOMAIN)
    assert good.dtype == bool and not good.all() and good[0]


def test_sets_with_far_fewer_elements_lie_outside() -> None:
    column = {"kinds": Column(categories=("a", "b", "c"), ragged=True)}
    train = {"kinds": Ragged.from_list([np.zeros(9, int), np.ones(11, int)])}
    domain = domain_of(train, column)
    assert domain == {"kinds": SetDomain(("a", "b"), (9, 11))}
    table = {"kinds": Ragged.from_list([np.zeros(5, int), np.zeros(4, int), np.full(9, 2), np.zeros(22, int)])}
    assert inside(table, column, domain).tolist() == [True, False, False, True]
    with pytest.raises(ValueError, match=r"'kinds': 'c' in event 2 .* trained range a, b"):
        refuse_outside(table, column, domain)


def test_training_data_lie_inside_after_rounding_to_single_precision() -> None:
    assert inside(TRAIN | {"lge": np.array([17.0, 18.0, 19.000001], dtype=np.float32)}, COLUMNS, DOMAIN).all()
    refuse_outside(TRAIN, COLUMNS, DOMAIN)


def test_domain_json() -> None:
    data = json.loads(json.dumps(domain_to_json(DOMAIN)))
    assert data["lge"] == [17.0, 19.0] and data["hits"] == {"values": [0.0, 1.0], "elements": [0, 3]}
    assert domain_from_json(data, COLUMNS) == DOMAIN
    for bad, message in (
        ({"lge": [1, 2]}, "exactly these columns"),
        (data | {"lge": ["a"]}, "'lge' needs \\[smallest"),
        (data | {"primary": ["U"]}, "list of p, He, Fe"),
        (data | {"hits": [0, 1]}, "'hits' needs 'values' and 'elements'"),
        (data | {"hits": {"values": [0, 1], "elements": [0.5, 3]}}, "'hits' needs 'values' and 'elements'"),
    ):
        with pytest.raises(ValueError, match=message):
            domain_from_json(bad, COLUMNS)
