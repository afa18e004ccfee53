"""Words for times, and samples as places in time."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cloudchamber.stream import DAY_S, ORIGIN_MJD, duration_s, mjd_of, samples_between, start_s, year_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30d", 2_592_000), ("12h", 43_200), ("90min", 5400), ("1.5 s", Fraction(3, 2)), ("3yr", 3 * 31_557_600), ("1e-3s", Fraction(1, 1000))],
)
def test_durations_have_units(text: str, seconds: Fraction) -> None:
    assert duration_s(text) == seconds


def test_a_bare_number_is_no_duration() -> None:
    with pytest.raises(ValueError, match=r"'1060' has no unit.* such as 1060s"):
        duration_s("1060")


def test_starts_are_utc() -> None:
    assert start_s("2000-01-02") == 86_400
    assert start_s("2000-01-01T01:00:00.5+01:00") == Fraction(1, 2)
    with pytest.raises(ValueError, match=r"outside the allowed \[2000-01-01, 2100-01-01\)"):
        start_s("2100-01-01")


def test_samples_of_neighbouring_times_join() -> None:
    rate = 180.3737
    start, hour = start_s("2012-03-01"), duration_s("1h")
    first, second = samples_between(rate, start, hour), samples_between(rate, start + hour, hour)
    assert first[1] == second[0] and first[1] - first[0] == pytest.approx(3600 * rate, abs=1)


def test_a_sample_has_a_date() -> None:
    first, _ = samples_between(156.25, start_s("2032-07-01T12:00"), duration_s("1d"))
    assert mjd_of(first, 156.25) == "63414.500000000000"
    assert float(year_of(first / 156.25)) == pytest.approx(2032.5, abs=0.01)


def test_just_before_midnight_is_the_next_day_to_a_tenth_of_a_microsecond() -> None:
    assert mjd_of(DAY_S * 10**9 - 1, 1e9) == f"{ORIGIN_MJD + 1}.000000000000"
    assert mjd_of(DAY_S // 2, 1.0) == f"{ORIGIN_MJD}.500000000000"


@pytest.mark.parametrize("decimation", [1, 3, 5, 6, 7])
def test_the_first_sample_is_the_one_at_the_start(decimation: int) -> None:
    rate = 156.25 / decimation
    first, _ = samples_between(rate, start_s("2032-07-01"), duration_s("1h"))
    assert 0 <= Fraction(first * decimation * 4, 625) - start_s("2032-07-01") < Fraction(decimation * 4, 625)
