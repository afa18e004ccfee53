"""The array of crystals: n x n boxes side by side, their front faces at z = 0, the beam along +z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cloudchamber.studies.calorimeter.materials import MATERIALS, Material


@dataclass(frozen=True)
class Crystals:
    """``n`` x ``n`` crystals, ``pitch_mm`` from centre to centre with vacuum gaps of ``gap_mm`` between them, ``length_mm`` deep, read out in ``layers``
    of equal depth. The array's centre is at x = y = 0.

    A cell's index is (layer * n + row) * n + column, with columns along +x, rows along +y and layers along +z.
    """

    n: int = 5
    pitch_mm: float = 60.0
    length_mm: float = 300.0
    gap_mm: float = 0.0
    material: str = "CsI"
    layers: int = 1

    def __post_init__(self) -> None:
        for name, highest in (("n", 101), ("layers", 200)):
            value = getattr(self, name)
            if value != int(value) or not 1 <= value <= highest:
                raise ValueError(f"{name}: {value} is not a whole number in the allowed [1, {highest}]")
        for name, longest in (("pitch_mm", 1000.0), ("length_mm", 5000.0)):
            if not 1 <= getattr(self, name) <= longest:
                raise ValueError(f"{name}: {getattr(self, name)} is outside the allowed [1, {longest:g}] mm")
        if not 0 <= self.gap_mm <= 0.5 * self.pitch_mm:
            raise ValueError(f"gap_mm: {self.gap_mm} is outside the allowed [0, {0.5 * self.pitch_mm:g}] mm, half the pitch")
        if self.material not in MATERIALS:
            raise ValueError(f"material: '{self.material}' is unknown; allowed: {', '.join(MATERIALS)}")

    @property
    def cells(self) -> int:
        """Crystals times layers."""
        return self.layers * self.n * self.n

    @property
    def half_width_mm(self) -> float:
        """Half the width of the front face."""
        return 0.5 * self.n * self.pitch_mm

    @property
    def medium(self) -> Material:
        """The crystals' material."""
        return MATERIALS[self.material]

    def centres_mm(self) -> np.ndarray:
        """The cells' centres, (cells, 3)."""
        across = (np.arange(self.n) - 0.5 * (self.n - 1)) * self.pitch_mm
        depth = (np.arange(self.layers) + 0.5) * self.length_mm / self.layers
        z, y, x = np.meshgrid(depth, across, across, indexing="ij")
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
