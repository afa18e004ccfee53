"""Windows of data: what a generator of fixed windows learns from, and what a stream is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Ragged, Schema, Table, check_table
from cloudchamber.studies.bolometer.columns import windows_schema
from cloudchamber.studies.bolometer.detector import Detector, FamilyName
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.signal.chain import advance, burn_samples, samples_for, start_chain
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.views.settings import SIMULATED, Conditions, check_noise, made_families
from cloudchamber.studies.bolometer.wafer.hits import Arrivals, draw_arrivals
from cloudchamber.study import simulable

Array = NDArray[Any]

MOST_SAMPLES = 1_000_000
CHUNK_SAMPLES = 16_384


@dataclass(frozen=True)
class WindowsView:
    """Windows of ``samples`` samples of all bolometers, in balance from the first one on. ``families``: which hits to make, all where none is named.

    ``noise_w``: standard deviation of white noise that is added to each sample.
    """

    rays: CosmicRays = CosmicRays()
    detector: Detector = Detector()
    conditions: Conditions = Conditions()
    families: tuple[FamilyName, ...] = ()
    samples: int = 1060
    noise_w: float = 0.0

    def __post_init__(self) -> None:
        made_families(self)
        check_noise(self.noise_w)
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise ValueError(f"samples: {self.samples} is outside the allowed [1, {MOST_SAMPLES}]")

    @property
    def schema(self) -> Schema:
        """Theta and x of a window."""
        return windows_schema(self.detector.bolometers, self.samples)

    def ready(self) -> None:
        """ValueError for a table of fluxes or sunspots that is none."""
        self.rays.tabulated()
        self.conditions.ready(self.rays)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta."""
        return check_table(self.conditions.draw(n, self.rays, rng), self.schema.theta)

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that cannot be simulated."""
        return simulable(theta, self.schema.theta, SIMULATED)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """One window for each event of ``theta``; ValueError for a bad column."""
        theta = self.check(theta)
        windows = [self.window(float(phi), float(thickness), rng) for phi, thickness in zip(theta["phi_mv"], theta["thickness_um"], strict=True)]
        power = np.array([data for data, _ in windows], np.float32).reshape(-1, self.detector.bolometers, self.samples)
        seen = [(arrivals, arrivals.time_s >= 0) for _, arrivals in windows]
        offsets = np.cumsum([0, *(int(part.sum()) for _, part in seen)])

        def joined(parts: list[Array], dtype: str) -> Ragged:
            return Ragged(np.concatenate([np.empty(0, dtype), *parts]).astype(dtype), offsets)

        x = {
            "power_w": power,
            "hit_time_s": joined([arrivals.time_s[part] for arrivals, part in seen], "float32"),
            "hit_deposit_kev": joined([arrivals.hits.deposit_kev[part] for arrivals, part in seen], "float32"),
            "hit_family": joined([arrivals.hits.family[part] for arrivals, part in seen], "int64"),
            "hit_bolometer": joined([arrivals.hits.bolometer[part] for arrivals, part in seen], "int64"),
        }
        return check_table(x, self.schema.x)

    def window(self, phi_mv: float, thickness_um: float, rng: np.random.Generator) -> tuple[Array, Arrivals]:
        """Data in W, (bolometers, samples), and the hits that made them, those before the window among them."""
        detector = self.detector
        first, until = -burn_samples(detector), samples_for(self.samples, detector)
        start = first / detector.rate_hz
        arrivals = draw_arrivals(detector, self.rays, phi_mv, thickness_um, start, until / detector.rate_hz - start, made_families(self), rng)
        hits = Starts(arrivals.time_s, arrivals.pulses.amplitude_w, arrivals.pulses.delay_s)
        state, parts, nothing = start_chain(detector, first), [], Starts(*(values[:0] for values in hits))
        for sample in range(first, until, CHUNK_SAMPLES):
            state, part = advance(state, hits if sample == first else nothing, min(CHUNK_SAMPLES, until - sample), detector)
            parts.append(part)
        power = np.concatenate(parts, axis=1)
        power = power[:, power.shape[1] - self.samples :]
        return power + self.noise_w * rng.standard_normal(power.shape) if self.noise_w else power, arrivals
