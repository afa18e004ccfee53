"""Gates of a simulator: measured numbers beside what they should be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tables import markdown, show


class Gate(NamedTuple):
    """A measured number, what it should be, how far off it may be (None: for information), and its unit."""

    what: str
    value: float
    target: str = ""
    off: float | None = None
    limit: float | None = None
    unit: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether it keeps within its limit."""
        return None if self.limit is None or self.off is None else bool(abs(self.off) <= self.limit)


def told(gates: Sequence[Gate], path: Path | None) -> int:
    """Print the table, and write it to ``path`` if there is one; 1 where a limit is missed."""
    words = {None: "", True: "passed", False: "FAILED"}
    rows = [[gate.what, f"{gate.value:.4g} {gate.unit}".strip(), gate.target, words[gate.passed]] for gate in gates]
    show(markdown(["", "value", "target", "verdict"], rows), path)
    failed = sum(gate.passed is False for gate in gates)
    if failed:
        print(f"{failed} value(s) miss their limit", file=sys.stderr)
    return int(failed > 0)
