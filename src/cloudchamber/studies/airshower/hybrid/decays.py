"""Decays of pions, kaons and muons in flight: energy fractions of the children, drawn from phase space.

Branching ratios, masses and lifetimes: Particle Data Group, PTEP 2022 (2022) 083C01.
"""

from __future__ import annotations

import numpy as np

from cloudchamber.studies.airshower.hybrid.interactions import ELECTRON, K0_LONG, K0_SHORT, KAON, MUON, NEUTRINO, PHOTON, PION

MASS_GEV = {PION: 0.13957, KAON: 0.49368, K0_LONG: 0.49761, K0_SHORT: 0.49761, MUON: 0.10566, ELECTRON: 0.000511, NEUTRINO: 0.0}
C_TAU_CM = {PION: 780.45, KAON: 371.2, K0_LONG: 1534.0, K0_SHORT: 2.684, MUON: 65_863.8}
_NEUTRAL_PION = -1
_NEUTRAL_PION_MASS_GEV = 0.13498
_BRANCHES: dict[int, tuple[tuple[float, tuple[int, ...]], ...]] = {
    PION: ((1.0, (MUON, NEUTRINO)),),
    KAON: (
        (0.6356, (MUON, NEUTRINO)),
        (0.2067, (PION, _NEUTRAL_PION)),
        (0.0558, (PION, PION, PION)),
        (0.0507, (_NEUTRAL_PION, ELECTRON, NEUTRINO)),
        (0.0335, (_NEUTRAL_PION, MUON, NEUTRINO)),
        (0.0177, (PION, _NEUTRAL_PION, _NEUTRAL_PION)),
    ),
    K0_LONG: (
        (0.4055, (PION, ELECTRON, NEUTRINO)),
        (0.2704, (PION, MUON, NEUTRINO)),
        (0.1952, (_NEUTRAL_PION, _NEUTRAL_PION, _NEUTRAL_PION)),
        (0.1254, (PION, PION, _NEUTRAL_PION)),
    ),
    K0_SHORT: ((0.692, (PION, PION)), (0.307, (_NEUTRAL_PION, _NEUTRAL_PION))),
    MUON: ((1.0, (ELECTRON, NEUTRINO, NEUTRINO)),),
}


def decay_sample(parent: int, events: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Children of ``events`` fast decays: species (children,), energy fraction (children,), offsets (events + 1,). Fractions of an event add up to one."""
    chances = np.array([chance for chance, _ in _BRANCHES[parent]])
    branch = rng.choice(len(chances), size=events, p=chances / chances.sum())
    event_of, species, fractions = [], [], []
    for index, (_, children) in enumerate(_BRANCHES[parent]):
        chosen = np.flatnonzero(branch == index)
        shares = _fractions(parent, children, len(chosen), rng)
        for position, child in enumerate(children):
            if child == _NEUTRAL_PION:
                # flat in energy: the two photons of a fast neutral pion
                split = rng.random(len(chosen))
                event_of += [chosen, chosen]
                species += [np.full(len(chosen), PHOTON)] * 2
                fractions += [shares[position] * split, shares[position] * (1.0 - split)]
            else:
                event_of.append(chosen)
                species.append(np.full(len(chosen), child))
                fractions.append(shares[position])
    events_flat, kinds, values = np.concatenate(event_of), np.concatenate(species), np.concatenate(fractions)
    order = np.argsort(events_flat, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(events_flat, minlength=events))])
    return kinds[order], values[order], offsets


def _fractions(parent: int, children: tuple[int, ...], events: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Laboratory energy fractions of the children of a parent at the speed of light: (E* + p*_z) / M."""
    mass = MASS_GEV[parent]
    masses = [_NEUTRAL_PION_MASS_GEV if child == _NEUTRAL_PION else MASS_GEV[child] for child in children]
    if len(children) == 2:
        energy = (mass**2 + masses[0] ** 2 - masses[1] ** 2) / (2 * mass)
        momentum = np.sqrt(energy**2 - masses[0] ** 2)
        first = (energy + momentum * rng.uniform(-1, 1, events)) / mass
        return [first, 1.0 - first]
    energies = _michel(mass, events, rng) if parent == MUON else _dalitz(mass, masses, events, rng)
    momenta = [np.sqrt(np.maximum(e**2 - m**2, 0.0)) for e, m in zip(energies, masses, strict=True)]
    # three momenta in a plane, that plane turned at random: only the projections on the flight axis matter
    cosine = np.clip((momenta[2] ** 2 - momenta[0] ** 2 - momenta[1] ** 2) / np.maximum(2 * momenta[0] * momenta[1], 1e-12), -1, 1)
    along = rng.uniform(-1, 1, events)
    across = np.sqrt(1 - along**2) * np.cos(rng.uniform(0, 2 * np.pi, events))
    first = momenta[0] * along
    second = momenta[1] * (cosine * along + np.sqrt(1 - cosine**2) * across)
    parts = [(energies[0] + first) / mass, (energies[1] + second) / mass]
    return [*parts, 1.0 - parts[0] - parts[1]]


def _dalitz(mass: float, masses: list[float], events: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Rest-frame energies of three bodies, flat in the Dalitz plane."""
    kept: list[np.ndarray] = [np.empty(0)] * 3
    top = [(mass**2 + m**2 - (sum(masses) - m) ** 2) / (2 * mass) for m in masses]
    while len(kept[0]) < events:
        first = rng.uniform(masses[0], top[0], 4 * events + 64)
        second = rng.uniform(masses[1], top[1], 4 * events + 64)
        third = mass - first - second
        p = [np.sqrt(np.maximum(e**2 - m**2, 0)) for e, m in zip((first, second, third), masses, strict=True)]
        allowed = (third >= masses[2]) & (np.abs(p[0] - p[1]) <= p[2]) & (p[2] <= p[0] + p[1])
        kept = [np.concatenate([a, b[allowed]]) for a, b in zip(kept, (first, second, third), strict=True)]
    return [values[:events] for values in kept]


def _michel(mass: float, events: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Unpolarised muon decay: electron x^2 (3 - 2x) with x = 2E/M; the neutrinos share the rest within phase space."""
    x = rng.random(4 * events + 64)
    x = x[rng.random(len(x)) < x**2 * (3 - 2 * x)][:events]
    if len(x) < events:
        return _michel(mass, events, rng)
    electron = np.maximum(0.5 * mass * x, MASS_GEV[ELECTRON])
    rest = mass - electron
    first = 0.5 * (rest + rng.uniform(-1, 1, events) * np.sqrt(np.maximum(electron**2 - MASS_GEV[ELECTRON] ** 2, 0.0)))
    return [electron, first, rest - first]
