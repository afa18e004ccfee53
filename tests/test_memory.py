"""Items pass by one at a time."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

from cloudchamber.memory import trimmed


class Item:
    """Something that can be watched."""


def test_nothing_that_went_by_is_kept() -> None:
    watched: list[weakref.ref[Item]] = []

    def made() -> Iterator[Item]:
        for _ in range(3):
            item = Item()
            watched.append(weakref.ref(item))
            yield item
            del item

    for number, item in enumerate(trimmed(made())):
        assert [each() is item for each in watched] == [False] * number + [True]
        del item
