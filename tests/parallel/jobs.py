"""What workers do in these tests."""

from __future__ import annotations

import os
import time


def slow_square(number: int) -> int:
    """Take a moment."""
    time.sleep(0.05)
    return number * number


def deadly(number: int) -> int:
    """3 ends its worker."""
    if number == 3:
        os._exit(1)
    return number
