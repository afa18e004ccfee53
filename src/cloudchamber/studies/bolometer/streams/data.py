"""The stream of a wafer's data: hits of blocks of time, one after the other, through the filters.

A block of time is ``SPAN_SAMPLES`` samples of the full rate; its hits come from its own random numbers and the phi of its middle. Filters begin at zero so many
time constants before the first sample that nothing of the beginning is left in any bit of single precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.rng import rng
from cloudchamber.schema import Column, Table, concatenate, take
from cloudchamber.stream import Piece, Recorded, exact_rate, year_of
from cloudchamber.studies.bolometer.detector import Detector, FamilyName
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.signal.chain import advance, start_chain
from cloudchamber.studies.bolometer.signal.decimation import reach
from cloudchamber.studies.bolometer.signal.filters import Starts, Tabled
from cloudchamber.studies.bolometer.streams.sources import TRUTH, Drawn, Learned, Simulated, Source, Span
from cloudchamber.studies.bolometer.streams.sun import Sun, interval
from cloudchamber.studies.bolometer.views.settings import THICKNESS_UM, check_noise, made_families
from cloudchamber.studies.bolometer.wafer.hits import Hits, rates_per_s

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.trained import TrainedModel

Array = NDArray[Any]

SPAN_SAMPLES = 8192
SPANS = 20
"""Blocks of time in a block of work: the start of one costs a few blocks of time more."""
FORGOTTEN_CONSTANTS = 150.0
"""A pulse falls below the least number of single precision after 70 time constants; 80 more leave no difference in the sums of double precision that younger
pulses stand in, exp(-80) being 1e-35."""
WAFER = Column(doc="number of the wafer that is hit", dtype="int64", low=0)
MOST_WAFERS, MOST_DECIMATION = 10_000, 64
LIKE_MV, PIECES_FROM_S = 5.0, 315_576_000
"""Windows whose phi differ by less have one in their comparison; when that stream begins (2010), which decides nothing but its random numbers."""
ON_THE_GRID = Fraction(1, 1_000_000)
"""A time so near to one of the stream's own samples, in samples, is that: a hit's time is not known as finely."""


@dataclass(frozen=True)
class WaferStream:
    """What cosmic rays leave in the bolometers of wafers of ``thickness_um``, while the Sun changes. ``families``: which hits, all where none is named.

    Each of the ``wafers`` is a ``detector`` with hits of its own; those of the first one do not depend on how many there are. ``noise_w``: standard deviation
    of white noise that is added to each sample.
    """

    rays: CosmicRays = CosmicRays()
    sun: Sun = Sun()
    detector: Detector = Detector()
    families: tuple[FamilyName, ...] = ()
    thickness_um: float = 500.0
    wafers: int = 1
    noise_w: float = 0.0

    def __post_init__(self) -> None:
        made_families(self)
        check_noise(self.noise_w)
        if not THICKNESS_UM[0] <= self.thickness_um <= THICKNESS_UM[1]:
            raise ValueError(f"thickness_um: {self.thickness_um:g} is outside the allowed [{THICKNESS_UM[0]:g}, {THICKNESS_UM[1]:g}] um")
        if not 1 <= self.wafers <= MOST_WAFERS:
            raise ValueError(f"wafers: {self.wafers} is outside the allowed [1, {MOST_WAFERS}]")

    @property
    def column(self) -> Column:
        """A bolometer's sample."""
        return Column(unit="W", doc="power of cosmic rays")

    @property
    def channels(self) -> tuple[str, ...]:
        """The bolometers, row by row, wafer by wafer."""
        each = tuple(f"bolometer_{number:0{len(str(self.detector.bolometers - 1))}d}" for number in range(self.detector.bolometers))
        if self.wafers == 1:
            return each
        return tuple(f"wafer_{wafer:0{len(str(self.wafers - 1))}d}_{name}" for wafer in range(self.wafers) for name in each)

    @property
    def pieces(self) -> str:
        """The windows' column."""
        return "power_w"

    @property
    def parts(self) -> int:
        """The wafers."""
        return self.wafers

    @property
    def rate_hz(self) -> float:
        """Of the kept samples."""
        return self.detector.rate_hz / self.detector.decimation

    @property
    def block_samples(self) -> int:
        """Of a block of work."""
        return max(SPANS * SPAN_SAMPLES // self.detector.decimation, 1)

    @property
    def truth(self) -> Mapping[str, Column]:
        """Of each hit; its wafer where there are several."""
        return TRUTH if self.wafers == 1 else {"wafer": WAFER, **TRUTH}

    @property
    def source(self) -> Source:
        """Where hits come from."""
        return Simulated()

    @property
    def learned_settings(self) -> tuple[str, ...]:
        """Of hits; how they are read is the stream's own."""
        return ("rays", *(f"detector.{name}" for name in ("wafer", "phonons", "families", "time_constants_s", "scatter")))

    def learned(self, model: TrainedModel) -> WaferStream:
        """The stream whose hits ``model`` draws."""
        if model.study != "bolometer":
            raise ValueError(f"the run is of the study '{model.study}': a stream of bolometers needs one that learned hits of 'bolometer'")
        return _LearnedStream(**{name: getattr(self, name) for name in self.__dataclass_fields__}, model=model)

    @property
    def files(self) -> tuple[Path, ...]:
        """Tables of fluxes and of sunspots."""
        return tuple(Path(name) for name in (self.rays.table, self.sun.sunspots) if name)

    def ready(self, first: int, stop: int) -> tuple[str, ...]:
        """As the protocol says: whether phi is a forecast; ValueError for a time before the origin, or whose phi nobody knows."""
        spans = self._spans(first, stop)
        if spans.start < 0:
            earliest = (first * self.detector.decimation / SPAN_SAMPLES - spans.start) * SPAN_SAMPLES / self.detector.rate_hz
            raise ValueError(f"start: too early: a stream of these pulses begins {np.ceil(earliest):.0f} s after 2000-01-01 at the earliest")
        self.rays.tabulated()
        low, high = self.phi_mv(np.array([spans.start, spans.stop]))
        end = float(year_of(np.array(stop / self.rate_hz)))
        return (f"phi is {interval(low, high)} MV {self.sun.words(end)}",) if self.sun.forecasts(end) else ()

    def phi_mv(self, span: Array) -> Array:
        """phi in the middle of blocks of time, in MV."""
        return self.sun.phi_at(year_of((np.asarray(span) + 0.5) * SPAN_SAMPLES / self.detector.rate_hz), self.rays)

    def hits(self, seed: int, spans: range, wafer: int = 0) -> Iterator[Drawn]:
        """The hits of blocks of time in a wafer, one after the other."""
        seed = _of_wafer(seed, wafer)
        rate, families, source = self.detector.rate_hz, made_families(self), self.source
        phi = self.phi_mv(np.array(spans))
        for span, phi_mv, rates in zip(spans, phi.tolist(), rates_per_s(self.detector, self.rays, phi).T, strict=True):
            block = Span(span, span * SPAN_SAMPLES / rate, SPAN_SAMPLES / rate, phi_mv, rates)
            yield source.draw(self.detector, self.rays, self.thickness_um, families, block, seed)

    def hits_between(self, seed: int, first: int, stop: int, wafer: int = 0) -> Drawn:
        """The hits of the time of some kept samples in a wafer."""
        spans = range(first * self.detector.decimation // SPAN_SAMPLES, (stop * self.detector.decimation - 1) // SPAN_SAMPLES + 1)
        return _between(list(self.hits(seed, spans, wafer)), first / self.rate_hz, stop / self.rate_hz)

    def make(self, seed: int, first: int, stop: int, truth: bool = True) -> Piece:
        """As the protocol says."""
        made = [self.make_part(wafer, seed, first, stop, truth) for wafer in range(self.wafers)]
        if self.wafers == 1:
            return made[0]
        return Piece(np.concatenate([piece.values for piece in made]), concatenate([piece.truth for piece in made]) if truth else {})

    def make_part(self, part: int, seed: int, first: int, stop: int, truth: bool = True) -> Piece:
        """As the protocol says, of one wafer."""
        told: list[Table] = []
        spans = self._spans(first, stop)
        values = self._data(spans, self._told(self.hits(seed, spans, part), told if truth else None), first, stop, _of_wafer(seed, part))
        if not truth:
            return Piece(values, {})
        seen = concatenate(told)
        seen = take(seen, (seen["time_s"] >= first / self.rate_hz) & (seen["time_s"] < stop / self.rate_hz))
        return Piece(values, seen if self.wafers == 1 else {"wafer": np.full(len(seen["time_s"]), part), **seen})

    def at_rate(self, rate_hz: float) -> WaferStream:
        """As the protocol says: decimated from the detector's rate where that is a multiple, else from the next higher rate that is one.

        Another rate of the detector has other hits.
        """
        if rate_hz == self.rate_hz:
            return self
        fast, times = self.detector.rate_hz, self.detector.rate_hz / rate_hz
        exact = abs(times - round(times)) < 1e-9 * times
        decimation = round(times) if exact else int(np.ceil(times))
        if not 1 <= decimation <= MOST_DECIMATION:
            raise ValueError(f"{rate_hz:g} Hz cannot be made: every {MOST_DECIMATION}th sample is kept at least, so from {fast / MOST_DECIMATION:.4g} Hz on")
        return replace(self, detector=replace(self.detector, rate_hz=fast if exact else rate_hz * decimation, decimation=decimation))

    def make_at(self, part: int, seed: int, start_s: Fraction, samples: int) -> Array:
        """As the protocol says, of one wafer: hits come as much earlier as the samples lie after the stream's own."""
        place = start_s * exact_rate(self.rate_hz)
        first = round(place) if abs(place - round(place)) < ON_THE_GRID else int(place)
        late_s = 0.0 if abs(place - first) < ON_THE_GRID else float((place - first) / exact_rate(self.rate_hz))
        spans = self._spans(first, first + samples)
        hits = self.hits(seed, range(spans.start, spans.stop + (late_s > 0)), part)
        if not late_s:
            return self._data(spans, (drawn.pulses for drawn in hits), first, first + samples, _of_wafer(seed, part))
        earlier = _earlier((drawn.starts for drawn in hits), spans, SPAN_SAMPLES / self.detector.rate_hz, late_s)
        return self._data(spans, earlier, first, first + samples, _of_wafer(seed, part))

    def rate_told(self, data: Path) -> float | None:
        """As the protocol says."""
        from cloudchamber.studies.bolometer.formats import rate_told

        return rate_told(data)

    def pieces_like(self, table: Table, seed: int) -> Table:
        """As the protocol says, of windows: those of one phi and thickness follow each other in a stream of constant phi."""
        if lacking := [name for name in ("power_w", "phi_mv", "thickness_um") if name not in table]:
            raise ValueError(f"the events have no {lacking[0]}: windows are compared at their phi and thickness (--read.phi-mv, --read.thickness-um)")
        windows, bolometers, samples = np.shape(table["power_w"])
        if bolometers != self.detector.bolometers:
            raise ValueError(f"the events are windows of {bolometers} bolometers, and the stream's wafer has {self.detector.bolometers}")
        phi_mv = np.asarray(table["phi_mv"], float)
        thickness_um = np.asarray(table["thickness_um"], float)
        conditions, group = np.unique(np.stack([np.round(phi_mv / LIKE_MV), thickness_um]), axis=1, return_inverse=True)
        power, first = np.empty((windows, bolometers, samples), np.float32), int(PIECES_FROM_S * exact_rate(self.rate_hz))
        for number, thickness in enumerate(conditions[1].tolist()):
            its = np.flatnonzero(group.ravel() == number)
            like = replace(self, sun=Sun(phi_mv=float(phi_mv[its].mean())), thickness_um=thickness, wafers=1)
            like.ready(first, first + len(its) * samples)
            # each group draws from a seed of its own
            data = like.make(int(rng(seed, "pieces", number).integers(2**62)), first, first + len(its) * samples, truth=False).values
            power[its] = data.reshape(bolometers, len(its), samples).swapaxes(0, 1)
        return {"phi_mv": phi_mv.astype(np.float32), "thickness_um": thickness_um.astype(np.float32), "power_w": power}

    @staticmethod
    def _told(hits: Iterator[Drawn], told: list[Table] | None) -> Iterator[Starts | Tabled]:
        """What goes to the filters; what is told of the hits is added to the list, if there is one."""
        for drawn in hits:
            if told is not None:
                told.append(drawn.truth)
            yield drawn.pulses

    def _data(self, spans: range, pulses: Iterator[Starts | Tabled], first: int, stop: int, seed: int) -> NDArray[np.float32]:
        """Kept samples from the hits of blocks of time, (bolometers, samples)."""
        end = (stop - 1) * self.detector.decimation + reach(self.detector.decimation) + 1
        state = start_chain(self.detector, spans.start * SPAN_SAMPLES)
        values, place = np.empty((self.detector.bolometers, stop - first), np.float32), 0
        # kept samples that are complete before the first one wanted
        early = first - -(-(spans.start * SPAN_SAMPLES - reach(self.detector.decimation)) // self.detector.decimation)
        for span, hits in zip(spans, pulses, strict=True):
            state, data = advance(state, hits, min(SPAN_SAMPLES, end - span * SPAN_SAMPLES), self.detector)
            skipped = min(early, data.shape[1])
            early -= skipped
            values[:, place : place + data.shape[1] - skipped] = data[:, skipped:]
            place += data.shape[1] - skipped
        if self.noise_w:
            values += self._noise(seed, first, stop)
        return values

    def figures(self, recorded: Recorded, seed: int) -> tuple[dict[str, str | int | float], dict[str, Figure]]:
        """As the protocol says."""
        from cloudchamber.studies.bolometer.streams.figures import stream_page

        return stream_page(self, recorded, seed)

    def _noise(self, seed: int, first: int, stop: int) -> Array:
        """Of kept samples, (bolometers, samples): each block of them has random numbers of its own."""
        blocks = range(first // SPAN_SAMPLES, (stop - 1) // SPAN_SAMPLES + 1)
        drawn = [rng(seed, "noise", block).standard_normal((self.detector.bolometers, SPAN_SAMPLES), np.float32) for block in blocks]
        start = first - blocks.start * SPAN_SAMPLES
        return np.float32(self.noise_w) * np.concatenate(drawn, axis=1)[:, start : start + stop - first]

    def _spans(self, first: int, stop: int) -> range:
        """The blocks of time that some kept samples need."""
        detector = self.detector
        burn = int(np.ceil(FORGOTTEN_CONSTANTS * max(detector.time_constants_s) * detector.rate_hz)) + reach(detector.decimation)
        return range((first * detector.decimation - burn) // SPAN_SAMPLES, ((stop - 1) * detector.decimation + reach(detector.decimation)) // SPAN_SAMPLES + 1)


@dataclass(frozen=True)
class _LearnedStream(WaferStream):
    """Its settings are those of the stream; whoever made it knows the model."""

    model: Any = None

    @cached_property
    def _source(self) -> Learned:
        return Learned.of(self.model)

    @property
    def source(self) -> Source:
        """The model."""
        return self._source

    def ready(self, first: int, stop: int) -> tuple[str, ...]:
        """Also ValueError for conditions beyond the trained domain."""
        remarks = super().ready(first, stop)
        spans = self._spans(first, stop)
        phi = self.phi_mv(np.linspace(spans.start, spans.stop, 1000))
        self._source.refuse(phi, self.thickness_um, made_families(self), self.detector.bolometers)
        return remarks


def _of_wafer(seed: int, wafer: int) -> int:
    """A wafer draws from a seed of its own: the first one has the numbers that a single one has."""
    return int(rng(seed, "wafer", wafer).integers(2**62)) if wafer else seed


def _between(drawn: list[Drawn], start_s: float, stop_s: float) -> Drawn:
    starts = Starts(*(np.concatenate(parts) for parts in zip(*(each.starts for each in drawn), strict=True)))
    inside = (starts.time_s >= start_s) & (starts.time_s < stop_s)
    hits = Hits(*(np.concatenate(parts)[inside] for parts in zip(*(each.hits for each in drawn), strict=True)))
    return Drawn(Starts(*(values[inside] for values in starts)), hits)


def _earlier(starts: Iterator[Starts], spans: range, seconds: float, late_s: float) -> Iterator[Starts]:
    """Hits of blocks of time that come ``late_s`` earlier, sorted into the blocks that they fall into then; one block more goes in than comes out."""
    left = next(starts)
    for span, following in zip(spans, starts, strict=True):
        both = Starts(*(np.concatenate(pair) for pair in zip(left, following, strict=True)))
        time_s = both.time_s - late_s
        inside = (time_s >= span * seconds) & (time_s < (span + 1) * seconds)
        yield Starts(time_s[inside], both.amplitude_w[inside], both.delay_s[inside])
        left = following
