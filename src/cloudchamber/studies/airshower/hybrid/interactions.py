"""A library of hadron-air interactions and nuclear break-ups from a real event generator, to be replayed.

Species are merged by what the cascade does with them: every (anti)nucleon is a nucleon, charges of a meson are one.
Energies are kinetic for nucleons, total for the rest.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SPECIES = ("nucleon", "pion", "kaon", "k0_long", "k0_short", "photon", "electron", "muon", "neutrino")
NUCLEON, PION, KAON, K0_LONG, K0_SHORT, PHOTON, ELECTRON, MUON, NEUTRINO = range(len(SPECIES))
HADRONS = 5
PROJECTILES = ("p", "pi+", "K+")
NUCLEON_MASS_GEV = 0.9389
AIR = (("N", 0.7847), ("O", 0.2153))
LG_ENERGY_MIN, LG_ENERGY_STEP, LG_ENERGIES = 1.8, 0.2, 47
"""Library energies: lg(E_lab/GeV) = 1.8, 2.0 ... 11.0; Sibyll starts at sqrt(s) = 10 GeV."""
LG_FRACTION_SCALE = 4000.0
"""Energy fractions x are kept as uint16 = -4000 lg x: 0.06 % steps down to 4e-17."""
_HYPERONS_DECAY_BELOW_GEV = 1.0e5
"""A Lambda of 1e5 GeV flies 7 km: above, it meets a nucleus first and goes on as a baryon."""

_KIND = {211: PION, 321: KAON, 130: K0_LONG, 310: K0_SHORT, 22: PHOTON, 11: ELECTRON, 13: MUON, 12: NEUTRINO, 14: NEUTRINO, 16: NEUTRINO}


@dataclass(frozen=True)
class Interactions:
    """Secondaries of one projectile at one energy: ``species`` and ``fraction_code`` (secondaries,), ``offsets`` (events + 1,).

    Secondaries with an energy fraction x below ``thinning`` are kept with probability x / thinning and count thinning / x.
    """

    species: np.ndarray
    fraction_code: np.ndarray
    offsets: np.ndarray
    thinning: float


@dataclass(frozen=True)
class Fragmentations:
    """Break-ups of nuclei: per mass number A (2..56) and event, the number of nucleons that interact and the masses of what is left."""

    wounded: np.ndarray
    fragments: np.ndarray
    offsets: np.ndarray
    events: int


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Fortran prints its banner to the process's standard output: close that tap for a while."""
    with open(os.devnull, "w") as nowhere:
        kept = os.dup(1)
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def library_energies_gev() -> np.ndarray:
    """The projectile energies of the library."""
    return 10.0 ** (LG_ENERGY_MIN + LG_ENERGY_STEP * np.arange(LG_ENERGIES))


def find_model(model: str):  # type: ignore[no-untyped-def]
    """The class of the chromo generator ``model``, a Sibyll, whose Glauber and fragmentation routines serve the nuclei; ValueError says which there are."""
    from chromo import models

    known = [name for name in models.__all__ if name.startswith("Sibyll")]
    if model not in known:
        raise ValueError(f"no event generator '{model}' that can serve nuclei too; there are: {', '.join(known)}")
    return getattr(models, model)


def load_generator(model: str, seed: int):  # type: ignore[no-untyped-def]
    """The chromo generator ``model`` on air, one a process; ValueError says which models there are."""
    from chromo.kinematics import CompositeTarget, FixedTarget, GeV

    kind = find_model(model)
    with _quiet():
        return kind(FixedTarget(1e6 * GeV, "p", CompositeTarget(list(AIR))), seed=seed)


def generate(generator, projectile: str, energy_gev: float, events: int, thinning: float, rng: np.random.Generator) -> Interactions:  # type: ignore[no-untyped-def]
    """Collisions of ``projectile`` on air; energy fractions of each event add up to one."""
    from chromo.kinematics import CompositeTarget, FixedTarget, GeV

    with _quiet():
        generator.kinematics = FixedTarget(energy_gev * GeV, projectile, CompositeTarget(list(AIR)))
        final = []
        for event in generator(events):
            state = event.final_state()
            final.append((np.array(state.pid), np.array(state.en)))
    species, codes, lengths = [], [], []
    for pid, energy in final:
        kind, gev = merge_species(pid, energy, rng)
        fraction = gev / gev.sum()
        if thinning > 0:
            keep = rng.random(len(fraction)) * thinning < fraction
            kind, fraction = kind[keep], fraction[keep]
        order = np.argsort(-fraction)
        species.append(kind[order])
        codes.append(np.clip(np.rint(-LG_FRACTION_SCALE * np.log10(np.maximum(fraction[order], 1e-16))), 0, 65535))
        lengths.append(len(kind))
    return Interactions(
        np.concatenate(species).astype(np.uint8),
        np.concatenate(codes).astype(np.uint16),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        thinning,
    )


def merge_species(pid: np.ndarray, energy_gev: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Species codes and energies (kinetic for nucleons) of generator particles; hyperons below 1e5 GeV decay to a nucleon and a pion."""
    kind = np.full(len(pid), NUCLEON)
    for code, merged in _KIND.items():
        kind[np.abs(pid) == code] = merged
    energy = energy_gev.astype(float)
    strange = (kind == NUCLEON) & (np.abs(pid) > 3000) & (energy < _HYPERONS_DECAY_BELOW_GEV)
    # Lambda -> N pi: the pion's mean share of the energy is 0.15 with a spread of 0.09 from the decay angle
    share = np.clip(0.153 + 0.091 * rng.uniform(-1, 1, strange.sum()), 0.01, 0.9)
    charged = rng.random(len(share)) < 2.0 / 3.0
    pion_energy = energy[strange] * share
    energy[strange] -= pion_energy
    split = rng.random(int((~charged).sum()))
    kind = np.concatenate([kind, np.full(charged.sum(), PION), np.full(2 * len(split), PHOTON)])
    neutral = pion_energy[~charged]
    energy = np.concatenate([energy, pion_energy[charged], neutral * split, neutral * (1 - split)])
    # antibaryons annihilate and give their own and another's mass back
    nucleon = np.flatnonzero(kind == NUCLEON)
    matter = nucleon[pid[nucleon] > 0]
    energy[matter] = np.maximum(energy[matter] - NUCLEON_MASS_GEV, 1e-6)
    return kind, energy


def cross_sections_mb(generator) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Production cross-sections on air, (projectile, energy): p, pi, K."""
    root_s = np.sqrt(2.0 * NUCLEON_MASS_GEV * library_energies_gev())
    table = np.empty((len(PROJECTILES), LG_ENERGIES))
    for i in range(len(PROJECTILES)):
        for j, ecm in enumerate(root_s):
            value = generator._lib.sib_sigma_hair(i + 1, ecm)
            table[i, j] = value[0] if isinstance(value, tuple) else value
    return table


def nuclear_cross_sections_mb(generator, lg_energies_per_nucleon: np.ndarray, trials: int = 3000) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Nucleus-air cross-sections (A = 0..56, energy per nucleon), production plus quasi-elastic: the events that ``fragmentations`` holds."""
    table = np.zeros((57, len(lg_energies_per_nucleon)))
    fraction = {"N": 14, "O": 16}
    for j, lg_energy in enumerate(lg_energies_per_nucleon):
        ecm = float(np.sqrt(2.0 * NUCLEON_MASS_GEV * 10.0**lg_energy))
        for mass in range(2, 57):
            for element, share in AIR:
                generator._lib.sigma_nuc_nuc(mass, fraction[element], ecm, trials)
                found = generator._lib.nucnucsig
                table[mass, j] += share * float(found.sigprod + found.sigqe)
    return table


def fragmentations(generator, lg_energy_per_nucleon: float, events: int, rng: np.random.Generator) -> Fragmentations:  # type: ignore[no-untyped-def]
    """Sibyll's own Glauber and fragmentation routine (Engel et al., PRD 46 (1992) 5013) for every A on nitrogen and oxygen."""
    ecm = float(np.sqrt(2.0 * NUCLEON_MASS_GEV * 10.0**lg_energy_per_nucleon))
    wounded = np.zeros((57, events), dtype=np.uint8)
    pieces, lengths = [], []
    for mass in range(2, 57):
        for event in range(events):
            target = 14 if rng.random() < AIR[0][1] else 16
            generator._lib.sibnuc(mass, target, ecm)
            codes = generator._lib.s_plnuc.lla[: generator._lib.s_plnuc.npa]
            left = codes[codes > 1000] - 1000
            wounded[mass, event] = mass - left.sum()
            pieces.append(left)
            lengths.append(len(left))
    flat = np.zeros(57 * events + 1, dtype=np.int64)
    flat[2 * events + 1 :] = np.cumsum(lengths)
    return Fragmentations(wounded, np.concatenate(pieces).astype(np.uint8), flat, events)
