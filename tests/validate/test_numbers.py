from __future__ import annotations

import numpy as np

from cloudchamber.schema import Column
from cloudchamber.validate.numbers import chosen, entries, entry_names, entry_words

COLUMNS = {
    "a": Column(unit="us", doc="mean lifetime"),
    "b": Column(shape=(2,)),
    "kind": Column(categories=("p", "Fe")),
    "hits": Column(ragged=True),
}


def test_names_and_words_of_numbers() -> None:
    assert entry_names(COLUMNS) == ["a", "b[0]", "b[1]"]
    assert entry_words(COLUMNS) == ["mean lifetime (us)", "b [0]", "b [1]"]


def test_numbers_side_by_side() -> None:
    table = {"a": np.arange(4), "b": np.arange(8).reshape(4, 2), "a_draws": np.zeros((4, 5)), "b_draws": np.zeros((4, 5, 2))}
    np.testing.assert_array_equal(entries(table, COLUMNS)[1], [1, 2, 3])
    assert entries(table, COLUMNS, "_draws").shape == (4, 5, 3)


def test_a_part_of_many() -> None:
    assert chosen(3, 12) == [0, 1, 2] and chosen(100, 3) == [0, 50, 99]
