"""What both views are told: ranges of the conditions, which families to make, and what they can make at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.studies.bolometer.detector import Detector, FamilyName
from cloudchamber.studies.bolometer.flux.cycle import SolarCycle
from cloudchamber.studies.bolometer.flux.modulation import PHI_MV, CosmicRays

THICKNESS_UM = (10.0, 5000.0)
SIMULATED = {"phi_mv": PHI_MV, "thickness_um": THICKNESS_UM}
"""The ranges of the conditions that can be made."""


@dataclass(frozen=True)
class Conditions:
    """Uniform ranges of theta. The Sun's phi was 290 to 660 MV in 2009-22 (``corti_2019``); the thickness of LiteBIRD's wafers is not public.

    ``years``: decimal years between which times are drawn, whose phi then takes the place of ``phi_mv``: neutron monitors' for 2009 to 2023, or of
    ``sunspots``, a table with the columns ``year`` and ``sunspot_number`` (``flux.cycle``). ``without_phi_mv`` and ``without_thickness_um``: a part of the
    range that is left out, so that a generator can be asked for what it has never seen.
    """

    phi_mv: tuple[float, float] = (200.0, 1000.0)
    thickness_um: tuple[float, float] = (300.0, 700.0)
    years: tuple[float, float] | None = None
    sunspots: str = ""
    without_phi_mv: tuple[float, float] | None = None
    without_thickness_um: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, (least, most) in SIMULATED.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(f"{name}: needs {least:g} <= low <= high <= {most:g}, got {low:g} and {high:g}")
            without = getattr(self, f"without_{name}")
            if without is not None and not (low <= without[0] <= without[1] <= high and without != (low, high)):
                raise ValueError(f"without_{name}: needs a part of {low:g} to {high:g}, got {without[0]:g} to {without[1]:g}")
        if self.without_phi_mv is not None and self.years is not None:
            raise ValueError("without_phi_mv: years say what phi there is: give phi_mv in their place")
        if self.years is not None and not self.years[0] <= self.years[1]:
            raise ValueError(f"years: the first one must not be after the last one, got {self.years[0]:g} and {self.years[1]:g}")
        if self.sunspots and self.years is None:
            raise ValueError(f"sunspots: '{self.sunspots}' tells phi of times: say which with years")

    def ready(self, rays: CosmicRays) -> None:
        """ValueError for years without a phi, or a table of sunspots that is none."""
        if self.years is not None:
            if rays.table:
                raise ValueError(f"years: phi of the solar cycle belongs to a named spectrum, not to that of the table '{rays.table}': give phi_mv")
            SolarCycle(rays.interstellar, self.sunspots).phi_mv(np.array(self.years))

    def draw(self, n: int, rays: CosmicRays, rng: np.random.Generator) -> Table:
        """``n`` events' conditions; phi is that of the spectrum of ``rays``."""
        self.ready(rays)
        drawn = _uniform(self.years or self.phi_mv, self.without_phi_mv, n, rng)
        phi = drawn if self.years is None else SolarCycle(rays.interstellar, self.sunspots).phi_mv(drawn)
        return {"phi_mv": phi, "thickness_um": _uniform(self.thickness_um, self.without_thickness_um, n, rng)}


def _uniform(within: tuple[float, float], without: tuple[float, float] | None, n: int, rng: np.random.Generator) -> np.ndarray:
    """Of a range without a part of it."""
    first, after = without or (within[1], within[1])
    drawn = rng.uniform(within[0], within[1] - (after - first), n)
    return np.where(drawn < first, drawn, drawn + (after - first))


class View(Protocol):
    """What both views have."""

    @property
    def detector(self) -> Detector: ...
    @property
    def rays(self) -> CosmicRays: ...
    @property
    def families(self) -> tuple[FamilyName, ...]: ...


def made_families(view: View) -> tuple[str, ...]:
    """The families that a view makes: all of the detector, or the chosen ones; ValueError for one that the detector has not."""
    there = view.detector.family_names
    if strange := [name for name in view.families if name not in there]:
        raise ValueError(f"families: '{strange[0]}' is none of this detector's: {', '.join(there)}")
    return tuple(name for name in there if name in view.families) if view.families else there


def check_noise(noise_w: float) -> None:
    """ValueError for a standard deviation of noise that is none."""
    if not 0 <= noise_w < 1:
        raise ValueError(f"noise_w: {noise_w:g} is outside the allowed [0, 1) W")
