"""Bits of an event as it was read."""

from __future__ import annotations

from cloudchamber.studies.surface_array.formats.read_flags import ReadFlag


def test_bits_are_apart_and_stay_what_files_say() -> None:
    assert [flag.value for flag in ReadFlag] == [1 << bit for bit in range(8)]
    assert (ReadFlag.NO_STATION, ReadFlag.SATURATED, ReadFlag.UNREADABLE) == (1, 16, 128)
