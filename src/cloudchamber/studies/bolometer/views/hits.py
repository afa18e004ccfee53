"""The truth hit by hit: what a generator of hits learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudchamber.schema import Schema, Table, check_table
from cloudchamber.studies.bolometer.columns import FAMILIES, hits_schema
from cloudchamber.studies.bolometer.detector import Detector, FamilyName
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.views.settings import SIMULATED, Conditions, made_families
from cloudchamber.studies.bolometer.wafer.hits import draw_hits, make_pulses, rates_per_s
from cloudchamber.study import simulable


@dataclass(frozen=True)
class HitsView:
    """Single hits of cosmic rays on a wafer of bolometers.

    ``families``: which to make, all of the detector's where none is named. The prior draws them as often as they come, or with ``shares``, one for each.
    """

    rays: CosmicRays = CosmicRays()
    detector: Detector = Detector()
    conditions: Conditions = Conditions()
    families: tuple[FamilyName, ...] = ()
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        made = made_families(self)
        if self.shares and (len(self.shares) != len(made) or min(self.shares) < 0 or sum(self.shares) <= 0):
            raise ValueError(f"shares: needs {len(made)} numbers that are not negative, for {', '.join(made)}, got {self.shares}")

    @property
    def schema(self) -> Schema:
        """Theta and x of a hit."""
        return hits_schema(self.detector.bolometers, len(self.detector.time_constants_s))

    def ready(self) -> None:
        """ValueError for a table of fluxes or sunspots that is none."""
        self.rays.tabulated()
        self.conditions.ready(self.rays)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta."""
        theta = self.conditions.draw(n, self.rays, rng)
        made = made_families(self)
        if self.shares:
            weight = np.repeat(np.array(self.shares)[:, None], n, axis=1)
        else:
            place = [self.detector.family_names.index(name) for name in made]
            weight = rates_per_s(self.detector, self.rays, theta["phi_mv"])[place]
        share = np.cumsum(weight, axis=0)
        chosen = (rng.random(n) * share[-1] >= share).sum(axis=0).clip(max=len(made) - 1)
        codes = np.array([FAMILIES.index(name) for name in made])
        return check_table(theta | {"family": codes[chosen]}, self.schema.theta)

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that cannot be simulated."""
        return simulable(theta, self.schema.theta, SIMULATED, {"family": made_families(self)})

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """One hit for each event of ``theta``; ValueError for a bad column."""
        theta = self.check(theta)
        phi = np.asarray(theta["phi_mv"], float)
        hits = draw_hits(self.detector, self.rays.tabulated(), phi, np.asarray(theta["thickness_um"], float), theta["family"], rng)
        parts = make_pulses(self.detector, hits, rng).amplitude_w
        amplitude = parts.sum(axis=2)
        weight = np.divide(parts, amplitude[:, :, None], out=np.zeros_like(parts), where=amplitude[:, :, None] > 0)
        made = [name in made_families(self) for name in self.detector.family_names]
        rate = rates_per_s(self.detector, self.rays, phi)[made].sum(axis=0)
        x = {name: getattr(hits, name) for name in ("species", "energy_gev", "x_mm", "y_mm", "bolometer", "deposit_kev")}
        x |= {"waiting_time_s": rng.exponential(1.0, len(phi)) / rate, "amplitude_w": amplitude, "weight": np.minimum(weight, 1.0)}
        return check_table(x, self.schema.x)
