"""What both views are told: ranges of the conditions, which families to make, and what they can make at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.studies.bolometer.detector import Detector, FamilyName
from cloudchamber.studies.bolometer.flux.modulation import PHI_MV, CosmicRays

THICKNESS_UM = (10.0, 5000.0)
SIMULATED = {"phi_mv": PHI_MV, "thickness_um": THICKNESS_UM}
"""The ranges of the conditions that can be made."""


@dataclass(frozen=True)
class Conditions:
    """Uniform ranges of theta. The Sun's phi was 290 to 660 MV in 2009-22 (``corti_2019``); the thickness of LiteBIRD's wafers is not public."""

    phi_mv: tuple[float, float] = (200.0, 1000.0)
    thickness_um: tuple[float, float] = (300.0, 700.0)

    def __post_init__(self) -> None:
        for name, (least, most) in SIMULATED.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(f"{name}: needs {least:g} <= low <= high <= {most:g}, got {low:g} and {high:g}")

    def draw(self, n: int, rng: np.random.Generator) -> Table:
        """``n`` events' conditions."""
        return {"phi_mv": rng.uniform(self.phi_mv[0], self.phi_mv[1], n), "thickness_um": rng.uniform(self.thickness_um[0], self.thickness_um[1], n)}


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
