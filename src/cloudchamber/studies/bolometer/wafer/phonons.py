"""What of a hit's energy reaches each bolometer, and when: a ballistic part that falls with distance, and a thermal part that spreads over the wafer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Phonons:
    """Ballistic phonons fall with the distance d as exp(-d / ``near_range_mm``) / (1 + (d / ``near_core_mm``)^2) and fly with ``speed_m_s``; thermal ones fall
    as exp(-d / ``far_range_mm``) and diffuse: they peak after d^2 / 4 D, with D = speed thickness / 3, a free path that ends at the wafer's faces.

    The ranges are assumptions; the speed is about that of transverse sound in silicon.
    """

    near_range_mm: float = 20.0
    near_core_mm: float = 15.0
    far_range_mm: float = 150.0
    speed_m_s: float = 5000.0

    def __post_init__(self) -> None:
        for name in ("near_range_mm", "near_core_mm", "far_range_mm"):
            if not 0.01 <= getattr(self, name) <= 1e6:
                raise ValueError(f"{name}: {getattr(self, name):g} is outside the allowed [0.01, 1e+06] mm")
        if not 10 <= self.speed_m_s <= 1e5:
            raise ValueError(f"speed_m_s: {self.speed_m_s:g} is outside the allowed [10, 1e+05] m/s")

    def near(self, distance_mm: Array) -> Array:
        """Share of the ballistic part at a distance, 1 at none."""
        return np.exp(-distance_mm / self.near_range_mm) / (1 + (distance_mm / self.near_core_mm) ** 2)

    def far(self, distance_mm: Array) -> Array:
        """Share of the thermal part at a distance, 1 at none."""
        return np.exp(-distance_mm / self.far_range_mm)

    def near_delay_s(self, distance_mm: Array) -> Array:
        """When the ballistic part arrives."""
        return 1e-3 * distance_mm / self.speed_m_s

    def far_delay_s(self, distance_mm: Array, thickness_um: Array) -> Array:
        """When the thermal part arrives."""
        diffusion_m2_s = self.speed_m_s * 1e-6 * thickness_um / 3
        return (1e-3 * distance_mm) ** 2 / (4 * diffusion_m2_s)


def distances_mm(x_mm: Array, y_mm: Array, places_mm: Array) -> Array:
    """From hits (hits,) to bolometers (bolometers, 2): (hits, bolometers)."""
    return np.hypot(x_mm[:, None] - places_mm[:, 0], y_mm[:, None] - places_mm[:, 1])
