from __future__ import annotations

import numpy as np

from cloudchamber.formats.digest import TableDigest
from cloudchamber.schema import Ragged, Table, take


def events() -> Table:
    lengths = np.array([2, 0, 3, 1])
    return {"a": np.arange(4.0), "many": Ragged(np.arange(6.0), np.concatenate([[0], np.cumsum(lengths)]))}


def digest(*tables: Table) -> tuple[int, str]:
    found = TableDigest()
    for table in tables:
        found.update(table)
    return found.events, found.hexdigest()


def test_chunks_do_not_matter_and_everything_else_does() -> None:
    table = events()
    assert digest(table) == digest(take(table, slice(0, 1)), take(table, slice(1, 4)))
    assert digest(table) != digest(take(table, np.array([1, 0, 2, 3])))
    moved = Ragged(table["many"].values, np.array([0, 1, 2, 5, 6]))
    assert digest(table)[1] != digest(table | {"many": moved})[1] != digest(table | {"a": table["a"] + 1})[1]
