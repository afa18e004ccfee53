"""Xmax and muons of given air-shower profiles, in place of the laws of ``showers``: simulated ones, or those of a surrogate that learned them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cloudchamber.store.read import Store
from cloudchamber.studies.surface_array.columns import PARTICLES

COLUMNS = ("primary", "lg_energy_ev", "zenith_deg", "xmax_g_cm2", "n_muon")
NAMES = {"photon": "gamma"}
"""What profiles call a primary that is called otherwise here."""
NEIGHBOURS, FARTHEST_LG_ENERGY = 32, 0.1
"""An event takes one of so many showers of its primary next to its energy, none of them farther than this."""
_CHUNK = 10_000


class Kind(NamedTuple):
    """Showers of one primary, each (showers,), energies rising."""

    lg_energy_ev: np.ndarray
    xmax_g_cm2: np.ndarray
    ln_muon_scale: np.ndarray


def draw_xmax_and_muons(folder: str, particle: np.ndarray, lg_energy_ev: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Xmax [g/cm2] and ln of the muon number over the mean proton's, (events,), both of one shower of ``folder``; ValueError where it holds none alike."""
    kinds = read_profiles(folder)
    xmax, muons = np.empty(len(particle)), np.empty(len(particle))
    for code in np.unique(particle):
        name, mine = PARTICLES[code], particle == code
        if name not in kinds:
            raise ValueError(f"profiles: '{folder}' holds no shower of {name}; it has: {', '.join(kinds)}")
        energies = kinds[name].lg_energy_ev
        near = np.searchsorted(energies, lg_energy_ev[mine]) + rng.integers(-NEIGHBOURS // 2, NEIGHBOURS // 2, np.count_nonzero(mine))
        near = np.clip(near, 0, len(energies) - 1)
        off = np.abs(energies[near] - lg_energy_ev[mine])
        if off.max() > FARTHEST_LG_ENERGY:
            wanted = lg_energy_ev[mine][off.argmax()]
            raise ValueError(
                f"profiles: '{folder}' holds too few showers of {name} near lg(E/eV) = {wanted:.2f}; its energies lie between "
                f"{energies[0]:.2f} and {energies[-1]:.2f}: narrow lg_energy_ev, or make more"
            )
        xmax[mine], muons[mine] = kinds[name].xmax_g_cm2[near], kinds[name].ln_muon_scale[near]
    return xmax, muons


@lru_cache(maxsize=2)
def read_profiles(folder: str) -> dict[str, Kind]:
    """The showers of an event store of profiles by primary, as ``PARTICLES`` names them; ValueError where it lacks a column or protons."""
    store = Store(folder)
    missing = [name for name in COLUMNS if name not in store.schema.columns]
    if missing:
        raise ValueError(f"profiles: '{folder}' has no column '{missing[0]}'; wanted are air showers with {', '.join(COLUMNS)}")
    plain = store.read(COLUMNS[:-1])
    # profiles are long: one part of them at a time
    most = [np.asarray(store.read(COLUMNS[-1:], slice(start, start + _CHUNK))[COLUMNS[-1]]).max(axis=1) for start in range(0, len(store), _CHUNK)]
    ln_muons = np.log(np.maximum(np.concatenate(most), 1.0))
    lg_energy, zenith = np.asarray(plain["lg_energy_ev"], float), np.asarray(plain["zenith_deg"], float)
    primary = np.array([NAMES.get(name, name) for name in store.schema.columns["primary"].categories])[plain["primary"]]
    scale = ln_muons - _mean_proton(lg_energy, zenith, ln_muons, primary == "p", folder)
    kinds = {}
    for name in PARTICLES:
        mine = np.flatnonzero(primary == name)
        if len(mine):
            mine = mine[np.argsort(lg_energy[mine], kind="stable")]
            kinds[name] = Kind(lg_energy[mine], np.asarray(plain["xmax_g_cm2"], float)[mine], scale[mine])
    return kinds


def _mean_proton(lg_energy: np.ndarray, zenith_deg: np.ndarray, ln_muons: np.ndarray, proton: np.ndarray, folder: str) -> np.ndarray:
    """ln of the mean number of muons that protons of these energies and zenith angles have, by a regression over the protons."""
    secant = 1 / np.cos(np.radians(zenith_deg))
    terms = np.stack([np.ones_like(secant), lg_energy, secant, secant**2], axis=1)
    if np.count_nonzero(proton) < 10 * terms.shape[1]:
        raise ValueError(f"profiles: '{folder}' holds {np.count_nonzero(proton)} showers of p; the mean number of muons needs {10 * terms.shape[1]}")
    factors = np.linalg.lstsq(terms[proton], ln_muons[proton], rcond=None)[0]
    rest = ln_muons[proton] - terms[proton] @ factors
    return np.asarray(terms @ factors + np.log(np.mean(np.exp(rest))))
