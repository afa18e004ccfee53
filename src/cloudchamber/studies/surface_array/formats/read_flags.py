"""What was wrong with an event in the file it was read from, bit by bit."""

from __future__ import annotations

from enum import IntFlag


class ReadFlag(IntFlag):
    """Bits of the column ``read_flags``; 0 is an event without complaint. What the fit then makes of it stands in ``fit_flags``."""

    NO_STATION = 1
    """No station with a record."""
    BAD_STATION = 2
    """A station was left out: its position or time is missing, not finite, or further than 100 km or 10 ms from the others."""
    BAD_SAMPLES = 4
    """A station was left out: a sample of its record is not finite, or the record is not there."""
    DUPLICATE = 8
    """Two records of one station; both are kept."""
    SATURATED = 16
    """A station's record, or the mark that the file sets beside it, is saturated."""
    CROPPED = 32
    """More than 1 % of a record's signal lay outside 256 samples of 20 ns, which is what is kept."""
    NO_TRACE = 64
    """A station has a signal and a time but no trace: a single pulse stands in its place."""
    UNREADABLE = 128
    """The event itself could not be read: it has no stations."""
