"""Times that a user's file tells sample by sample: no gap is passed over, and no other rate or start than theirs is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.stream import DAY_S, ORIGIN_MJD
from cloudchamber.units import stated

Array = NDArray[Any]

UNITS = {"time": "s", "mjd": "d"}
"""Columns of times, which are no detectors, and what they are in where they do not say."""
YEARS_MJD = (15_020, 88_069)
"""1900 and 2100."""
AT_ONCE = 1_000_000


def start_of(
    path: Path, rate_hz: float | None, samples: int, columns: dict[str, tuple[str, Callable[[int, int], Array]]], start_s: float | None
) -> float | None:
    """Time of the first sample, s since 2000-01-01, None where it is unknown: by a column of dates, else ``start_s`` and a column of seconds from there on.

    ``columns``: of each the unit and what reads some of it. ValueError where times are not even, or of another rate than ``rate_hz``.
    """
    first = {name.lower(): _first_s(f"'{path}', {name}", rate_hz, samples, read, unit, name.lower()) for name, (unit, read) in columns.items()}
    if "mjd" in first and samples:
        return first["mjd"] - ORIGIN_MJD * DAY_S
    return None if start_s is None else start_s + first.get("time", 0.0)


def date_s(path: Path, mjd: float) -> float:
    """Seconds since 2000-01-01 of a modified Julian date; ValueError for one that is none."""
    if not YEARS_MJD[0] <= mjd <= YEARS_MJD[1]:
        hint = ", which is a Julian date: take 2400000.5 away" if YEARS_MJD[0] <= mjd - 2_400_000.5 <= YEARS_MJD[1] else ""
        raise ValueError(f"'{path}' starts at the modified Julian date {mjd:.10g}{hint or ', which lies outside the years 1900 to 2100'}")
    return (mjd - ORIGIN_MJD) * DAY_S


def _first_s(where: str, rate_hz: float | None, samples: int, read: Callable[[int, int], Array], unit: str, name: str) -> float:
    if samples < 2:
        return 0.0

    def seconds(first: int, stop: int) -> Array:
        return stated(stated(np.asarray(read(first, stop), float), unit or UNITS[name], UNITS[name], where), UNITS[name], "s", where)

    begin, end = seconds(0, 1)[0], seconds(samples - 1, samples)[0]
    mean_hz = (samples - 1) / (end - begin) if end > begin else np.nan
    rate = mean_hz if rate_hz is None else rate_hz
    for first in range(0, samples, AT_ONCE):
        stop = min(first + AT_ONCE, samples)
        late = (seconds(first, stop) - begin) * rate - np.arange(first, stop)
        if not np.all(np.abs(late) < 1):
            place = int(np.flatnonzero(~(np.abs(late) < 1))[0])
            raise ValueError(
                f"{where}: the sample {first + place} lies {late[place]:.6g} samples from where an even {rate:.9g} Hz puts it (all of them: {mean_hz:.9g} Hz "
                "in the mean): cut the file at gaps, and state the rate that the times have"
            )
    return float(begin)
