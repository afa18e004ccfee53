"""Passed, failed or open: what a value says, given its limit, what truth reaches against truth, and the errors of both."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

Verdict = Literal["passed", "failed", "open"]

CHANCE = 0.01
"""Chance, at most, that a check calls an answer failed that stands at its limit and is as good as truth itself: in all of the check's groups together."""
MOST_TIMES = 100
"""Nobody is told to make more events than so many times those that were compared."""


def threshold(groups: int = 1) -> float:
    """Standard deviations beyond which one of so many groups counts: Sidak's correction of ``CHANCE``, one-sided."""
    return NormalDist().inv_cdf((1 - CHANCE) ** (1 / max(groups, 1)))


def verdict_of(value: float, error: float, limit: float, limit_error: float, floor: float, floor_error: float, groups: int = 1) -> Verdict:
    """*Passed* at or below the limit; *failed* where significantly beyond both limit and floor, or no number; *open* between.

    Errors are standard deviations, of the floor that of one draw of truth against truth; a value without one has the floor's. A floor of NaN excuses nothing.
    """
    if math.isnan(value):
        return "failed"
    if value <= limit:
        return "passed"
    own, least = _errors(error, floor_error)
    needed = threshold(groups)
    beyond_limit = value - limit > needed * math.hypot(own, limit_error)
    beyond_floor = math.isnan(floor) or value - floor > needed * math.hypot(own, least)
    return "failed" if beyond_limit and beyond_floor else "open"


def events_needed(events: int, value: float, error: float, limit: float, limit_error: float, floor: float, floor_error: float, groups: int = 1) -> float:
    """About how many events decide an open check: infinite where more than ``MOST_TIMES`` as many would not.

    Errors fall with the square root of the events, and so does a floor that stands above the limit.
    """
    own, least = _errors(error, floor_error)
    needed = threshold(groups)
    times = [1.0, (needed * math.hypot(own, limit_error) / (value - limit)) ** 2]
    if floor > limit:
        times.append((floor / limit) ** 2 if limit > 0 else math.inf)
    elif not math.isnan(floor):
        times.append((needed * math.hypot(own, least) / (value - floor)) ** 2)
    return math.inf if max(times) > MOST_TIMES else max(times) * events


def _errors(error: float, floor_error: float) -> tuple[float, float]:
    least = floor_error if math.isfinite(floor_error) else 0.0
    return error if math.isfinite(error) else least, least
