"""Monte Carlo of the high-energy photons, electrons and positrons of one shower.

What falls below a threshold becomes a source for the mean cascades of ``em_table``. Above it (100 GeV or more) screening is complete, so that one share x
or y describes each process; the Landau-Pomeranchuk-Migdal effect suppresses it with the local air density. Bremsstrahlung below ``SOFT_FRACTION`` of the
threshold is a continuous loss into the photon source; knock-on electrons above 1 MeV are left out, they carry 1e-6 of the energy.

References: A. Migdal, Phys. Rev. 103 (1956) 1811; T. Stanev et al., Phys. Rev. D 25 (1982) 1291 (fits of xi, G, phi); S. Klein, Rev. Mod. Phys. 71 (1999)
1501; A. Donnachie, P. Landshoff, Phys. Lett. B 296 (1992) 227 (gamma p); D. Heck et al., CORSIKA, FZKA 6019 (1998) (nuclear shadowing as A^0.91).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cloudchamber.studies.airshower.constants import AIR_MASS, ATOMIC_MASS_G_MB, ELECTRON_MASS_GEV, FINE_STRUCTURE, NUCLEON_MASS_GEV
from cloudchamber.studies.airshower.hybrid import em_cross_sections as em

PHOTON, ELECTRON = 0, 1
SOFT_FRACTION = 0.01
_X0 = em.RADIATION_LENGTH_G_CM2
_SCREENING = em.SCREENING_CONSTANT
_PAIR_RATE = (7.0 / 9.0 - _SCREENING / 6.0) / _X0
_MASS_GEV = ELECTRON_MASS_GEV
_HBAR_C_GEV_CM = 1.973269804e-14
_LPM_GEV_PER_CM = FINE_STRUCTURE * _MASS_GEV**2 / (4.0 * np.pi * _HBAR_C_GEV_CM)
"""E_LPM = 7.7 TeV/cm times the radiation length in cm."""
_S1 = np.sqrt(2.0) * (7.26 ** (1.0 / 3.0) / 184.15) ** 2
_LN_S1 = np.log(_S1)
_SHADOWED_NUCLEONS = AIR_MASS**0.91
_IONISATION = float(em.ionisation_loss(1.0e3, transfer_cut_gev=1.0e-3))


@njit(cache=True)
def _lpm_functions(argument: float) -> tuple[float, float, float]:
    """Migdal's xi, G and phi for s = sqrt(argument / xi), in the fits of Stanev et al."""
    s = np.sqrt(argument)
    xi = 1.0
    if s < 1.0:
        if s <= _S1:
            xi = 2.0
        else:
            h = np.log(s) / _LN_S1
            xi = 1.0 + h - 0.08 * (1.0 - h) * (1.0 - (1.0 - h) ** 2) / _LN_S1
        s /= np.sqrt(xi)
    phi = 1.0 - 0.012 / s**4
    if s < 1.54954:
        phi = 1.0 - np.exp(-6.0 * s * (1.0 + (3.0 - np.pi) * s) + s**3 / (0.623 + 0.796 * s + 0.658 * s**2))
    if s >= 0.904912:
        g = 1.0 - 0.022 / s**4
    elif s >= 0.710390:
        g = 36.0 * s**2 / (36.0 * s**2 + 1.0)
    else:
        psi = 1.0 - np.exp(-4.0 * s - 8.0 * s**2 / (1.0 + 3.96 * s + 4.97 * s**2 - 0.05 * s**3 + 7.5 * s**4))
        g = 3.0 * psi - 2.0 * phi
    return xi, g, phi


@njit(cache=True)
def lpm_bremsstrahlung(energy_gev: float, share: float, density_g_cm3: float) -> float:
    """Suppression of dN/dy at y = k/E = ``share``."""
    argument = _LPM_GEV_PER_CM * _X0 / density_g_cm3 * share / (8.0 * energy_gev * (1.0 - share))
    if argument > 100.0:
        return 1.0
    xi, g, phi = _lpm_functions(argument)
    return min(xi * (share**2 * g + 2.0 * (1.0 + (1.0 - share) ** 2) * phi) / (4.0 - 4.0 * share + 3.0 * share**2), 1.0)


@njit(cache=True)
def lpm_pair(energy_gev: float, share: float, density_g_cm3: float) -> float:
    """Suppression of dN/dx at x = E/k = ``share``."""
    product = share * (1.0 - share)
    argument = _LPM_GEV_PER_CM * _X0 / density_g_cm3 / (8.0 * energy_gev * product)
    if argument > 100.0:
        return 1.0
    xi, g, phi = _lpm_functions(argument)
    return min(xi * (g + 2.0 * (1.0 - 2.0 * product) * phi) / (3.0 - 4.0 * product), 1.0)


@njit(cache=True)
def photonuclear_cross_section_mb(energy_gev: float) -> float:
    """Photon-air hadron production: Donnachie and Landshoff's gamma p cross-section times A^0.91; from some GeV on."""
    s = NUCLEON_MASS_GEV * (NUCLEON_MASS_GEV + 2.0 * energy_gev)
    return _SHADOWED_NUCLEONS * (0.0677 * s**0.0808 + 0.129 * s**-0.4525)


_PAIR_MB = _PAIR_RATE * AIR_MASS * ATOMIC_MASS_G_MB


@njit(cache=True)
def _add_source(source: np.ndarray, energy_gev: float, number: float, depth: float, energy_grid: np.ndarray, depth_step: float) -> float:
    """Share particles between nodes so that number, energy and mean depth are conserved; returns the energy past the last depth."""
    place = depth / depth_step
    start = int(place)
    if start >= source.shape[1] - 1:
        return number * energy_gev
    along = place - start
    low = min(max(int(np.searchsorted(energy_grid, energy_gev)) - 1, 0), len(energy_grid) - 2)
    upper = (energy_gev - energy_grid[low]) / (energy_grid[low + 1] - energy_grid[low])
    if energy_gev < energy_grid[0]:  # below the table: fewer particles of its least energy
        number, upper = number * energy_gev / energy_grid[0], 0.0
    source[low, start] += number * (1.0 - upper) * (1.0 - along)
    source[low + 1, start] += number * upper * (1.0 - along)
    source[low, start + 1] += number * (1.0 - upper) * along
    source[low + 1, start + 1] += number * upper * along
    return 0.0


@njit(cache=True)
def _pair_share(energy_gev: float, density_g_cm3: float, rng: np.random.Generator) -> float:
    """One lepton's share of a photon, negative where the LPM effect suppresses the pair."""
    while True:
        x = rng.random()
        if rng.random() < 1.0 - (4.0 / 3.0 + _SCREENING) * x * (1.0 - x):
            return x if rng.random() < lpm_pair(energy_gev, x, density_g_cm3) else -1.0


@njit(cache=True)
def _hard_rate(soft: float) -> float:
    """Bremsstrahlung above y = ``soft``, per g/cm2."""
    return ((4.0 / 3.0 + _SCREENING) * (-np.log(soft) - 1.0 + soft) + 0.5 * (1.0 - soft**2)) / _X0


@njit(cache=True)
def _photon_share(energy_gev: float, soft: float, density_g_cm3: float, rng: np.random.Generator) -> float:
    """The photon's share y > ``soft``, negative where the LPM effect suppresses it."""
    while True:
        y = soft ** rng.random()
        if rng.random() * (4.0 / 3.0 + _SCREENING) < (4.0 / 3.0 + _SCREENING) * (1.0 - y) + y**2:
            return y if rng.random() < lpm_bremsstrahlung(energy_gev, y, density_g_cm3) else -1.0


@njit(cache=True)
def em_shower(
    kind: int,
    energy_gev: float,
    depth_g_cm2: float,
    threshold_gev: float,
    depth_step_g_cm2: float,
    density_g_cm3: np.ndarray,
    energy_grid_gev: np.ndarray,
    source_photon: np.ndarray,
    source_electron: np.ndarray,
    charged: np.ndarray,
    energy_deposit: np.ndarray,
    in_flight: np.ndarray,
    photonuclear: np.ndarray,
    rng: np.random.Generator,
) -> tuple[int, float]:
    """Follow one photon (``kind`` 0) or electron (1) and its offspring down to the threshold, at most to the last depth.

    ``density_g_cm3``, ``charged``, ``energy_deposit`` in GeV cm2/g and ``in_flight`` in GeV live on the depth grid 0, step, ...; the sources are (energies,
    depths) histograms of particle numbers. All but the densities are added to. ``photonuclear`` (any, 2) receives energy and depth of the photons that interact
    hadronically, which leave the electromagnetic cascade; with no rows left a photon makes a pair instead. Returns the number of rows used and the depth of the
    first interaction. The energy that passes the last depth is ``in_flight`` there.
    """
    last = (len(density_g_cm3) - 1) * depth_step_g_cm2
    cut = SOFT_FRACTION * threshold_gev
    n_nuclear, first = 0, -1.0
    stack = [(kind, energy_gev, depth_g_cm2)]
    while len(stack) > 0:
        kind, energy, depth = stack.pop()
        if energy < threshold_gev:
            source = source_photon if kind == PHOTON else source_electron
            in_flight[-1] += _add_source(source, energy, 1.0, depth, energy_grid_gev, depth_step_g_cm2)
            continue
        if kind == PHOTON:
            nuclear = photonuclear_cross_section_mb(energy) / _PAIR_MB if n_nuclear < len(photonuclear) else 0.0
            start = depth
            while True:
                depth += rng.exponential() / (_PAIR_RATE * (1.0 + nuclear))
                if depth >= last:
                    depth = last
                    break
                if rng.random() * (1.0 + nuclear) < nuclear:
                    photonuclear[n_nuclear, 0], photonuclear[n_nuclear, 1] = energy, depth
                    n_nuclear += 1
                    break
                share = _pair_share(energy, density_g_cm3[int(depth / depth_step_g_cm2)], rng)
                if share > 0.0:
                    stack.append((ELECTRON, energy * share, depth))
                    stack.append((ELECTRON, energy * (1.0 - share), depth))
                    break
            in_flight[int(np.ceil(start / depth_step_g_cm2)) : int(depth / depth_step_g_cm2) + 1] += energy
            first = depth if first < 0.0 else first
            continue
        if depth == int(depth / depth_step_g_cm2) * depth_step_g_cm2:
            in_flight[int(depth / depth_step_g_cm2)] += energy
        path = rng.exponential()
        while energy >= threshold_gev:
            index = int(depth / depth_step_g_cm2)
            if index >= len(density_g_cm3) - 1:
                energy = 0.0
                break
            soft = cut / energy
            rate = _hard_rate(soft)
            step = min(path / rate, (index + 1) * depth_step_g_cm2 - depth)
            middle = (depth + 0.5 * step) / depth_step_g_cm2 - index
            radiated = cut * step * (4.0 / 3.0 + _SCREENING) / _X0 * lpm_bremsstrahlung(energy, 0.5 * soft, density_g_cm3[index])
            ionised = _IONISATION * step
            in_flight[-1] += _add_source(source_photon, 0.5 * cut, 2.0 * radiated / cut, depth + 0.5 * step, energy_grid_gev, depth_step_g_cm2)
            charged[index] += (1.0 - middle) * step / depth_step_g_cm2
            charged[index + 1] += middle * step / depth_step_g_cm2
            energy_deposit[index] += (1.0 - middle) * ionised / depth_step_g_cm2
            energy_deposit[index + 1] += middle * ionised / depth_step_g_cm2
            energy -= radiated + ionised
            if step < path / rate:
                path -= step * rate
                depth = (index + 1) * depth_step_g_cm2
                in_flight[index + 1] += energy
                continue
            depth += step
            path = rng.exponential()
            share = _photon_share(energy, min(cut / energy, 1.0), density_g_cm3[index], rng)
            if share > 0.0:
                stack.append((PHOTON, energy * share, depth))
                energy *= 1.0 - share
                first = depth if first < 0.0 else first
        if energy > 0.0:
            stack.append((ELECTRON, energy, depth))
    return n_nuclear, first if first >= 0.0 else depth
