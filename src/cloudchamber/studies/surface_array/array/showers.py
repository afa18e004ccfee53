"""Which showers fall onto the array: primaries, energies, directions, cores, Xmax and number of muons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gumbel import GUMBEL_COEFFICIENTS, gumbel_sample
from cloudchamber.physics.photon_shower import photon_depths
from cloudchamber.schema import Table, check_table
from cloudchamber.studies.surface_array.array.profiles import draw_xmax_and_muons
from cloudchamber.studies.surface_array.columns import MASS, PARTICLES, THETA

Array = NDArray[Any]

MUON_EXPONENT = 0.08
MUON_SPREAD = 0.15
PHOTON_MUONS, PHOTON_MUON_SPREAD = 1 / 8, 0.3
MAX_ZENITH_DEG = 60.0
SIMULATED = {
    "energy_ev": (1e17, 1e22),
    "zenith_deg": (0.0, MAX_ZENITH_DEG),
    "xmax_g_cm2": (0.0, 3000.0),
    "ln_muon_scale": (-10.0, 5.0),
}
"""What the laws of signals and records can be asked for."""


@dataclass(frozen=True)
class Showers:
    """Showers of the ``particles``, in these ``shares`` (equal ones if empty), isotropic on a flat array up to ``zenith_max_deg``, with a spectrum E^-1.

    Cores are uniform in the grid's cell about the origin. Xmax follows ``hadronic_model``; ``xmax_shift_g_cm2`` and ``ln_muon_shift`` move every shower's
    Xmax and ln of its number of muons: other hadronic physics. ``profiles`` names a folder of air showers (an event store with the columns of the study
    ``airshower``, simulated or drawn from its surrogate): Xmax and number of muons are then those of a shower of the same primary and about the same energy.
    """

    particles: tuple[str, ...] = PARTICLES
    shares: tuple[float, ...] = ()
    lg_energy_ev: tuple[float, float] = (18.0, 20.5)
    zenith_max_deg: float = 45.0
    hadronic_model: str = "QGSJetII-04"
    xmax_shift_g_cm2: float = 0.0
    ln_muon_shift: float = 0.0
    profiles: str = ""

    def __post_init__(self) -> None:
        unknown = [name for name in self.particles if name not in PARTICLES]
        if unknown or not self.particles:
            raise ValueError(f"particles: {unknown[0] if unknown else 'none'!r} is not allowed; name some of {', '.join(PARTICLES)}")
        if self.shares and (len(self.shares) != len(self.particles) or min(self.shares) < 0 or not 0 < sum(self.shares) < math.inf):
            raise ValueError(f"shares: {self.shares} must be one number for each of {', '.join(self.particles)}, none negative and not all 0")
        if len(self.lg_energy_ev) != 2 or not 17 <= self.lg_energy_ev[0] <= self.lg_energy_ev[1] <= 21:
            raise ValueError(f"lg_energy_ev: {self.lg_energy_ev} must be a lowest and a highest value within [17, 21]")
        if not 0 <= self.zenith_max_deg <= MAX_ZENITH_DEG:
            raise ValueError(f"zenith_max_deg: {self.zenith_max_deg} is outside the allowed [0, {MAX_ZENITH_DEG:g}] deg")
        if self.hadronic_model not in GUMBEL_COEFFICIENTS:
            raise ValueError(f"hadronic_model: '{self.hadronic_model}' is unknown; there are: {', '.join(GUMBEL_COEFFICIENTS)}")
        if not abs(self.xmax_shift_g_cm2) <= 200:
            raise ValueError(f"xmax_shift_g_cm2: {self.xmax_shift_g_cm2} is outside the allowed [-200, 200] g/cm2")
        if not abs(self.ln_muon_shift) <= 3:
            raise ValueError(f"ln_muon_shift: {self.ln_muon_shift} is outside the allowed [-3, 3]")

    def draw(self, n: int, cell_m: tuple[float, float], rng: np.random.Generator) -> Table:
        """``n`` events' theta, cores uniform in the rectangle ``cell_m`` about the origin."""
        shares = np.array(self.shares or [1.0] * len(self.particles))
        codes = np.array([PARTICLES.index(name) for name in self.particles])[rng.choice(len(shares), n, p=shares / shares.sum())]
        lg_energy = rng.uniform(*self.lg_energy_ev, n)
        sine = math.sin(math.radians(self.zenith_max_deg)) * np.sqrt(rng.random(n))
        zenith = np.arcsin(sine)
        azimuth = rng.uniform(-180.0, 180.0, n)
        core_x, core_y = (side * rng.uniform(-0.5, 0.5, n) for side in cell_m)
        if self.profiles:
            xmax, ln_muons = draw_xmax_and_muons(self.profiles, codes, lg_energy, rng)
        else:
            mass = np.array(MASS, float)[codes]
            xmax, ln_muons = draw_xmax_g_cm2(mass, lg_energy, np.cos(zenith), self.hadronic_model, rng), draw_ln_muon_scale(mass, rng)
        table = {
            "particle": codes,
            "energy_ev": 10**lg_energy,
            "zenith_deg": np.degrees(zenith),
            "azimuth_deg": azimuth,
            "core_x_m": core_x,
            "core_y_m": core_y,
            "xmax_g_cm2": xmax + self.xmax_shift_g_cm2,
            "ln_muon_scale": ln_muons + self.ln_muon_shift,
        }
        return check_table(table, THETA)


def draw_ln_muon_scale(mass: Array, rng: np.random.Generator) -> Array:
    """ln of the number of muons over the mean proton's, (events,): A^0.08, log-normal with a spread of 0.15 A^-0.3; photons (mass 0) have 1/8 with 0.3.

    References: J. Matthews, Astropart. Phys. 22 (2005) 387 (nuclei); M. Risse and P. Homola, Mod. Phys. Lett. A 22 (2007) 749 (photons: about a tenth).
    """
    nucleons = np.maximum(mass, 1.0)
    mean = np.where(mass > 0, MUON_EXPONENT * np.log(nucleons), math.log(PHOTON_MUONS))
    spread = np.where(mass > 0, MUON_SPREAD * nucleons**-0.3, PHOTON_MUON_SPREAD)
    return mean - 0.5 * spread**2 + spread * rng.standard_normal(len(mass))


def draw_xmax_g_cm2(mass: Array, lg_energy_ev: Array, cosine: Array, hadronic_model: str, rng: np.random.Generator) -> Array:
    """Xmax, (events,): the generalised Gumbel for nuclei, electromagnetic cascade theory for photons (mass 0)."""
    nuclear = gumbel_sample(np.log(np.maximum(mass, 1.0)), lg_energy_ev, rng, hadronic_model)
    # the column ends at 3000 g/cm2, far below the ground
    return np.where(mass > 0, nuclear, np.minimum(photon_depths(lg_energy_ev, cosine, rng)[0], 2500.0))
