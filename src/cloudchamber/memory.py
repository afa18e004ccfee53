"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")


def trimmed(items: Iterator[Item]) -> Iterator[Item]:
    """The same items. Before each of them the C library gives back what the work on the last one had taken: it would keep holes of ever other sizes."""
    for item in items:
        yield item
        del item
        _trim()(0)


@cache
def _trim() -> Callable[[int], int]:
    """glibc's ``malloc_trim``, nothing elsewhere."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return found
    except (OSError, AttributeError, TypeError):
        return lambda pad: 0
