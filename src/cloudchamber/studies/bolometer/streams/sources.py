"""Where a stream's hits come from: the simulator, or a trained model of the marks. Both draw the hits of a block of time, a block from its own numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cloudchamber.rng import rng
from cloudchamber.schema import Column, Table, check_table
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.signal.filters import Starts, Tabled
from cloudchamber.studies.bolometer.wafer.hits import Hits, delays_s, draw_arrivals, draw_times, make_pulses

if TYPE_CHECKING:
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.studies.bolometer.marks.tables import HitTables

Array = NDArray[Any]

TRUTH = {
    "time_s": Column(dtype="float64", unit="s", doc="time of the hit since 2000-01-01 UTC", low=0.0),
    "family": Column(doc="where it hits", categories=FAMILIES),
    "x_mm": Column(unit="mm", doc="place of the hit, from the wafer's centre along rows"),
    "y_mm": Column(unit="mm", doc="place of the hit, from the wafer's centre along columns"),
    "bolometer": Column(doc="index of the bolometer that is hit, -1 for the wafer", dtype="int64", low=-1),
    "deposit_kev": Column(unit="keV", doc="energy that it leaves", low=0.0),
    "height_w": Column(unit="W", doc="height of its pulse in the bolometer that sees most of it", low=0.0),
}
"""What is told of each hit of a stream."""


class Span(NamedTuple):
    """A block of time: its number, from when on, how long, the Sun's phi meanwhile, and hits a second of each of the detector's families at this phi."""

    number: int
    start_s: float
    duration_s: float
    phi_mv: float
    rates_per_s: Array


class Drawn(NamedTuple):
    """Hits in order of time: on their way to the filters, and what was hit."""

    pulses: Starts | Tabled
    hits: Hits

    @property
    def starts(self) -> Starts:
        """Pulses, each exponential by itself."""
        return self.pulses.starts

    @property
    def truth(self) -> Table:
        """What is told of them, the columns ``TRUTH``."""
        named = {name: getattr(self.hits, name) for name in ("family", "x_mm", "y_mm", "bolometer", "deposit_kev")}
        height = self.pulses.height_w.max(axis=1, initial=0.0)
        return check_table({"time_s": self.pulses.time_s, **named, "height_w": height}, TRUTH)


class Source(Protocol):
    """Draws hits of a detector on a wafer of ``thickness_um``, of the named families."""

    def draw(self, detector: Detector, rays: CosmicRays, thickness_um: float, families: tuple[str, ...], span: Span, seed: int) -> Drawn:
        """The hits of a block of time: the same for the same seed, whatever else was drawn."""
        ...


@dataclass(frozen=True)
class Simulated:
    """The built-in Monte Carlo."""

    def draw(self, detector: Detector, rays: CosmicRays, thickness_um: float, families: tuple[str, ...], span: Span, seed: int) -> Drawn:
        """As the protocol says."""
        random = rng(seed, "stream", span.number)
        found = draw_arrivals(detector, rays, span.phi_mv, thickness_um, span.start_s, span.duration_s, families, random)
        return Drawn(Starts(found.time_s, found.pulses.amplitude_w, found.pulses.delay_s), found.hits)


class Learned:
    """A model that draws a hit's place, deposit and heights given its family and the conditions; times are those of a Poisson process at the flux's rate.

    Where and of what family a hit is says when its exponentials begin, and their shares in its height (unless the model draws ``weight`` too).
    """

    needed = ("deposit_kev", "x_mm", "y_mm", "amplitude_w")
    conditions = ("phi_mv", "thickness_um", "family")

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        if missing := [name for name in self.needed if name not in model.target]:
            raise ValueError(f"'{model.study}/{model.name}' draws no {missing[0]}: a stream needs {', '.join(self.needed)} of each hit")
        if strange := [name for name in model.given if name not in self.conditions]:
            raise ValueError(f"'{model.study}/{model.name}' is given {strange[0]}, which a stream does not know; it knows {', '.join(self.conditions)}")

    def refuse(self, phi_mv: Array, thickness_um: float, families: tuple[str, ...], bolometers: int) -> None:
        """ValueError for conditions that the model was not trained at, or another number of bolometers."""
        if (trained := self.model.target_columns["amplitude_w"].shape) != (bolometers,):
            raise ValueError(f"'{self.model.study}/{self.model.name}' learned {trained[0]} bolometers, and the stream's detector has {bolometers}")
        for family in families:
            self.model.checked(self._given(np.asarray(phi_mv, float), thickness_um, np.full(len(phi_mv), FAMILIES.index(family))), "refuse")

    def draw(self, detector: Detector, rays: CosmicRays, thickness_um: float, families: tuple[str, ...], span: Span, seed: int) -> Drawn:
        """As the protocol says."""
        random = rng(seed, "stream", span.number)
        rates = np.where(np.isin(detector.family_names, families), span.rates_per_s, 0.0)
        time_s, place = draw_times(rates, span.duration_s, random)
        family = np.array([FAMILIES.index(name) for name in detector.family_names])[place]
        n = len(time_s)
        if n == 0:
            none = np.empty((0, detector.bolometers, len(detector.time_constants_s)))
            return Drawn(Starts(time_s, none, none), Hits(family, *(np.empty(0, int) for _ in Hits._fields[1:])))
        drawn = self.model.sample(self._given(np.full(n, span.phi_mv), thickness_um, family), int(random.integers(2**62)), outside="answer")
        x_mm, y_mm = (np.clip(np.asarray(drawn[name], float), -0.5 * detector.wafer.side_mm, 0.5 * detector.wafer.side_mm) for name in ("x_mm", "y_mm"))
        distance = np.hypot(*(place[:, None] - each for place, each in zip((x_mm, y_mm), detector.wafer.places_mm.T, strict=True)))
        bolometer = np.where(family == FAMILIES.index("wafer"), -1, distance.argmin(axis=1))
        nothing = np.zeros(n)
        thickness = np.full(n, thickness_um)
        hits = Hits(family, thickness, np.zeros(n, int), nothing, x_mm, y_mm, bolometer, nothing, np.asarray(drawn["deposit_kev"], float))
        height = np.maximum(np.asarray(drawn["amplitude_w"], float), 0.0)
        weight = np.asarray(drawn["weight"], float) if "weight" in drawn else _weights(detector, hits)
        return Drawn(Starts(span.start_s + time_s, height[:, :, None] * weight, delays_s(detector, hits)), hits)

    @staticmethod
    def of(model: TrainedModel) -> Learned:
        """The source that a model's hits come from: tables where it can be put into them."""
        from cloudchamber.studies.bolometer.marks.tables import is_tabulated

        return Tabulated(model) if is_tabulated(model) else Learned(model)

    def _given(self, phi_mv: Array, thickness_um: float, family: Array) -> Table:
        table = {"phi_mv": phi_mv, "thickness_um": np.full(len(phi_mv), thickness_um), "family": family}
        return check_table({name: table[name] for name in self.model.given}, self.model.given_columns)


class Tabulated(Learned):
    """A run of the recipe ``events``, drawn from tables of what its networks say."""

    def draw(self, detector: Detector, rays: CosmicRays, thickness_um: float, families: tuple[str, ...], span: Span, seed: int) -> Drawn:
        """As the protocol says."""
        tables = self._tables(detector, thickness_um, families)
        rates = span.rates_per_s[[name in families for name in detector.family_names]]
        found = tables.draw(seed, span.number, span.phi_mv, span.start_s, span.duration_s, rates)
        nothing = np.zeros(len(found.time_s))
        hits = Hits(
            found.family, np.full(len(nothing), thickness_um), nothing.astype(int), nothing, found.x_mm, found.y_mm, found.bolometer, nothing, found.deposit_kev
        )
        return Drawn(found.pulses, hits)

    @cached_property
    def _tables(self) -> Callable[[Detector, float, tuple[str, ...]], HitTables]:
        from cloudchamber.studies.bolometer.marks.tables import tabulate

        return cache(partial(tabulate, self.model))


def _weights(detector: Detector, hits: Hits) -> Array:
    """Share of each exponential in a hit's height, (hits, bolometers, constants): what a unit of energy makes without scatter."""
    unit = hits._replace(deposit_kev=np.ones(len(hits.family)))
    parts = make_pulses(replace(detector, scatter=0.0), unit, rng(0)).amplitude_w
    total = parts.sum(axis=2, keepdims=True)
    return np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
