"""Bits of a reconstructed event."""

from __future__ import annotations

from cloudchamber.studies.surface_array.fit.flags import FitFlag


def test_bits_are_apart_and_stay_what_files_say() -> None:
    assert [flag.value for flag in FitFlag] == [1 << bit for bit in range(13)]
    # written into users' tables: a bit never changes its meaning
    assert (FitFlag.NO_STATION, FitFlag.TIME_OUTLIER, FitFlag.SATURATED, FitFlag.INCLINED) == (1, 32, 64, 4096)
