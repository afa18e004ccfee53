"""The two-layer scintillation detector of a station and its electronics: one place for the numbers that the simulator and the reconstruction share.

References: T. Abu-Zayyad et al. (Telescope Array), NIM A 689 (2012) 87, sections 2 and 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cloudchamber.studies.surface_array.columns import BINS, STEP_NS


@dataclass(frozen=True)
class Detector:
    """A station: two layers of plastic scintillator, one above the other, each with a 12-bit FADC of 50 MHz. 1 VEM is what a vertical muon leaves in a layer.

    A layer's signal in VEM is the area of its record, the sum of samples above the pedestal, over ``counts_per_vem``; its density in VEM/m2 is that over
    ``area_m2``. Light of one particle has the shape exp(-t / ``fall_ns``) - exp(-t / ``rise_ns``). Both trigger levels compare the area in a sliding window of
    ``window_samples`` with a threshold, in both layers at once: from ``level0_mip`` on a station keeps a record, which starts ``pre_samples`` before the last
    sample of the first such window; from ``level1_mip`` on it tells the array's trigger.
    """

    area_m2: float = 3.0
    step_ns: float = STEP_NS
    bins: int = BINS
    pre_samples: int = 24
    counts_per_vem: float = 50.0
    pedestal_counts: float = 5.5
    noise_counts: float = 0.8
    saturation_counts: int = 4095
    rise_ns: float = 8.0
    fall_ns: float = 45.0
    photoelectrons_per_vem: float = 20.0
    gain_spread: float = 0.07
    window_samples: int = 16
    level0_mip: float = 0.3
    level1_mip: float = 3.0

    def __post_init__(self) -> None:
        for name in ("area_m2", "step_ns", "bins", "counts_per_vem", "saturation_counts", "rise_ns", "photoelectrons_per_vem", "window_samples"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: {getattr(self, name)} must be above 0")
        for name in ("pedestal_counts", "noise_counts", "gain_spread", "level0_mip", "level1_mip"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: {getattr(self, name)} must not be negative")
        if not self.rise_ns < self.fall_ns < math.inf:
            raise ValueError(f"fall_ns: {self.fall_ns} must be above rise_ns, {self.rise_ns}")
        if not self.window_samples <= self.pre_samples < self.bins:
            raise ValueError(f"pre_samples: {self.pre_samples} is outside the allowed [{self.window_samples}, {self.bins}), window_samples to bins")

    @property
    def counts_per_vem_peak(self) -> float:
        """Counts that one VEM adds at height 1 of exp(-t / fall) - exp(-t / rise): its area is ``counts_per_vem`` on average over the sampling phase."""
        return self.counts_per_vem * self.step_ns / (self.fall_ns - self.rise_ns)
