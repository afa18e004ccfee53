"""Streams: endless x as a function of time, and the words in which a user names times.

Sample n of a stream lies n / rate after ``ORIGIN``. Any samples can be made by themselves, and have the same bits as in any longer piece: pieces join exactly,
files that overlap agree, and whatever was interrupted goes on without a state to keep. Days have 86,400 s: leap seconds are not counted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
ORIGIN_MJD = 51544
DAY_S, YEAR_S = 86_400, 31_557_600
UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": DAY_S, "yr": YEAR_S}
LONGEST_YR = 20
YEARS = (2000, 2100)


class Piece(NamedTuple):
    """Some of a stream: values (channels, samples), and a table of what made them (``Stream.truth``), events of their time alone."""

    values: NDArray[np.float32]
    truth: Table


class Stream(Protocol):
    """Endless x: a frozen dataclass of settings. No random number depends on what is made together: each is keyed by the seed and a time of fixed length."""

    @property
    def column(self) -> Column:
        """Unit and meaning of a sample of a channel."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        ...

    @property
    def rate_hz(self) -> float:
        """Samples a second."""
        ...

    @property
    def block_samples(self) -> int:
        """So many samples are made at once: enough to forget what a start costs, few enough for any memory."""
        ...

    @property
    def truth(self) -> Mapping[str, Column]:
        """Columns of what makes the data, such as hits; ``time_s``, seconds since ``ORIGIN``, is one."""
        ...

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of the user's that its settings name: what is in them decides its bits too."""
        ...

    def ready(self, first: int, stop: int) -> tuple[str, ...]:
        """What a user must know of these samples, as that they rest on a forecast; ValueError for those that cannot be made, before anything is."""
        ...

    def make(self, seed: int, first: int, stop: int, truth: bool = True) -> Piece:
        """The samples ``first`` to ``stop``: the same bits whatever was made before, or is made with them. Their truth may be left out."""
        ...


@runtime_checkable
class LearnedStream(Protocol):
    """A stream that a trained model can make in place of the simulator."""

    @property
    def learned_settings(self) -> tuple[str, ...]:
        """The settings, dotted names, that a model has learned with its events: the stream's must be the same."""
        ...

    def learned(self, model: Any) -> Stream:
        """The stream of a ``TrainedModel``; ValueError for one that learned something else."""
        ...


@runtime_checkable
class PartedStream(Stream, Protocol):
    """A stream of parts that know nothing of each other, such as wafers: each is made by itself, and has as many channels as any other, in their order."""

    @property
    def parts(self) -> int:
        """How many there are."""
        ...

    def make_part(self, part: int, seed: int, first: int, stop: int, truth: bool = True) -> Piece:
        """As ``Stream.make``, of the channels of one part alone."""
        ...


@runtime_checkable
class ObservedStream(PartedStream, Protocol):
    """A stream that can be sampled at the times of somebody else's data."""

    def at_rate(self, rate_hz: float) -> ObservedStream:
        """The stream with so many samples a second; ValueError for a rate that it cannot have: it says which it can."""
        ...

    def make_at(self, part: int, seed: int, start_s: Fraction, samples: int) -> NDArray[np.float32]:
        """A part's samples from ``start_s`` after ``ORIGIN`` on, wherever that lies between the stream's own, (channels of the part, samples)."""
        ...


@runtime_checkable
class ComparableStream(Stream, Protocol):
    """A stream whose pieces can be put beside somebody else's events."""

    @property
    def pieces(self) -> str:
        """The column of such events that holds them."""
        ...

    def rate_told(self, data: Path) -> float | None:
        """Samples a second that a file, or an event store's folder, tells of itself; None where it does not."""
        ...

    def pieces_like(self, table: Table, seed: int) -> Table:
        """As many pieces as the table has events, of their shape and at their conditions, in the same columns; ValueError where none can be."""
        ...


class Recorded(Protocol):
    """A stream's file, read in pieces."""

    @property
    def first(self) -> int:
        """Number of its first sample."""
        ...

    @property
    def samples(self) -> int:
        """How many there are."""
        ...

    @property
    def rows(self) -> tuple[int, ...]:
        """Places of its channels among the stream's."""
        ...

    def read(self, first: int, stop: int) -> NDArray[np.float32]:
        """Samples by their number in the stream, (channels, samples)."""
        ...


@runtime_checkable
class PicturedStream(Protocol):
    """A stream that has facts and figures for the page of a file."""

    def figures(self, recorded: Recorded, seed: int) -> tuple[dict[str, str | int | float], dict[str, Figure]]:
        """What there is to tell of a file of this stream, which is read in pieces."""
        ...


def duration_s(text: str) -> Fraction:
    """Seconds of a duration such as 30d, 12h or 3yr (of 365.25 days); ValueError for one without a unit, or beyond any use."""
    found = re.fullmatch(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?)\s*([A-Za-z]*)\s*", text)
    known = ", ".join(UNITS_S)
    if found is None or (found[2] and found[2] not in UNITS_S):
        raise ValueError(f"duration: '{text}' is none: give a number with one of the units {known}, such as 30d, 12h or 90min")
    if not found[2]:
        raise ValueError(f"duration: '{text}' has no unit, so that it may be samples or seconds or days: give one of {known}, such as {found[1]}s")
    seconds = Fraction(found[1]) * UNITS_S[found[2]]
    if not 0 < seconds <= LONGEST_YR * YEAR_S:
        raise ValueError(f"duration: {text} is outside the allowed (0, {LONGEST_YR}yr]")
    return seconds


def start_s(text: str) -> Fraction:
    """Seconds since ``ORIGIN`` of a time such as 2032-07-01 or 2032-07-01T12:30, UTC where it names no other zone; ValueError for what is none."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"start: '{text}' is no time: give a date such as 2032-07-01, or a time such as 2032-07-01T12:30:00 (UTC)") from None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    if not YEARS[0] <= when.year < YEARS[1]:
        raise ValueError(f"start: {text} is outside the allowed [{YEARS[0]}-01-01, {YEARS[1]}-01-01)")
    since = when - ORIGIN
    return Fraction(since.days * DAY_S + since.seconds) + Fraction(since.microseconds, 1_000_000)


def mjd_s(text: str) -> Fraction:
    """Seconds since ``ORIGIN`` of a modified Julian date (UTC) in digits, with as many of them as there are; ValueError for what is none."""
    try:
        since = (Fraction(text) - ORIGIN_MJD) * DAY_S
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"'{text}' is no modified Julian date") from None
    if not 0 <= since < (YEARS[1] - YEARS[0]) * YEAR_S:
        raise ValueError(f"the modified Julian date {text} is outside the years {YEARS[0]} to {YEARS[1]}")
    return since


def same_rate(one_hz: float, other_hz: float) -> bool:
    """Whether two sampling rates are one, but for digits that were left out."""
    return abs(one_hz / other_hz - 1) < 1e-3


def exact_rate(rate_hz: float) -> Fraction:
    """The fraction that a rate stands for, such as 156.25 / 3: a float's own is off by as much as moves a sample in some decades."""
    simple = Fraction(rate_hz).limit_denominator(1_000_000)
    return simple if float(simple) == rate_hz else Fraction(rate_hz)


def digests_of(stream: Stream) -> dict[str, str]:
    """What is in the user's files that a stream rests on, by their names."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in stream.files}


def samples_between(rate_hz: float, start: Fraction, duration: Fraction) -> tuple[int, int]:
    """The samples [first, stop) that lie in a time; ValueError where none does."""
    rate = exact_rate(rate_hz)
    first, stop = ceil(start * rate), ceil((start + duration) * rate)
    if first == stop:
        raise ValueError(f"duration: {float(duration):g} s hold no sample at {rate_hz:g} Hz: give {1 / rate_hz:.4g} s at least")
    return first, stop


def mjd_of(sample: int, rate_hz: float) -> str:
    """Modified Julian date of a sample, UTC, to a tenth of a microsecond."""
    days, rest = divmod(round((Fraction(sample) / exact_rate(rate_hz) / DAY_S + ORIGIN_MJD) * 10**12), 10**12)
    return f"{days}.{rest:012d}"


def year_of(seconds: NDArray[Any]) -> NDArray[Any]:
    """Decimal (Julian) years of seconds since ``ORIGIN``."""
    return ORIGIN.year + np.asarray(seconds, float) / YEAR_S
