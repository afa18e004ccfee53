"""The beam: which particles, energies, impact points and directions a simulator draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cloudchamber.schema import Schema, Table, check_table
from cloudchamber.studies.calorimeter.columns import HIGHEST_ENERGY_MEV, POLAR_LIMIT_DEG
from cloudchamber.studies.calorimeter.geometry import Crystals


@dataclass(frozen=True)
class Beam:
    """Particles with equal chance, isotropic in direction up to ``polar_max_deg``.

    ``energy_mev``: the range of a log-uniform kinetic energy; ``energies_mev``: fixed beam energies, with equal chance, in its place. ``impact``: "central"
    (uniform over the central crystal, for even n over a pitch about the centre), "array" (uniform over the front face) or "centre" (the very centre).
    """

    particles: tuple[str, ...] = ("e-", "gamma")
    energy_mev: tuple[float, float] = (200.0, 5000.0)
    energies_mev: tuple[float, ...] = ()
    impact: Literal["central", "centre", "array"] = "central"
    polar_max_deg: float = 20.0

    def __post_init__(self) -> None:
        if not self.particles:
            raise ValueError("particles: name at least one, such as 'e-'")
        if len(self.energy_mev) != 2 or not 0 < self.energy_mev[0] <= self.energy_mev[1] < np.inf:
            raise ValueError(f"energy_mev: {self.energy_mev} must be a lowest and a highest energy above 0 MeV")
        if any(not 0 < energy < np.inf for energy in self.energies_mev):
            raise ValueError(f"energies_mev: {self.energies_mev} must be above 0 MeV")
        if self.impact not in ("central", "centre", "array"):
            raise ValueError(f"impact: '{self.impact}' is unknown; allowed: central, centre, array")
        if not 0 <= self.polar_max_deg <= POLAR_LIMIT_DEG:
            raise ValueError(f"polar_max_deg: {self.polar_max_deg} is outside the allowed [0, {POLAR_LIMIT_DEG}] deg")

    def check(self, allowed: tuple[str, ...], lowest_energy_mev: float, hint: str = "") -> None:
        """ValueError for particles or energies that a simulator of these cannot make; ``hint`` says how it would."""
        unknown = [name for name in self.particles if name not in allowed]
        if unknown:
            raise ValueError(f"particles: '{unknown[0]}' is not among {', '.join(allowed)}{hint}")
        for energy in (*self.energy_mev, *self.energies_mev):
            if not lowest_energy_mev <= energy <= HIGHEST_ENERGY_MEV:
                allowed_mev = f"[{lowest_energy_mev:g}, {HIGHEST_ENERGY_MEV:g}] MeV"
                raise ValueError(f"energy_mev, energies_mev: {energy:g} is outside the allowed {allowed_mev} of this simulator")

    def draw(self, n: int, crystals: Crystals, schema: Schema, rng: np.random.Generator) -> Table:
        """``n`` events' theta."""
        codes = schema.theta["particle"].codes("particle", np.array(self.particles))
        half = {"central": 0.5 * crystals.pitch_mm, "centre": 0.0, "array": crystals.half_width_mm}[self.impact]
        low, high = np.log(self.energy_mev)
        table = {
            "particle": codes[rng.integers(len(codes), size=n)],
            "energy_mev": rng.choice(self.energies_mev, n) if self.energies_mev else np.exp(rng.uniform(low, high, n)),
            "impact_x_mm": rng.uniform(-half, half, n),
            "impact_y_mm": rng.uniform(-half, half, n),
            "polar_deg": np.degrees(np.arccos(rng.uniform(np.cos(np.radians(self.polar_max_deg)), 1.0, n))),
            "azimuth_deg": rng.uniform(-180.0, 180.0, n),
        }
        return check_table(table, schema.theta)
