"""A statistic and its error."""

from __future__ import annotations

from typing import NamedTuple


class Measured(NamedTuple):
    """A value that brings its own standard error, so that no bootstrap is run."""

    value: float
    error: float
