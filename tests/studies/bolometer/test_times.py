"""Times of a user's samples: even ones, in any unit, and none that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.studies.bolometer.times import date_s, start_of

EVEN = np.arange(1000) / 200


def start(times: np.ndarray, rate_hz: float | None = 200.0, unit: str = "", name: str = "time", start_s: float | None = 50.0) -> float | None:
    return start_of(Path("a.h5"), rate_hz, len(times), {name: (unit, lambda first, stop: times[first:stop])}, start_s)


def test_a_start_is_that_of_the_first_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudchamber.studies.bolometer.times.AT_ONCE", 300)
    assert start(EVEN + 7) == 57 and start(1e3 * (EVEN + 7), unit="ms") == pytest.approx(57) and start(EVEN + 7, start_s=None) is None
    assert start(51545 + EVEN / 86_400, name="MJD", start_s=None) == pytest.approx(86_400)
    assert start(EVEN, None) == 50 and start(EVEN[:1]) == 50
    with pytest.raises(ValueError, match="the sample 800 lies"):
        start(np.where(np.arange(1000) < 800, EVEN, EVEN + 1))


@pytest.mark.parametrize("times", [EVEN[::-1], 0 * EVEN, 1.5 * EVEN, np.sort(np.random.default_rng(1).uniform(0, 5, 1000))])
def test_times_that_are_not_even_are_refused(times: np.ndarray) -> None:
    with pytest.raises(ValueError, match="samples from where an even 200 Hz puts it"):
        start(times)


def test_dates_lie_in_our_time() -> None:
    assert date_s(Path("a.h5"), 51545.0) == 86_400
    with pytest.raises(ValueError, match="outside the years 1900 to 2100"):
        date_s(Path("a.h5"), 0.0)
