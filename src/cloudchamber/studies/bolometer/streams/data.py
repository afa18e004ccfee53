"""The stream of a wafer's data: hits of blocks of time, one after the other, through the filters.

A block of time is ``SPAN_SAMPLES`` samples of the full rate; its hits come from its own random numbers and the phi of its middle. Filters begin at zero so many
time constants before the first sample that nothing of the beginning is left in any bit of single precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.rng import rng
from cloudchamber.schema import Column, Table, concatenate, take
from cloudchamber.stream import Piece, Recorded, year_of
from cloudchamber.studies.bolometer.detector import Detector, FamilyName
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.signal.chain import advance, start_chain
from cloudchamber.studies.bolometer.signal.decimation import reach
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.streams.sources import TRUTH, Drawn, Learned, Simulated, Source, Span
from cloudchamber.studies.bolometer.streams.sun import Sun
from cloudchamber.studies.bolometer.views.settings import THICKNESS_UM, check_noise, made_families
from cloudchamber.studies.bolometer.wafer.hits import Hits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.trained import TrainedModel

Array = NDArray[Any]

SPAN_SAMPLES = 2048
SPANS = 64
"""Blocks of time in a block of work: the start of one costs a few blocks of time more."""
FORGOTTEN_CONSTANTS = 150.0
"""A pulse falls below the least number of single precision after 70 time constants; 80 more leave no difference in the sums of double precision that younger
pulses stand in, exp(-80) being 1e-35."""


@dataclass(frozen=True)
class WaferStream:
    """What cosmic rays leave in the bolometers of one wafer of ``thickness_um``, while the Sun changes. ``families``: which hits, all where none is named.

    ``noise_w``: standard deviation of white noise that is added to each sample.
    """

    rays: CosmicRays = CosmicRays()
    sun: Sun = Sun()
    detector: Detector = Detector()
    families: tuple[FamilyName, ...] = ()
    thickness_um: float = 500.0
    noise_w: float = 0.0

    def __post_init__(self) -> None:
        made_families(self)
        check_noise(self.noise_w)
        if not THICKNESS_UM[0] <= self.thickness_um <= THICKNESS_UM[1]:
            raise ValueError(f"thickness_um: {self.thickness_um:g} is outside the allowed [{THICKNESS_UM[0]:g}, {THICKNESS_UM[1]:g}] um")

    @property
    def column(self) -> Column:
        """A bolometer's sample."""
        return Column(unit="W", doc="power of cosmic rays")

    @property
    def channels(self) -> tuple[str, ...]:
        """The bolometers, row by row."""
        return tuple(f"bolometer_{number:0{len(str(self.detector.bolometers - 1))}d}" for number in range(self.detector.bolometers))

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
        """Of each hit."""
        return TRUTH

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
        return (f"phi is {low:.0f} to {high:.0f} MV {self.sun.words(end)}",) if self.sun.forecasts(end) else ()

    def phi_mv(self, span: Array) -> Array:
        """phi in the middle of blocks of time, in MV."""
        return self.sun.phi_at(year_of((np.asarray(span) + 0.5) * SPAN_SAMPLES / self.detector.rate_hz), self.rays)

    def hits(self, seed: int, spans: range) -> Iterator[Drawn]:
        """The hits of blocks of time, one after the other."""
        rate, families, source = self.detector.rate_hz, made_families(self), self.source
        for span, phi_mv in zip(spans, self.phi_mv(np.array(spans)).tolist(), strict=True):
            block = Span(span, span * SPAN_SAMPLES / rate, SPAN_SAMPLES / rate, phi_mv)
            yield source.draw(self.detector, self.rays, self.thickness_um, families, block, seed)

    def hits_between(self, seed: int, first: int, stop: int) -> Drawn:
        """The hits of the time of some kept samples."""
        spans = range(first * self.detector.decimation // SPAN_SAMPLES, (stop * self.detector.decimation - 1) // SPAN_SAMPLES + 1)
        return _between(list(self.hits(seed, spans)), first / self.rate_hz, stop / self.rate_hz)

    def make(self, seed: int, first: int, stop: int, truth: bool = True) -> Piece:
        """As the protocol says."""
        spans, end = self._spans(first, stop), (stop - 1) * self.detector.decimation + reach(self.detector.decimation) + 1
        state = start_chain(self.detector, spans.start * SPAN_SAMPLES)
        values, place, told = np.empty((self.detector.bolometers, stop - first), np.float32), 0, list[Table]()
        # kept samples that are complete before the first one wanted
        early = first - -(-(spans.start * SPAN_SAMPLES - reach(self.detector.decimation)) // self.detector.decimation)
        for span, drawn in zip(spans, self.hits(seed, spans), strict=True):
            state, data = advance(state, drawn.starts, min(SPAN_SAMPLES, end - span * SPAN_SAMPLES), self.detector)
            skipped = min(early, data.shape[1])
            early -= skipped
            values[:, place : place + data.shape[1] - skipped] = data[:, skipped:]
            place += data.shape[1] - skipped
            if truth:
                told.append(drawn.truth)
        if self.noise_w:
            values += self._noise(seed, first, stop)
        if not truth:
            return Piece(values, {})
        seen = concatenate(told)
        return Piece(values, take(seen, (seen["time_s"] >= first / self.rate_hz) & (seen["time_s"] < stop / self.rate_hz)))

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


def _between(drawn: list[Drawn], start_s: float, stop_s: float) -> Drawn:
    starts = Starts(*(np.concatenate(parts) for parts in zip(*(each.starts for each in drawn), strict=True)))
    inside = (starts.time_s >= start_s) & (starts.time_s < stop_s)
    hits = Hits(*(np.concatenate(parts)[inside] for parts in zip(*(each.hits for each in drawn), strict=True)))
    return Drawn(Starts(*(values[inside] for values in starts)), hits)
