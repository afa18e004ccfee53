"""Mean yields of interactions and decays on an energy grid: the matrices of the cascade equations."""

from __future__ import annotations

import numpy as np

from cloudchamber.studies.airshower.hybrid.decays import C_TAU_CM, MASS_GEV, decay_sample
from cloudchamber.studies.airshower.hybrid.interactions import (
    HADRONS,
    K0_LONG,
    K0_SHORT,
    KAON,
    LG_ENERGIES,
    LG_ENERGY_MIN,
    LG_ENERGY_STEP,
    LG_FRACTION_SCALE,
    MUON,
    NEUTRINO,
    NUCLEON,
    PION,
    PROJECTILES,
    SPECIES,
    Interactions,
)

PER_DECADE = 10
LG_MIN = -0.5
BINS = 116
"""Energy nodes lg(E/GeV) = -0.5, -0.4 ... 11.0; a particle between two nodes is shared so that number and energy are kept."""
PRODUCTS = len(SPECIES) - 1
"""Every species but neutrinos has nodes; neutrinos are only counted as invisible energy."""
_VISIBLE_BELOW_GRID = {NUCLEON: 1.0, PION: 0.6, KAON: 0.7, K0_LONG: 0.7, K0_SHORT: 0.7, MUON: 0.75}
"""Share of the energy that a particle under 0.316 GeV still deposits; its neutrinos take the rest."""
_FINE = 50


def nodes_gev() -> np.ndarray:
    """The energies of the grid."""
    return 10.0 ** (LG_MIN + np.arange(BINS) / PER_DECADE)


def share(species: np.ndarray, energy_gev: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Share particles over the grid: numbers per product species and node, then deposited and invisible energy [GeV], (PRODUCTS * BINS + 2,).

    Hadrons and muons below the grid are deposited; photons and electrons below it count as fewer particles at the lowest node, so that energy is kept.
    """
    nodes = nodes_gev()
    table = np.zeros((PRODUCTS, BINS))
    deposit = invisible = 0.0
    for kind in range(len(SPECIES)):
        chosen = (species == kind) & (energy_gev > 0)
        energy, count = energy_gev[chosen], number[chosen]
        if kind == NEUTRINO:
            invisible += float((energy * count).sum())
            continue
        under = energy < nodes[0]
        if kind in _VISIBLE_BELOW_GRID:
            lost = float((energy * count)[under].sum())
            deposit += _VISIBLE_BELOW_GRID[kind] * lost
            invisible += (1.0 - _VISIBLE_BELOW_GRID[kind]) * lost
        else:
            table[kind, 0] += float((energy * count)[under].sum()) / nodes[0]
        energy, count = energy[~under], count[~under]
        low = np.clip(((np.log10(energy) - LG_MIN) * PER_DECADE).astype(int), 0, BINS - 2)
        up = (energy - nodes[low]) / (nodes[low + 1] - nodes[low])
        table[kind] += np.bincount(low, count * (1 - up), BINS) + np.bincount(low + 1, count * up, BINS)
    return np.concatenate([table.ravel(), [deposit, invisible]])


def interaction_yields(library: dict[tuple[str, int], Interactions]) -> np.ndarray:
    """Mean products of one interaction, (projectile, parent node, PRODUCTS * BINS + 2): numbers per node, deposited and invisible energy [GeV].

    Between library energies the mean of the two neighbours is taken, at the same energy fraction; below the lowest one fractions scale (Feynman).
    """
    energies = nodes_gev()
    yields = np.zeros((len(PROJECTILES), BINS, PRODUCTS * BINS + 2), dtype=np.float32)
    for index, projectile in enumerate(PROJECTILES):
        fine = [_library_spectrum(library[projectile, node]) for node in range(LG_ENERGIES)]
        for parent, energy in enumerate(energies):
            position = np.clip((np.log10(energy) - LG_ENERGY_MIN) / LG_ENERGY_STEP, 0, LG_ENERGIES - 1)
            low = min(int(position), LG_ENERGIES - 2)
            up = position - low
            for node, weight in ((low, 1 - up), (low + 1, up)):
                if weight > 1e-9:
                    species, fraction, number = fine[node]
                    yields[index, parent] += share(species, fraction * energy, number * weight).astype(np.float32)
    return yields


def _library_spectrum(events: Interactions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = 10.0 ** (events.fraction_code / -LG_FRACTION_SCALE)
    weight = np.maximum(1.0, events.thinning / x) if events.thinning > 0 else np.ones(len(x))
    return _mean_spectrum(events.species, x, weight, len(events.offsets) - 1)


def _mean_spectrum(species: np.ndarray, x: np.ndarray, weight: np.ndarray, events: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Species, mean energy fraction and mean number an event, in bins of 0.02 in lg x."""
    key = species.astype(np.int64) * 2000 + np.minimum((-np.log10(np.maximum(x, 1e-30)) * _FINE).astype(np.int64), 1999)
    total = np.bincount(key, weight, len(SPECIES) * 2000)
    energy = np.bincount(key, weight * x, len(SPECIES) * 2000)
    used = np.flatnonzero(total)
    # quantised and thinned fractions add up to one only on average
    return used // 2000, energy[used] / total[used] / (energy.sum() / events), total[used] / events


def decay_yields(seed: int, events: int = 20_000) -> dict[int, np.ndarray]:
    """Mean products of one decay for each unstable species, (parent node, PRODUCTS * BINS + 2)."""
    tables = {}
    for parent in C_TAU_CM:
        kinds, fractions, _ = decay_sample(parent, events, np.random.default_rng([seed, parent]))
        species, fraction, number = _mean_spectrum(kinds, fractions, np.ones(len(kinds)), events)
        tables[parent] = np.stack([share(species, fraction * energy, number) for energy in nodes_gev()]).astype(np.float32)
    return tables


def decay_length_g_cm2_per_density(species: int) -> np.ndarray:
    """Mean decay length over air density, gamma c tau [cm], per node."""
    return nodes_gev() / MASS_GEV[species] * C_TAU_CM[species]


def swap_strangeness(table: np.ndarray) -> np.ndarray:
    """Yields of a neutral kaon from those of a charged one, by isospin: charged and neutral kaons change places."""
    body, rest = table[..., :-2], table[..., -2:]
    body = body.reshape(*table.shape[:-1], PRODUCTS, BINS).copy()
    charged, neutral = body[..., KAON, :].copy(), body[..., K0_LONG, :] + body[..., K0_SHORT, :]
    body[..., KAON, :] = neutral
    body[..., K0_LONG, :] = body[..., K0_SHORT, :] = 0.5 * charged
    return np.concatenate([body.reshape(*table.shape[:-1], PRODUCTS * BINS), rest], axis=-1)


def parent_yields(yields: np.ndarray) -> np.ndarray:
    """Yields per hadron species, (HADRONS, BINS, PRODUCTS * BINS + 2), from those per projectile."""
    neutral = swap_strangeness(yields[2])
    return np.stack([yields[0], yields[1], yields[2], neutral, neutral][:HADRONS])
