"""A stream of the toy study: the light of decays that come at random, in two tubes that forget slowly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Column, Table, concatenate, take
from cloudchamber.stream import Piece

SPAN, MEMORY = 64, 5
TRUTH = {"time_s": Column(dtype="float64", unit="s", doc="time of the decay"), "light": Column((2,), unit="pe", doc="light in the tubes", low=0.0)}


@dataclass(frozen=True)
class Lights:
    """Each sample's light, and what is left of the five before."""

    light_pe: float = 40.0
    rate_hz: float = 10.0
    note: str = ""
    block_samples: int = 300

    column = Column(unit="pe", doc="light in a tube")
    channels = ("left", "right")
    truth = TRUTH

    def __post_init__(self) -> None:
        if not 0 < self.light_pe < 1e4:
            raise ValueError(f"light_pe: {self.light_pe:g} is outside the allowed (0, 10000) pe")

    @property
    def files(self) -> tuple[Path, ...]:
        """A note that decides nothing, and belongs to the stream all the same."""
        return (Path(self.note),) if self.note else ()

    def ready(self, first: int, stop: int) -> tuple[str, ...]:
        """There are no decays after 2050."""
        if stop / self.rate_hz > 50 * 31_557_600:
            raise ValueError("start: all has decayed by 2050")
        return ("the source is old",) if first / self.rate_hz > 40 * 31_557_600 else ()

    def make(self, seed: int, first: int, stop: int, truth: bool = True) -> Piece:
        """The samples with what they remember."""
        spans = range((first - MEMORY) // SPAN, (stop - 1) // SPAN + 1)
        light = np.concatenate([self._span(seed, span) for span in spans])
        begin = first - spans.start * SPAN
        values = sum(0.5**age * light[begin - age : begin - age + stop - first] for age in range(MEMORY + 1))
        piece = np.asarray(values, np.float32).T.copy()
        if not truth:
            return Piece(piece, {})
        told = [self._told(self._span(seed, span), span) for span in spans]
        seen = concatenate(told)
        return Piece(piece, take(seen, (seen["time_s"] >= first / self.rate_hz) & (seen["time_s"] < stop / self.rate_hz)))

    def _span(self, seed: int, span: int) -> np.ndarray:
        random = rng(seed, "stream", span)
        return self.light_pe * random.exponential(1.0, (SPAN, 2)) * (random.random((SPAN, 1)) < 0.1)

    def _told(self, light: np.ndarray, span: int) -> Table:
        came = light[:, 0] > 0
        return {"time_s": (span * SPAN + np.flatnonzero(came)) / self.rate_hz, "light": light[came].astype(np.float32)}
