"""The settings of a detector: wafer, families of hits, exponentials, sensor and sampling; a LiteBIRD-like one and a Planck-like one.

What is public of both detectors is marked with its source. The rest are assumptions of this study, to be set by whoever knows better: wafer, time constants and
noise of LiteBIRD's own simulation, and the time constants of Planck's families, were not to be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.wafer.geometry import Wafer
from cloudchamber.studies.bolometer.wafer.phonons import Phonons

Array = NDArray[Any]
FamilyName = Literal["wafer", "absorber", "long", "short", "slow"]


def _within(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: {value:g} is outside the allowed [{low:g}, {high:g}] {unit}".rstrip())


@dataclass(frozen=True)
class Family:
    """Hits of one kind. ``wafer`` hits lie anywhere on it, all others on one bolometer's own piece of ``area_mm2`` and ``thickness_um``.

    Deposits are Landau's in that thickness of silicon (``index`` 0), or follow a measured broken power law: dN/dE of slope -``index`` above ``break_kev``,
    -``index_below`` below, between ``low_kev`` and ``high_kev``. ``near_w_per_kev`` is the height of the pulse where the hit is, ``far_w_per_kev`` that of
    what spreads over the wafer; ``near`` and ``far`` are the shares of the detector's exponentials in each. Zero area: there are none.
    """

    name: FamilyName
    near: tuple[float, ...]
    far: tuple[float, ...]
    near_w_per_kev: float
    far_w_per_kev: float = 0.0
    area_mm2: float = 0.0
    thickness_um: float = 1.0
    index: float = 0.0
    index_below: float = 0.0
    low_kev: float = 1.0
    break_kev: float = 0.0
    high_kev: float = 1e5

    def __post_init__(self) -> None:
        where = f"family {self.name}"
        if self.name not in FAMILIES:
            raise ValueError(f"family: '{self.name}' is none of {', '.join(FAMILIES)}")
        for word, shares in (("near", self.near), ("far", self.far)):
            if min(shares, default=-1.0) < 0 or abs(sum(shares) - 1) > 1e-6:
                raise ValueError(f"{where}, {word}: shares of the exponentials are not negative and add up to 1, got {shares}")
        _within(f"{where}, near_w_per_kev", self.near_w_per_kev, 0.0, 1.0, "W/keV")
        _within(f"{where}, far_w_per_kev", self.far_w_per_kev, 0.0, 1.0, "W/keV")
        _within(f"{where}, area_mm2", self.area_mm2, 0.0, 1e6, "mm2")
        _within(f"{where}, thickness_um", self.thickness_um, 0.01, 1e4, "um")
        _within(f"{where}, index", self.index, 0.0, 10.0)
        _within(f"{where}, index_below", self.index_below, -10.0, 10.0)
        if self.index and not 0 < self.low_kev <= max(self.break_kev, self.low_kev) < self.high_kev:
            raise ValueError(f"{where}: needs 0 < low_kev <= break_kev < high_kev, got {self.low_kev:g}, {self.break_kev:g} and {self.high_kev:g} keV")


LITEBIRD_FAMILIES = (
    Family("wafer", near=(1.0, 0.0, 0.0), far=(0.0, 1.0, 0.0), near_w_per_kev=1e-18, far_w_per_kev=1e-19),
    Family("absorber", near=(0.0, 0.0, 1.0), far=(0.0, 1.0, 0.0), near_w_per_kev=4e-15, far_w_per_kev=1e-19, area_mm2=0.07, thickness_um=2.0),
)
"""Heights of the order of what is published of a simulated wafer (skewed, up to 1.6e-15 W, sigma 3e-16 W, correlations of 0.7 to 0.99 near by);
direct hits of about 2e-15 W, 0.0015 a second and detector at 400 MV (both of TOAST's mock), which give the absorbers' area and height."""
PLANCK_FAMILIES = (
    Family("long", (0.9, 0.07, 0.02, 0.01), (0.0, 0.8, 0.15, 0.05), 1e-17, 0.0, area_mm2=35.0, index=2.4, low_kev=20.0, break_kev=140.0, high_kev=2.8e4),
    Family("short", (1.0, 0.0, 0.0, 0.0), (0.0, 0.8, 0.15, 0.05), 1e-17, 0.0, area_mm2=5.0, index=1.7, low_kev=20.0, high_kev=2.8e4),
    Family("slow", (0.0, 0.8, 0.15, 0.05), (0.0, 0.8, 0.15, 0.05), 1e-18, 0.0, area_mm2=5.0, index=2.4, low_kev=20.0, break_kev=140.0, high_kev=2.8e4),
)
"""Slopes -2.4 (long, slow) and -1.7 (short), and the break of what the silicon die sees at 140 keV, are Planck's. Recalled or assumed: shares of the
exponentials (a long glitch's tail is some % of its height), areas (for about one glitch a second in all), slopes below the break, and heights.

References: Planck Collaboration, A&A 571 (2014) A10; A. Catalano et al., J. Low Temp. Phys. 176 (2014) 773.
"""


@dataclass(frozen=True)
class Detector:
    """A wafer of bolometers and how they are read. Pulses are sums of exponentials of ``time_constants_s``, sampled as they are at ``rate_hz``.

    ``saturation_w``: the power P that a sensor sees is read as P / (1 + P / saturation); 0 reads P. ``decimation``: each so many samples one is kept, after
    a filter against aliases. ``scatter``: width of the logarithm of each bolometer's own share of a pulse.
    """

    wafer: Wafer = Wafer()
    phonons: Phonons = Phonons()
    families: tuple[Family, ...] = LITEBIRD_FAMILIES
    time_constants_s: tuple[float, ...] = (0.004, 0.02, 0.0033)
    rate_hz: float = 156.25
    decimation: int = 1
    saturation_w: float = 1e-13
    scatter: float = 0.05

    def __post_init__(self) -> None:
        if not self.time_constants_s or any(not 1e-5 <= tau <= 100 for tau in self.time_constants_s):
            raise ValueError(f"time_constants_s: each is in the allowed [1e-05, 100] s, got {self.time_constants_s}")
        names = [family.name for family in self.families]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"families: needs at least one, each once, got {', '.join(names) or 'none'}")
        for family in self.families:
            if {len(family.near), len(family.far)} != {len(self.time_constants_s)}:
                raise ValueError(f"family {family.name}: near and far need a share of each of the {len(self.time_constants_s)} time_constants_s")
            if family.far_w_per_kev and any(near and far for near, far in zip(family.near, family.far, strict=True)):
                raise ValueError(f"family {family.name}: what is near and what is far come with different delays, and need exponentials of their own")
            if family.name != "wafer" and np.sqrt(family.area_mm2) > self.wafer.side_mm:
                raise ValueError(f"family {family.name}, area_mm2: {family.area_mm2:g} is more than the wafer's {self.wafer.side_mm**2:g} mm2")
        # an exponential's spectrum falls from its corner 1 / (2 pi tau) on: sampled below twice that, most of it would be aliased
        slowest = 1 / (np.pi * min(self.time_constants_s))
        if not slowest <= self.rate_hz <= 1e6:
            raise ValueError(
                f"rate_hz: {self.rate_hz:g} is outside the allowed [{slowest:.4g}, 1e+06] Hz: exponentials of {min(self.time_constants_s):g} s cannot be "
                "sampled more slowly; sample fast, and set decimation"
            )
        if not 1 <= self.decimation <= 64:
            raise ValueError(f"decimation: {self.decimation} is outside the allowed [1, 64]")
        if self.saturation_w < 0:
            raise ValueError(f"saturation_w: {self.saturation_w:g} is outside the allowed [0, inf] W")
        _within("scatter", self.scatter, 0.0, 1.0)

    @property
    def bolometers(self) -> int:
        """How many there are."""
        return self.wafer.rows * self.wafer.columns

    @property
    def family_names(self) -> tuple[str, ...]:
        """Of the families, in their order."""
        return tuple(family.name for family in self.families)

    def area_cm2(self) -> Array:
        """What each family's cosmic rays hit, of all bolometers together, (families,)."""
        each = [self.wafer.side_mm**2 if family.name == "wafer" else family.area_mm2 * self.bolometers for family in self.families]
        return np.array(each) / 100.0


PLANCK = Detector(
    wafer=Wafer(rows=1, columns=2, pitch_mm=20.0, side_mm=50.0),
    families=PLANCK_FAMILIES,
    time_constants_s=(0.007, 0.045, 0.45, 1.0),
    rate_hz=180.3737,
    saturation_w=0.0,
)
"""Two bolometers sampled at Planck HFI's 180.3737 Hz. Time constants are recalled: 5 to 10 ms, 40 to 50 ms, 0.4 to 0.5 s, about 1 s."""
