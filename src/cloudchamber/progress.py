"""How far long work is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with the work done so far, the whole work (0 where that is unknown), and a word on how it goes."""


def quiet(done: int, total: int, text: str) -> None:
    """Tells nobody."""
