"""What workers do in these tests."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path


def slow_square(number: int) -> int:
    """Take a moment."""
    time.sleep(0.05)
    return number * number


def own_process(number: int) -> int:
    """Where it is done, whatever is printed there."""
    print(number)  # noqa: T201
    return os.getpid()


def dies_once(job: tuple[Path, int]) -> int:
    """3 ends its first worker."""
    folder, number = job
    if number == 3 and not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(1)
    return number


@dataclass(frozen=True)
class Deadly:
    """3 ends each of its workers."""

    number: int

    def done(self) -> int:
        if self.number == 3:
            os._exit(1)
        return self.number

    def __str__(self) -> str:
        return f"block {self.number}, seed 7"
