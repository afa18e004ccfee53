"""What a call costs."""

from __future__ import annotations

import time
from collections.abc import Callable


def least(what: Callable[[], object], rounds: int) -> float:
    """CPU seconds of the fastest of so many rounds, after one that compiles and fills tables."""
    what()
    costs = []
    for _ in range(rounds):
        began = time.process_time()
        what()
        costs.append(time.process_time() - began)
    return min(costs)
