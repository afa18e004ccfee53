"""The parametrised simulator: what a user without CONEX would write down from the literature, thousands of times faster than the hybrid.

Xmax follows the generalised Gumbel distribution (nuclei) or electromagnetic cascade theory (photons), the profile is a Gaisser-Hillas function in R and L, and
Nmax comes from energy conservation. Each number below names its source; "hybrid" marks round values read off this study's own hybrid simulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.atmosphere import ground_depth_g_cm2
from cloudchamber.physics.gumbel import gumbel_parameters, gumbel_sample, gumbel_variance
from cloudchamber.physics.photon_shower import photon_depths
from cloudchamber.physics.shower import gaisser_hillas_rl
from cloudchamber.schema import Schema, Table, check_table
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, MASS_NUMBER, N_DEPTH, PRIMARIES, THETA, X, depth_grid
from cloudchamber.studies.airshower.hybrid.simulator import SIMULATED, Prior
from cloudchamber.study import simulable

Array = NDArray[Any]

MUON_EXPONENT = 0.927
MISSING_EXPONENT = 0.90
NEUTRINO_SHARE = 0.4
"""Of the missing energy (hybrid); muons carry the rest to the ground."""
MUON_ATTENUATION_G_CM2 = (1500.0, 1000.0)
"""For nuclei and for photons (hybrid)."""
_BATCH = 256


@dataclass(frozen=True)
class Parametrised:
    """Air-shower profiles from published parametrisations. ``model``: the hadronic model of the Xmax distribution, see ``physics.gumbel.GUMBEL_COEFFICIENTS``.

    Left out: any correlation of R, L or N_mu with Xmax, double-humped and other odd profiles, the geomagnetic preshower. The Xmax coefficients hold for
    lg(E/eV) of 17 to 20, below they are extrapolated.
    """

    ground_altitude_m: float = 0.0
    model: str = "Sibyll2.3d"
    prior_range: Prior = Prior()

    def __post_init__(self) -> None:
        if not 0 <= self.ground_altitude_m <= 6000:
            raise ValueError(f"ground_altitude_m: {self.ground_altitude_m} is outside the allowed [0, 6000] m")
        gumbel_parameters(0.0, 18.0, self.model)

    @property
    def schema(self) -> Schema:
        """Theta and x of an air shower."""
        return Schema(THETA, X)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta from ``prior_range``."""
        return self.prior_range.draw(n, rng)

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that cannot be simulated."""
        return simulable(theta, THETA, SIMULATED)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Profiles and scalars of one shower for each event of ``theta``; ValueError for a bad column."""
        theta = self.check(theta)
        showers = draw_showers(theta, self.model, rng)
        angles, depths = _ground_depths(self.ground_altitude_m)
        ground = np.interp(np.asarray(theta["zenith_deg"], float), angles, depths)
        result = {name: np.zeros((len(ground), *column.shape), column.dtype) for name, column in X.items()}
        for part in _batches(len(ground)):
            for name, values in _profiles(Showers(*(values[part] for values in showers)), ground[part]).items():
                result[name][part] = values
        return check_table(result, X)


class Showers(NamedTuple):
    """What makes a shower, each (events,)."""

    energy_gev: Array
    photon: Array
    ln_a: Array
    xmax_g_cm2: Array
    first_interaction_g_cm2: Array
    r: Array
    l_g_cm2: Array
    muon_max: Array
    missing_fraction: Array


def draw_showers(theta: Table, model: str, rng: np.random.Generator) -> Showers:
    """Draw each event's shower parameters.

    R and L: Auger finds L = 226 to 238 g/cm2 and R = 0.24 to 0.27 for 10^17.9 to 10^19.4 eV; the drifts of R and with mass, the photons' values and the spreads
    are round values of the hybrid.

    Muons: N_mu,max = 10^6.71 (E/EeV)^beta A^(1-beta) at 45 degrees above 1 GeV, 5 % fewer per 0.25 in sec(zenith), lognormal (spread: hybrid), independent of
    Xmax; photons have 1/8 of a proton's muons, growing as E (hybrid).

    Missing energy (muons and neutrinos): 13 % of 1 EeV for the mean of proton and iron, between Barbosa et al. (11 %, QGSJET01) and the Auger data (15 %),
    falling as E^-0.05, growing as A^0.1 and with the shower's own muons; 1 % for photons.

    References: Auger, JCAP 03 (2019) 018 (R, L); J. Matthews, Astropart. Phys. 22 (2005) 387 and L. Cazon et al., Phys. Lett. B 784 (2018) 68 (muons);
    H. Barbosa et al., Astropart. Phys. 22 (2004) 159 and Auger, PRD 100 (2019) 082003 (missing energy).
    """
    n = len(theta["primary"])
    mass = np.array([MASS_NUMBER[name] for name in PRIMARIES], float)[theta["primary"]]
    photon = mass == 0
    mass[photon] = 1.0
    lg_energy_ev = theta["lg_energy_ev"].astype(float)
    lg_eev = lg_energy_ev - 18
    cosine = np.cos(np.radians(theta["zenith_deg"].astype(float)))
    nuclear = _nuclear_depths(mass, lg_energy_ev, model, rng)
    electromagnetic = photon_depths(lg_energy_ev, cosine, rng)
    xmax, first = np.where(photon, electromagnetic, nuclear)
    spread = mass**-0.25
    r = np.where(photon, 0.22 - 0.01 * lg_eev, 0.25 + 0.015 * np.log(mass) - 0.03 * lg_eev) + np.where(photon, 0.03, 0.042 * spread) * rng.standard_normal(n)
    width = np.where(photon, 218 + 14 * lg_eev, 225 + 7 * lg_eev) + 11 * spread * rng.standard_normal(n)
    fluctuation = np.where(photon, 0.3, 0.2 * mass ** (-1 / 3)) * rng.standard_normal(n)
    muon_exponent = np.where(photon, 1.0, MUON_EXPONENT)
    muons = np.where(photon, 1 / 8, mass ** (1 - MUON_EXPONENT)) * 10 ** (6.71 + muon_exponent * lg_eev) * np.exp(fluctuation - 0.2 * (1 / cosine - np.sqrt(2)))
    mean_of_p_and_fe = 0.5 * (1 + MASS_NUMBER["Fe"] ** (1 - MISSING_EXPONENT))
    missing = np.where(photon, 0.01, 0.13 * mass ** (1 - MISSING_EXPONENT) / mean_of_p_and_fe * 10 ** (-0.05 * lg_eev)) * np.exp(fluctuation)
    return Showers(10 ** (lg_energy_ev - 9), photon, np.log(mass), xmax, first, np.maximum(r, 0.05), width, muons, missing)


def _nuclear_depths(mass: Array, lg_energy_ev: Array, model: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """(Xmax, X1) of nuclei: Xmax by the generalised Gumbel, X1 exponential with the interaction length.

    Xmax = X1 + rest, with the two independent, has the correlation length / sigma(Xmax): a Gaussian copula gives it without touching either distribution.
    Cross-section: 470 mb + 40 mb per decade at 1 EeV per nucleon for proton-air, times the overlap (A^1/3 + 14.5^1/3 - 1.11)^2 for nuclei.

    References: Auger, PRL 109 (2012) 062002 and R. Ulrich, PoS(ICRC2015) 401 (proton-air); H. Heckman et al., PRC 17 (1978) 1735 (overlap).
    """
    from scipy.special import gammaincc, log_ndtr, ndtri

    ln_a = np.log(mass)
    xmax = gumbel_sample(ln_a, lg_energy_ev, rng, model)
    mu, sigma, shape = gumbel_parameters(ln_a, lg_energy_ev, model)
    rank = gammaincc(shape, shape * np.exp((mu - xmax) / sigma))
    proton_air_mb = 470 + 40 * (lg_energy_ev - np.log10(mass) - 18)
    overlap = ((mass ** (1 / 3) + 14.5 ** (1 / 3) - 1.11) / (1 + 14.5 ** (1 / 3) - 1.11)) ** 2
    length = 24_100 / (proton_air_mb * overlap)
    correlation = np.minimum(length / np.sqrt(gumbel_variance(ln_a, lg_energy_ev, model)), 0.95)
    normal = correlation * ndtri(np.clip(rank, 1e-12, 1 - 1e-12)) + np.sqrt(1 - correlation**2) * rng.standard_normal(len(mass))
    return xmax, -length * log_ndtr(-normal)


def ionisation_loss_gev_cm2_g(age: Array) -> Array:
    """Mean energy deposit per electron above 1 MeV at shower age s (F. Nerling et al., Astropart. Phys. 24 (2006) 421, eq. 14)."""
    return 1e-3 * (3.90883 * (1.05301 + age) ** -9.91717 + 2.41715 + 0.13180 * age)


def _profiles(shower: Showers, ground: Array) -> Table:
    """x of a batch. The deposit's integral is the energy less the missing part, which fixes Nmax; what would be deposited below the ground is ground energy."""
    depth = depth_grid()
    xmax = shower.xmax_g_cm2[:, None]
    n_electron = gaisser_hillas_rl(depth, 1.0, xmax, shower.r[:, None], shower.l_g_cm2[:, None])
    deposit = n_electron * ionisation_loss_gev_cm2_g(3 * depth / (depth + 2 * xmax))
    nmax = shower.energy_gev * (1 - shower.missing_fraction) / (DEPTH_STEP_G_CM2 * deposit.sum(axis=1))
    n_electron *= nmax[:, None]
    deposit *= nmax[:, None]
    n_muon, n_hadron = _muons_and_hadrons(shower)
    seen = depth <= ground[:, None]
    for profile in (n_electron, n_muon, n_hadron):
        profile *= seen
    calorimetric = _deposit_above(deposit, ground)
    neutrinos = NEUTRINO_SHARE * shower.missing_fraction * shower.energy_gev
    # to first order the age-dependent loss moves the maximum by L^2 d ln(alpha) / dX, with ds/dX = 2 / (3 Xmax)
    slope = (0.13180 - 9.91717 * 3.90883 * 2.05301**-10.91717) / (1e3 * ionisation_loss_gev_cm2_g(np.array(1.0)))
    return {
        "n_electron": n_electron,
        "n_muon": n_muon,
        "energy_deposit_gev_per_g_cm2": deposit * seen,
        "n_hadron": n_hadron,
        "xmax_g_cm2": shower.xmax_g_cm2,
        "nmax": nmax,
        "first_interaction_g_cm2": shower.first_interaction_g_cm2,
        "calorimetric_energy_gev": calorimetric,
        "ground_energy_gev": shower.energy_gev - calorimetric - neutrinos,
        "invisible_energy_gev": neutrinos,
        "xmax_deposit_g_cm2": shower.xmax_g_cm2 + shower.l_g_cm2**2 * slope * 2 / (3 * shower.xmax_g_cm2),
    }


def _muons_and_hadrons(shower: Showers) -> tuple[Array, Array]:
    """Muons are produced along a Gaisser-Hillas profile of the shower's own R and L that peaks above Xmax, and are attenuated by decay and by the 1 GeV
    threshold. Hadrons follow a wider Gaisser-Hillas profile.

    The distances to Xmax, the attenuation lengths, the hadrons' R and L and 0.16 hadrons a muon (both at maximum) are round values of the hybrid.

    References: S. Andringa et al., Astropart. Phys. 35 (2012) 821 (universal shape of the muon production profile).
    """
    depth = depth_grid()
    photon, ln_a, xmax = shower.photon[:, None], shower.ln_a[:, None], shower.xmax_g_cm2[:, None]
    hadrons = gaisser_hillas_rl(depth, 1.0, xmax - np.where(photon, 125, 150 - 6 * ln_a), np.where(photon, 0.32, 0.45), np.where(photon, 240.0, 280.0))
    produced = gaisser_hillas_rl(depth, 1.0, xmax - np.where(photon, 200, 240 - 10 * ln_a), shower.r[:, None], shower.l_g_cm2[:, None])
    survival = np.exp(-depth / np.array(MUON_ATTENUATION_G_CM2)[:, None])[shower.photon.astype(int)]
    muons = np.cumsum(produced / survival, axis=1) * survival
    muons *= (shower.muon_max / muons.max(axis=1))[:, None]
    return muons, 0.16 * shower.muon_max[:, None] * hadrons


def _deposit_above(deposit: Array, ground: Array) -> Array:
    """Trapezoidal integral of ``deposit`` (events, depth) from the top down to ``ground`` (events,)."""
    last = np.minimum((ground / DEPTH_STEP_G_CM2).astype(int), N_DEPTH - 2)
    events = np.arange(len(ground))
    here, below = deposit[events, last], deposit[events, last + 1]
    rest = ground / DEPTH_STEP_G_CM2 - last
    whole = np.where(np.arange(N_DEPTH) <= last[:, None], deposit, 0.0).sum(axis=1) - 0.5 * (deposit[:, 0] + here)
    return DEPTH_STEP_G_CM2 * (whole + rest * (here + 0.5 * rest * (below - here)))


def _batches(n: int) -> Iterator[slice]:
    """Batches whose profiles stay in the processor's cache."""
    return (slice(start, start + _BATCH) for start in range(0, n, _BATCH))


@lru_cache(maxsize=8)
def _ground_depths(ground_altitude_m: float) -> tuple[Array, Array]:
    """Slant depth of the ground on a fine grid of zenith angles: its interpolation errs by less than 0.01 g/cm2."""
    angles = np.linspace(0.0, 65.0, 1301)
    return angles, ground_depth_g_cm2(angles, ground_altitude_m)
