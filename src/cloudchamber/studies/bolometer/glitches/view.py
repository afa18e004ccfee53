"""The truth candidate by candidate: what a network learns from that judges what the matched filter finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Ragged, Schema, Table, check_table, concatenate, events_in, take
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.glitches.candidates import Truth, candidates, glitch_codes, matched
from cloudchamber.studies.bolometer.glitches.columns import GLITCHES, SCHEMA
from cloudchamber.studies.bolometer.glitches.matched import noise_of, shapes_of
from cloudchamber.studies.bolometer.views.settings import Conditions
from cloudchamber.studies.bolometer.views.windows import WindowsView

Array = NDArray[Any]

MARGIN, AFTER_MARGIN, STRETCH = 2048, 256, 16_384
"""Samples before and after a stretch that the filter sees too, so that the tails of what was before are taken away; and of the stretch itself."""
SHORT = 1024
"""Samples before and after a pulse whose theta is given."""
TRIES = 20
NOISE_HEIGHT, NOISE_SPREAD = 5.0, 0.5
"""Of noise: height in units of the noise, and spread of its logarithm, that are drawn for want of a true one."""


@dataclass(frozen=True)
class GlitchView:
    """Candidates of a matched filter in data of Planck-like bolometers with white noise, whose value is drawn evenly in its logarithm from ``noise_w``.

    5e-17 W puts the break of the long family's heights at 20 times the noise and that of the slow one's at 3 times, as on Planck. ``threshold``: the filter's
    significance from which on a place is a candidate.
    """

    rays: CosmicRays = CosmicRays()
    detector: Detector = PLANCK
    conditions: Conditions = field(default_factory=lambda: Conditions(phi_mv=(250.0, 750.0)))
    noise_w: tuple[float, float] = (2.5e-17, 1e-16)
    threshold: float = 3.5

    def __post_init__(self) -> None:
        shapes_of(self.detector, self.detector.rate_hz)
        if not 0 < self.noise_w[0] <= self.noise_w[1] < 1:
            raise ValueError(f"noise_w: needs 0 < low <= high < 1 W, got {self.noise_w[0]:g} and {self.noise_w[1]:g}")
        check_threshold(self.threshold)

    @property
    def schema(self) -> Schema:
        """Theta and x of a candidate."""
        return SCHEMA

    def ready(self) -> None:
        """ValueError for a table of fluxes or sunspots that is none."""
        self.rays.tabulated()
        self.conditions.ready(self.rays)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Theta of ``n`` candidates."""
        return self.joint(n, rng)[0]

    def joint(self, n: int, rng: np.random.Generator) -> tuple[Table, Table]:
        """``n`` candidates of stretches that are simulated until there are enough."""
        parts = [take(self._empty(), slice(0))]
        while sum(map(events_in, parts)) < n:
            parts.append(self._stretch(rng))
        table = take(concatenate(parts), slice(n))
        return check_table({name: table[name] for name in SCHEMA.theta}, SCHEMA.theta), check_table({name: table[name] for name in SCHEMA.x}, SCHEMA.x)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """One candidate for each event of ``theta``: a pulse in data of its own, drawn again until the filter finds it; of noise what it finds without one.

        A pulse that is not found in ``TRIES`` draws is given as the filter sees it there. ValueError for a bad column.
        """
        theta = check_table(theta, SCHEMA.theta)
        noise = iter(self._false(int(np.sum(theta["glitch"] == 0)), rng))
        rows = [
            next(noise) if glitch == 0 else self._of(GLITCHES[glitch], float(lag), float(height), rng)
            for glitch, lag, height in zip(theta["glitch"], theta["lag_s"], theta["height_w"], strict=True)
        ]
        table = concatenate([take(self._empty(), slice(0)), *rows])
        return check_table({name: table[name] for name in SCHEMA.x}, SCHEMA.x)

    def _stretch(self, rng: np.random.Generator) -> Table:
        """All candidates of a stretch of data, in a drawn order, as neighbours know of one another."""
        data, noise_w, truth = self._data(MARGIN + STRETCH + AFTER_MARGIN, rng)
        found = candidates(data, noise_w, self.detector, self.detector.rate_hz, self.threshold, (MARGIN, MARGIN + STRETCH), truth)
        none = found["glitch"] == 0
        n = len(none)
        blurred = NOISE_HEIGHT * found["noise_w"] * np.exp(NOISE_SPREAD * rng.standard_normal(n))
        found["height_w"] = np.where(none, blurred, found["height_w"])
        found["lag_s"] = np.where(none, -rng.random(n) / self.detector.rate_hz, found["lag_s"])
        return take(found, rng.permutation(n))

    def _data(self, samples: int, rng: np.random.Generator) -> tuple[Array, Array, Truth]:
        """Data with noise in W, the noise that they show, and the hits in them."""
        theta = self.conditions.draw(1, self.rays, rng)
        window = WindowsView(self.rays, self.detector, samples=samples)
        data, arrivals = window.window(float(theta["phi_mv"][0]), float(theta["thickness_um"][0]), rng)
        noise = float(np.exp(rng.uniform(*np.log(self.noise_w))))
        data = data + noise * rng.standard_normal(data.shape)
        mine = np.arange(len(arrivals.time_s)), arrivals.hits.bolometer
        heights = arrivals.pulses.amplitude_w.sum(axis=2)[mine]
        truth = Truth(arrivals.time_s * self.detector.rate_hz, arrivals.hits.bolometer, heights, glitch_codes(arrivals.hits.family))
        return data, noise_of(data), truth.within(0, samples)

    def _false(self, n: int, rng: np.random.Generator) -> list[Table]:
        """``n`` candidates that are noise."""
        found: list[Table] = []
        while len(found) < n:
            stretch = self._stretch(rng)
            found.extend(take(stretch, np.array([event])) for event in np.flatnonzero(stretch["glitch"] == 0))
        return found[:n]

    def _of(self, glitch: str, lag_s: float, height_w: float, rng: np.random.Generator) -> Table:
        """The candidate that a pulse with this lag makes."""
        rate = self.detector.rate_hz
        family = self.detector.families[self.detector.family_names.index(glitch)]
        start = SHORT + lag_s * rate
        after = np.arange(2 * SHORT) - start
        pulse = np.where(after >= 0, np.exp(-np.maximum(after, 0)[:, None] / (rate * np.array(self.detector.time_constants_s))) @ np.array(family.near), 0.0)
        for tried in range(TRIES):
            data, noise_w, truth = self._data(2 * SHORT, rng)
            data[0] += height_w * pulse
            own = Truth(*(np.append(values, more) for values, more in zip(truth, (start, 0, height_w, GLITCHES.index(glitch)), strict=True)))
            last = tried == TRIES - 1
            found = candidates(data, noise_w, self.detector, rate, 0.5 if last else self.threshold, (0, 2 * SHORT), own)
            sample = np.round(found["time_s"] * rate)
            match = matched(sample + found["filter_lag_s"] * rate, found["detector"], own)
            here = (found["detector"] == 0) & (sample == SHORT)
            good = np.flatnonzero(here & (match == len(truth.sample)))
            if len(good):
                return take(found, good[:1])
        nearest = np.argmin(np.abs(sample - SHORT) + 1e6 * (found["detector"] != 0))
        return take(found, np.array([nearest]))

    def _empty(self) -> Table:
        """A table of no candidate."""
        none = {name: np.empty((0, *column.shape)) for name, column in SCHEMA.columns.items() if not column.ragged}
        return none | {name: Ragged(np.empty(0), np.zeros(1, int)) for name in ("missed_height_w", "missed_glitch")}


def check_threshold(threshold: float) -> None:
    """ValueError for one that noise passes everywhere, or no pulse."""
    if not 2 <= threshold <= 1000:
        raise ValueError(f"threshold: {threshold:g} is outside the allowed [2, 1000]")
