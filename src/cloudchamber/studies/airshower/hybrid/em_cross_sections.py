"""Electromagnetic interactions of photons, electrons and positrons in dry air, per g/cm2.

Energies are in GeV: total for photons, kinetic for electrons and positrons. Rates are in cm2/g, differential rates in cm2/g/GeV.

References: Y.-S. Tsai, Rev. Mod. Phys. 46 (1974) 815, eqs. 3.38-3.41 (atomic and electron screening) and 3.82, 3.83; H. Davies, H. Bethe, L. Maximon,
Phys. Rev. 93 (1954) 788 (Coulomb correction); S. Seltzer, M. Berger, At. Data Nucl. Data Tables 35 (1986) 345 (bremsstrahlung below 100 MeV); J. Hubbell,
H. Gimm, I. Overbo, J. Phys. Chem. Ref. Data 9 (1980) 1023, the pair and triplet values of XCOM and EPDL97; F. Rohrlich, B. Carlson, Phys. Rev. 93 (1954) 38;
ICRU Report 37 (1984); R. Sternheimer, M. Berger, S. Seltzer, At. Data Nucl. Data Tables 30 (1984) 261; W. Heitler, The Quantum Theory of Radiation (1954).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cloudchamber.studies.airshower.constants import AIR_ELEMENTS, AVOGADRO, ELECTRON_MASS_GEV, ELECTRON_RADIUS2_CM2, FINE_STRUCTURE

DENSITY_NTP_G_CM3 = 1.20479e-3
_ELECTRONS_PER_G = AVOGADRO * sum(w * z / a for z, a, w in AIR_ELEMENTS)
_MEAN_EXCITATION_GEV = 85.7e-9
_STERNHEIMER = {"c": 10.5961, "x0": 1.7418, "x1": 4.2759, "a": 0.10914, "m": 3.3994}

_PAIR_MEV = np.array([1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 100.0, 200.0])
_PAIR_NITROGEN_MB = np.array([0.3931, 2.177, 8.667, 25.07, 41.38, 56.28, 69.89, 93.26, 112.7, 149.5, 176.4, 214.5, 241.2, 277.7, 320.2, 369.7])
"""Pair plus triplet cross-section of nitrogen (EPDL97); above 200 MeV Tsai's formula agrees within 0.5 %."""

_BREMS_MEV = np.array([1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0])
_BREMS_FRACTION = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
_BREMS_NITROGEN_MB = np.array([
    [12.773, 13.892, 14.491, 15.097, 15.543, 15.781, 15.862, 15.884],
    [10.862, 11.885, 12.531, 13.296, 14.129, 14.615, 14.893, 15.002],
    [8.1396, 9.0887, 9.8223, 10.785, 11.954, 12.741, 13.292, 13.522],
    [6.4059, 7.2603, 7.9673, 8.9426, 10.214, 11.196, 11.978, 12.317],
    [5.1469, 5.8973, 6.5459, 7.4810, 8.7719, 9.8907, 10.895, 11.349],
    [4.1179, 4.7860, 5.3783, 6.2629, 7.5591, 8.7779, 10.004, 10.591],
    [3.2441, 3.8409, 4.3813, 5.2153, 6.5086, 7.8035, 9.2444, 9.9956],
    [2.4751, 2.9916, 3.4830, 4.2670, 5.5419, 6.8920, 8.5273, 9.4870],
    [1.7883, 2.1869, 2.6201, 3.3350, 4.5457, 5.9174, 7.7323, 8.9500],
    [1.1753, 1.4000, 1.6851, 2.2107, 3.1709, 4.4302, 6.3632, 7.8161],
    [0.8410, 0.9643, 1.1249, 1.4305, 2.0862, 3.0771, 4.8604, 6.4035],
    [0.3955, 0.3447, 0.3345, 0.3263, 0.3187, 0.3138, 0.3102, 0.3089],
])  # fmt: skip
"""beta^2/Z^2 k dsigma/dk of nitrogen at k/T (rows) and T (columns), Seltzer and Berger (1986)."""


def coulomb_correction(charge: int) -> float:
    """Davies, Bethe and Maximon's f(Z)."""
    a2 = (FINE_STRUCTURE * charge) ** 2
    return a2 * (1.0 / (1.0 + a2) + 0.20206 - 0.0369 * a2 + 0.0083 * a2**2 - 0.002 * a2**3)


def _screened_logs(charge: int) -> tuple[float, float]:
    """Tsai's L_rad - f and L'_rad at complete screening."""
    return np.log(184.15 * charge ** (-1 / 3)) - coulomb_correction(charge), np.log(1194.0 * charge ** (-2 / 3))


def _per_gram(molar_mass: float, fraction: float) -> float:
    """4 alpha r_e^2 times the nuclei per gram of air, for one element."""
    return 4.0 * FINE_STRUCTURE * ELECTRON_RADIUS2_CM2 * AVOGADRO * fraction / molar_mass


RADIATION_LENGTH_G_CM2 = 1.0 / sum(_per_gram(a, w) * (z**2 * _screened_logs(z)[0] + z * _screened_logs(z)[1]) for z, a, w in AIR_ELEMENTS)
"""Tsai eq. 3.66, as in the Review of Particle Physics."""
SCREENING_CONSTANT = RADIATION_LENGTH_G_CM2 * sum(_per_gram(a, w) * (z**2 + z) / 9.0 for z, a, w in AIR_ELEMENTS)
"""c: at complete screening X0 y dN/dy = 4/3 - 4/3 y + y^2 + c (1 - y) for bremsstrahlung and X0 dN/dx = 1 - 4/3 x (1 - x) - c x (1 - x) for pairs."""


def _tsai(first: np.ndarray, second: np.ndarray, screening_gev: np.ndarray, charge: int) -> np.ndarray:
    """Atom's and electrons' terms over 4: ``first`` times the screened logarithm plus ``second`` times phi1 - phi2 (psi1 - psi2)."""
    gamma = 100.0 * ELECTRON_MASS_GEV * charge ** (-1 / 3) * screening_gev
    eps = gamma * charge ** (-1 / 3)
    atom = 20.863 - 2.0 * np.log1p((0.55846 * gamma) ** 2) - 4.0 * (1.0 - 0.6 * np.exp(-0.9 * gamma) - 0.4 * np.exp(-1.5 * gamma))
    electrons = 28.340 - 2.0 * np.log1p((3.621 * eps) ** 2) - 4.0 * (1.0 - 0.7 * np.exp(-8.0 * eps) - 0.3 * np.exp(-29.2 * eps))
    nuclear = first * (atom - 4.0 / 3.0 * np.log(charge) - 4.0 * coulomb_correction(charge)) + second * 2.0 / 3.0 / (1.0 + 6.5 * gamma + 6.0 * gamma**2)
    electronic = first * (electrons - 8.0 / 3.0 * np.log(charge)) + second * 2.0 / 3.0 / (1.0 + 40.0 * eps + 400.0 * eps**2)
    return 0.25 * (charge**2 * np.maximum(nuclear, 0.0) + charge * np.maximum(electronic, 0.0))


def _pair_tsai(photon_gev: np.ndarray | float, x: np.ndarray) -> np.ndarray:
    """dN/dx of Tsai for one lepton's share x = E/k of the photon's energy."""
    product = x * (1.0 - x)
    terms = [_per_gram(a, w) * _tsai(1.0 - 4.0 / 3.0 * product, -2.0 / 3.0 * product, 1.0 / (photon_gev * product), z) for z, a, w in AIR_ELEMENTS]
    return np.sum(terms, axis=0)


@lru_cache(maxsize=1)
def _pair_grid() -> tuple[np.ndarray, np.ndarray]:
    """ln(k/GeV) and the pair rate: nitrogen's scaled to air below 200 MeV, the integral of Tsai's formula above."""
    high_gev = np.geomspace(0.2, 1.0e4, 80)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    edge = ELECTRON_MASS_GEV / high_gev[:, None]
    high = np.sum(0.5 * (1.0 - 2.0 * edge) * weights * _pair_tsai(high_gev[:, None], edge + 0.5 * (1.0 - 2.0 * edge) * (nodes + 1.0)), axis=1)
    energy = np.concatenate([_PAIR_MEV[:-1] * 1e-3, high_gev])
    return np.log(energy), np.concatenate([_PAIR_NITROGEN_MB[:-1] / _PAIR_NITROGEN_MB[-1] * high[0], high])


def pair_rate(photon_gev: np.ndarray | float) -> np.ndarray:
    """Pair and triplet production, zero below 1.02 MeV."""
    photon_gev = np.asarray(photon_gev, dtype=float)
    log_energy, rate = _pair_grid()
    # the cross-section opens as (1 - threshold / k)^3: interpolate what is left of it
    opening = np.maximum(1.0 - 2.0 * ELECTRON_MASS_GEV / photon_gev, 0.0) ** 3
    return opening * np.interp(np.log(photon_gev), log_energy, rate / (1.0 - 2.0 * ELECTRON_MASS_GEV / np.exp(log_energy)) ** 3)


def pair_shape(photon_gev: float, electron_gev: np.ndarray) -> np.ndarray:
    """Spectrum of one lepton's kinetic energy, any normalisation; below 5 MeV, where the Born formula fails, a half circle."""
    available = photon_gev - 2.0 * ELECTRON_MASS_GEV
    share = electron_gev / available
    if photon_gev < 5.0e-3:
        return np.sqrt(np.maximum(share * (1.0 - share), 0.0))
    return _pair_tsai(photon_gev, (electron_gev + ELECTRON_MASS_GEV) / photon_gev)


def _brems_tsai(kinetic_gev: np.ndarray | float, photon_gev: np.ndarray, elements: tuple[tuple[int, float, float], ...]) -> np.ndarray:
    """k dN/dk of Tsai."""
    energy = kinetic_gev + ELECTRON_MASS_GEV
    y = photon_gev / energy
    first, second = 4.0 / 3.0 - 4.0 / 3.0 * y + y**2, 2.0 / 3.0 * (1.0 - y)
    screening = photon_gev / (energy * np.maximum(energy - photon_gev, ELECTRON_MASS_GEV))
    return np.sum([_per_gram(a, w) * _tsai(first, second, screening, z) for z, a, w in elements], axis=0)


@lru_cache(maxsize=1)
def _brems_ratio() -> np.ndarray:
    """Seltzer and Berger over Tsai for nitrogen (fractions, energies + 1), one from 1 GeV on."""
    kinetic = _BREMS_MEV * 1e-3
    beta2 = 1.0 - (ELECTRON_MASS_GEV / (kinetic + ELECTRON_MASS_GEV)) ** 2
    nitrogen = AIR_ELEMENTS[0]
    tsai = _brems_tsai(kinetic, kinetic * _BREMS_FRACTION[:, None], (nitrogen,))
    measured = _BREMS_NITROGEN_MB * 1e-27 * nitrogen[0] ** 2 / beta2 * AVOGADRO * nitrogen[2] / nitrogen[1]
    return np.concatenate([measured / tsai, np.ones((len(_BREMS_FRACTION), 1))], axis=1)


def bremsstrahlung_differential(kinetic_gev: float, photon_gev: np.ndarray) -> np.ndarray:
    """dN/dk of photons radiated by an electron or positron of one energy, from 1 MeV on."""
    column = np.interp(np.log(kinetic_gev * 1e3), np.log(np.append(_BREMS_MEV, 1e3)), np.arange(len(_BREMS_MEV) + 1))
    low, share = min(int(column), len(_BREMS_MEV) - 1), column - min(int(column), len(_BREMS_MEV) - 1)
    ratio = _brems_ratio()
    correction = np.interp(photon_gev / kinetic_gev, _BREMS_FRACTION, (1.0 - share) * ratio[:, low] + share * ratio[:, low + 1])
    return correction * _brems_tsai(kinetic_gev, photon_gev, AIR_ELEMENTS) / photon_gev


def compton_differential(photon_gev: float, electron_gev: np.ndarray) -> np.ndarray:
    """dN/dT of Compton electrons (Klein and Nishina); T runs to 2 k^2 / (m + 2 k)."""
    k, scattered = photon_gev / ELECTRON_MASS_GEV, 1.0 - electron_gev / photon_gev
    sine2_cosine = 1.0 - (1.0 / scattered - 1.0) / k
    shape = scattered + 1.0 / scattered - 1.0 + sine2_cosine**2
    return _ELECTRONS_PER_G * np.pi * ELECTRON_RADIUS2_CM2 * shape / (k * photon_gev)


def compton_rate(photon_gev: np.ndarray | float) -> np.ndarray:
    """Total Klein-Nishina rate."""
    k = np.asarray(photon_gev, dtype=float) / ELECTRON_MASS_GEV
    log = np.log1p(2.0 * k)
    terms = (1.0 + k) / k**2 * (2.0 * (1.0 + k) / (1.0 + 2.0 * k) - log / k) + log / (2.0 * k) - (1.0 + 3.0 * k) / (1.0 + 2.0 * k) ** 2
    return _ELECTRONS_PER_G * 2.0 * np.pi * ELECTRON_RADIUS2_CM2 * terms


def _electron_scale(kinetic_gev: np.ndarray | float) -> np.ndarray:
    """2 pi r_e^2 m n_e / beta^2 in GeV cm2/g."""
    gamma = np.asarray(kinetic_gev) / ELECTRON_MASS_GEV + 1.0
    return 2.0 * np.pi * ELECTRON_RADIUS2_CM2 * ELECTRON_MASS_GEV * _ELECTRONS_PER_G / (1.0 - gamma**-2)


def moller_differential(kinetic_gev: float, transfer_gev: np.ndarray) -> np.ndarray:
    """dN/dW of knock-on electrons from an electron, W <= T/2."""
    tau, rest = kinetic_gev / ELECTRON_MASS_GEV, kinetic_gev - transfer_gev
    shape = transfer_gev**-2 + rest**-2 + (tau / (tau + 1.0) / kinetic_gev) ** 2 - (2.0 * tau + 1.0) / (tau + 1.0) ** 2 / (transfer_gev * rest)
    return _electron_scale(kinetic_gev) * shape


def _bhabha_terms(kinetic_gev: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    gamma = kinetic_gev / ELECTRON_MASS_GEV + 1.0
    scale = ((gamma - 1.0) / gamma) ** 2
    up2 = (gamma + 1.0) ** 2
    return (scale * (2.0 * up2 - 1.0) / (gamma**2 - 1.0), scale * (3.0 * up2 + 1.0) / up2,
            scale * 2.0 * gamma * (gamma - 1.0) / up2, scale * (gamma - 1.0) ** 2 / up2)  # fmt: skip


def bhabha_differential(kinetic_gev: float, transfer_gev: np.ndarray) -> np.ndarray:
    """dN/dW of knock-on electrons from a positron, W <= T."""
    b1, b2, b3, b4 = _bhabha_terms(np.asarray(kinetic_gev))
    share = transfer_gev / kinetic_gev
    return _electron_scale(kinetic_gev) * (1.0 + share * (-b1 + share * (b2 + share * (-b3 + share * b4)))) / transfer_gev**2


def annihilation_differential(kinetic_gev: float, photon_gev: np.ndarray) -> np.ndarray:
    """dN/dk of the photons of positron annihilation in flight: two an event (Heitler)."""
    gamma = kinetic_gev / ELECTRON_MASS_GEV + 1.0
    share = photon_gev / (ELECTRON_MASS_GEV * (gamma + 1.0))
    other = 1.0 - share
    shape = -2.0 * (gamma + 1.0) ** 2 + (gamma**2 + 4.0 * gamma + 1.0) * (1.0 / share + 1.0 / other) - share**-2 - other**-2
    # the sum over both photons is symmetric, so it also counts both when k runs over the whole range
    return _ELECTRONS_PER_G * np.pi * ELECTRON_RADIUS2_CM2 / ((gamma + 1.0) * (gamma**2 - 1.0)) * shape / (ELECTRON_MASS_GEV * (gamma + 1.0))


def annihilation_photon_range_gev(kinetic_gev: float) -> tuple[float, float]:
    """Least and greatest photon energy of annihilation in flight."""
    gamma = kinetic_gev / ELECTRON_MASS_GEV + 1.0
    low = 1.0 / (gamma + 1.0 + np.sqrt(gamma**2 - 1.0))
    total = ELECTRON_MASS_GEV * (gamma + 1.0)
    return low * total, (1.0 - low) * total


def density_effect(kinetic_gev: np.ndarray | float, density_g_cm3: float) -> np.ndarray:
    """Sternheimer's delta, shifted from normal density by his eq. 11 for gases: x -> x + 1/2 lg(density ratio)."""
    tau = np.asarray(kinetic_gev, dtype=float) / ELECTRON_MASS_GEV
    x = 0.5 * np.log10(tau * (tau + 2.0)) + 0.5 * np.log10(density_g_cm3 / DENSITY_NTP_G_CM3)
    s = _STERNHEIMER
    return np.where(x < s["x0"], 0.0, 2.0 * np.log(10.0) * x - s["c"] + s["a"] * np.maximum(s["x1"] - x, 0.0) ** s["m"])


def ionisation_loss(
    kinetic_gev: np.ndarray | float, positron: bool = False, transfer_cut_gev: float = np.inf, density_g_cm3: float = DENSITY_NTP_G_CM3
) -> np.ndarray:
    """Collision stopping power in GeV cm2/g (ICRU 37), without the knock-on electrons above the cut."""
    energy = np.asarray(kinetic_gev, dtype=float)
    tau = energy / ELECTRON_MASS_GEV
    beta2 = 1.0 - (tau + 1.0) ** -2
    if positron:
        inverse = 1.0 / (tau + 2.0)
        shape = 2.0 * np.log(2.0) - beta2 / 12.0 * (23.0 + inverse * (14.0 + inverse * (10.0 + inverse * 4.0)))
    else:
        shape = (1.0 - beta2) * (1.0 + tau**2 / 8.0 - (2.0 * tau + 1.0) * np.log(2.0))
    bracket = 2.0 * np.log(energy / _MEAN_EXCITATION_GEV) + np.log1p(0.5 * tau) + shape - density_effect(energy, density_g_cm3)
    return _electron_scale(energy) * (bracket - _hard_loss(energy, positron, transfer_cut_gev))


def _hard_loss(energy: np.ndarray, positron: bool, transfer_cut_gev: float) -> np.ndarray:
    """Integral of W dN/dW above the cut, over the common scale."""
    tau = energy / ELECTRON_MASS_GEV
    if positron:
        b1, b2, b3, b4 = _bhabha_terms(energy)
        share = np.minimum(transfer_cut_gev / energy, 1.0)
        return -np.log(share) - b1 * (1.0 - share) + b2 / 2.0 * (1.0 - share**2) - b3 / 3.0 * (1.0 - share**3) + b4 / 4.0 * (1.0 - share**4)

    def primitive(share: np.ndarray) -> np.ndarray:
        rest = 1.0 - share
        return (
            np.log(share) + 1.0 / rest + np.log(rest) + 0.5 * (tau / (tau + 1.0)) ** 2 * share**2
            + (2.0 * tau + 1.0) / (tau + 1.0) ** 2 * np.log(rest)
        )  # fmt: skip

    return primitive(np.full_like(energy, 0.5)) - primitive(np.minimum(transfer_cut_gev / energy, 0.5))


def transport_rate(kinetic_gev: np.ndarray | float) -> np.ndarray:
    """Loss of the mean cosine of an electron's direction per g/cm2 by elastic scattering: Rutherford with Moliere's screening, electrons as Z -> Z (Z + 1)."""
    tau = np.asarray(kinetic_gev, dtype=float) / ELECTRON_MASS_GEV
    momentum2 = tau * (tau + 2.0)
    beta2 = momentum2 / (tau + 1.0) ** 2
    rate = np.zeros_like(tau)
    for charge, molar_mass, fraction in AIR_ELEMENTS:
        atom_radius = 0.885 / FINE_STRUCTURE * charge ** (-1 / 3)
        screening = (1.13 + 3.76 * (FINE_STRUCTURE * charge) ** 2 / beta2) / (4.0 * momentum2 * atom_radius**2)
        nuclei = AVOGADRO * fraction / molar_mass * charge * (charge + 1.0)
        rate += nuclei * 2.0 * np.pi * ELECTRON_RADIUS2_CM2 / (momentum2 * beta2) * (np.log1p(1.0 / screening) - 1.0 / (1.0 + screening))
    return rate
