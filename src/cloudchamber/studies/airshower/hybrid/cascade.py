"""Mean cascades below the threshold: hadrons and muons by cascade equations, photons and electrons by templates, many showers at once.

In each depth step every particle's chance to interact or decay is exact for constant density. Products start at both ends of the step, shared so that their
mean depth is right; those that start early get a second chance within the step. Number, energy and mean depth are kept for any step. Photons above 1 GeV are
followed for their hadronic interactions only: each takes a photon out of the templates and puts a pion's interaction in.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2
from cloudchamber.studies.airshower.constants import AIR_MASS, ATOMIC_MASS_G_MB, LIBRARY_TARGET_MASS, NUCLEON_MASS_GEV
from cloudchamber.studies.airshower.hybrid.decays import C_TAU_CM, MASS_GEV
from cloudchamber.studies.airshower.hybrid.em_cascade import photonuclear_cross_section_mb
from cloudchamber.studies.airshower.hybrid.em_table import EmTable, em_generator
from cloudchamber.studies.airshower.hybrid.hadron_table import BINS, PRODUCTS, decay_length_g_cm2_per_density, decay_yields, nodes_gev, parent_yields
from cloudchamber.studies.airshower.hybrid.interactions import HADRONS, KAON, MUON, NUCLEON, PHOTON, PION, library_energies_gev
from cloudchamber.studies.airshower.hybrid.tables import Tables

MOVERS = HADRONS + 1
"""Hadrons, then muons: what the equations carry from step to step."""
_DECAY_SEED = 7
_CHUNKS = 8
_COUNT_ABOVE_GEV = 1.0


@dataclass(frozen=True)
class Equations:
    """The matrices of the cascade equations on the first ``nodes`` energy nodes, node-major (low energies first).

    ``products`` (nodes * PRODUCTS, nodes * 2 MOVERS): numbers of each product from each interaction (the first MOVERS columns of a node; a muon's is empty) and
    each decay; ``losses`` (2, nodes * 2 MOVERS): deposited and invisible energy [GeV]; ``interaction_rate`` (nodes, MOVERS) per g/cm2; ``decay_length``
    (nodes, MOVERS): gamma c tau [cm], inf for nucleons; ``ionisation`` (nodes, MOVERS): dE/dX [GeV cm2/g]; ``counted`` (nodes,): share of a node's particles
    above 1 GeV; ``em_step`` carries photons, electrons and positrons over one depth step, ``photonuclear`` gives their hadronic interactions meanwhile.
    """

    nodes: int
    energy: np.ndarray
    products: np.ndarray
    losses: np.ndarray
    interaction_rate: np.ndarray
    decay_length: np.ndarray
    ionisation: np.ndarray
    counted: np.ndarray
    em_step: np.ndarray
    photonuclear: np.ndarray

    def up_to(self, nodes: int) -> Equations:
        """Those of the first ``nodes`` nodes alone: particles only lose energy, so that these do not depend on what is above."""
        products = self.products.reshape(self.nodes, PRODUCTS, self.nodes, 2 * MOVERS)[:nodes, :, :nodes]
        # electrons and positrons have no state at the cut
        states = np.concatenate([np.arange(nodes), self.nodes + np.arange(nodes - 1), 2 * self.nodes - 1 + np.arange(nodes - 1)])
        return Equations(
            nodes,
            self.energy[:nodes],
            np.ascontiguousarray(products).reshape(nodes * PRODUCTS, nodes * 2 * MOVERS),
            np.ascontiguousarray(self.losses.reshape(2, self.nodes, 2 * MOVERS)[:, :nodes]).reshape(2, nodes * 2 * MOVERS),
            self.interaction_rate[:nodes],
            self.decay_length[:nodes],
            self.ionisation[:nodes],
            self.counted[:nodes],
            self.em_step[np.ix_(states, states)],
            self.photonuclear[:nodes, states],
        )


def build_equations(tables: Tables, nodes: int = BINS) -> Equations:
    """The equations for particles up to the energy of node ``nodes - 1``."""
    energy = nodes_gev()[:nodes]
    sources = np.zeros((nodes, 2 * MOVERS, PRODUCTS * BINS + 2), dtype=np.float32)
    sources[:, :HADRONS] = np.moveaxis(parent_yields(tables.yields)[:, :nodes], 0, 1)
    for kind, table in decay_yields(_DECAY_SEED).items():
        sources[:, MOVERS + _mover(kind)] = table[:nodes]
    body = sources[..., :-2].reshape(nodes, 2 * MOVERS, PRODUCTS, BINS)[..., :nodes]
    products = np.ascontiguousarray(body.transpose(3, 2, 0, 1).reshape(nodes * PRODUCTS, nodes * 2 * MOVERS))
    losses = np.ascontiguousarray(sources[..., -2:].reshape(nodes * 2 * MOVERS, 2).T)
    lg_library = np.log10(library_energies_gev())
    sigma = np.stack([np.interp(np.log10(energy), lg_library, row) for row in tables.sigma_mb], axis=1)
    rate = np.zeros((nodes, MOVERS))
    rate[:, :HADRONS] = sigma[:, [0, 1, 2, 2, 2]] / (ATOMIC_MASS_G_MB * LIBRARY_TARGET_MASS)
    length = np.full((nodes, MOVERS), np.inf)
    for kind in C_TAU_CM:
        length[:, _mover(kind)] = decay_length_g_cm2_per_density(kind)[:nodes]
    counted = np.where(energy > 1.05 * _COUNT_ABOVE_GEV, 1.0, np.where(energy > 0.95 * _COUNT_ABOVE_GEV, 0.5, 0.0))
    return Equations(
        nodes,
        energy,
        products,
        losses,
        rate.astype(np.float32),
        length.astype(np.float32),
        _ionisation(energy),
        counted.astype(np.float32),
        *_photonuclear(energy, DEPTH_STEP_G_CM2),
    )


def _mover(kind: int) -> int:
    return HADRONS if kind == MUON else kind


def _photonuclear(energy_gev: np.ndarray, step_g_cm2: float) -> tuple[np.ndarray, np.ndarray]:
    """Propagator of (photons at every node, electrons, positrons) over a step, and the number of hadronic interactions of photons at each node meanwhile."""
    from scipy.linalg import expm

    forward = em_generator(energy_gev).T.copy()
    nodes, size = len(energy_gev), len(forward)
    sigma_mb = np.array([photonuclear_cross_section_mb(energy) for energy in energy_gev])
    rate = np.where(energy_gev > _COUNT_ABOVE_GEV, sigma_mb, 0.0) / (ATOMIC_MASS_G_MB * AIR_MASS)
    forward[np.arange(nodes), np.arange(nodes)] -= rate
    augmented = np.zeros((2 * size, 2 * size))
    augmented[:size, :size], augmented[:size, size:] = forward * step_g_cm2, np.eye(size) * step_g_cm2
    exponential = expm(augmented)
    return exponential[:size, :size].astype(np.float32), (rate[:, None] * exponential[:nodes, size:]).astype(np.float32)


def _ionisation(energy_gev: np.ndarray) -> np.ndarray:
    """Mean loss of charged particles in air, dE/dX [GeV cm2/g]: 1.8 MeV at the minimum, relativistic rise, and the muon's radiative losses.

    References: Groom et al., Atomic Data and Nuclear Data Tables 78 (2001) 183.
    """
    masses = {NUCLEON: NUCLEON_MASS_GEV, PION: MASS_GEV[PION], KAON: MASS_GEV[KAON], HADRONS: MASS_GEV[MUON]}
    loss = np.zeros((len(energy_gev), MOVERS))
    for index, mass in masses.items():
        kinetic = energy_gev if index == NUCLEON else np.maximum(energy_gev - mass, 0.3 * energy_gev)
        gamma = 1.0 + kinetic / mass
        beta2 = 1.0 - gamma**-2
        loss[:, index] = 1.0e-3 * 1.815 / beta2 * (1.0 + 0.042 * np.log(np.clip(gamma, 3.5, 1000.0) / 3.5))
    # half of the nucleons are neutrons
    loss[:, NUCLEON] *= 0.5
    loss[:, HADRONS] += 3.5e-6 * energy_gev
    return loss.astype(np.float32)


@njit(cache=True)
def _lose(movers: np.ndarray, rate: np.ndarray, decay_length: np.ndarray, density: np.ndarray, step: np.float32, early: np.ndarray, late: np.ndarray) -> None:
    """Take from ``movers`` (nodes, MOVERS, showers) what interacts or decays within a step, into ``early`` and ``late`` (nodes, 2 MOVERS, showers)."""
    nodes, kinds, showers = movers.shape
    for i in range(nodes):
        for kind in range(kinds):
            interacting = rate[i, kind]
            length = decay_length[i, kind]
            for b in range(showers):
                number = movers[i, kind, b]
                decaying = np.float32(1.0) / (length * density[b])
                total = (interacting + decaying) * step
                if total < np.float32(1e-3):
                    lost = total * (np.float32(1.0) - np.float32(0.5) * total)
                    mean = np.float32(0.5)
                else:
                    left = np.exp(-total)
                    lost = np.float32(1.0) - left
                    mean = np.float32(1.0) / total - left / lost
                share = number * lost / (interacting + decaying)
                movers[i, kind, b] = number * (np.float32(1.0) - lost)
                late[i, kind, b] = share * interacting * mean
                early[i, kind, b] = share * interacting * (np.float32(1.0) - mean)
                late[i, kinds + kind, b] = share * decaying * mean
                early[i, kinds + kind, b] = share * decaying * (np.float32(1.0) - mean)


@njit(cache=True)
def _ionise(movers: np.ndarray, energy: np.ndarray, ionisation: np.ndarray, step: np.float32, deposit: np.ndarray, invisible: np.ndarray) -> None:
    """Move charged particles down the energy nodes by their ionisation loss; those that leave the lowest node deposit what they have."""
    nodes, kinds, showers = movers.shape
    for kind in range(kinds):
        for i in range(nodes):
            loss = ionisation[i, kind] * step
            if loss == 0.0:
                continue
            width = energy[i] - energy[i - 1] if i > 0 else energy[0]
            moved = min(loss / width, np.float32(1.0))
            # a stopped muon's or pion's neutrinos take about a third of what is left at 0.3 GeV
            seen = np.float32(1.0) if i > 0 or kind == 0 else np.float32(0.7)
            for b in range(showers):
                number = movers[i, kind, b] * moved
                movers[i, kind, b] -= number
                if i > 0:
                    movers[i - 1, kind, b] += number
                deposit[b] += number * width * seen
                invisible[b] += number * width * (np.float32(1.0) - seen)


def _multiply(matrix: np.ndarray, losses: np.ndarray, nodes: int) -> np.ndarray:
    """``matrix @ losses`` in column chunks: a parent makes nothing above its own energy, so each chunk needs its first rows only."""
    rows, columns = PRODUCTS, 2 * MOVERS
    result = np.zeros((nodes * rows, losses.shape[1]), dtype=np.float32)
    edges = np.linspace(0, nodes, _CHUNKS + 1).astype(int)
    for low, high in pairwise(edges):
        # one node more: sharing between nodes may reach the one above
        top = min(high + 1, nodes) * rows
        result[:top] += matrix[:top, low * columns : high * columns] @ losses[low * columns : high * columns]
    return result


@dataclass(frozen=True)
class Profiles:
    """Mean profiles of a batch, each (showers, depths): counts, dE/dX [GeV cm2/g], energy in flight [GeV], and the invisible energy so far [GeV]."""

    n_electron: np.ndarray
    n_muon: np.ndarray
    n_hadron: np.ndarray
    energy_deposit: np.ndarray
    in_flight: np.ndarray
    invisible: np.ndarray


def solve(source: np.ndarray, density_g_cm3: np.ndarray, last: np.ndarray, equations: Equations, em: EmTable, step_g_cm2: float) -> Profiles:
    """Follow ``source`` (PRODUCTS, nodes, depths, showers), particles put in at depth nodes, down to node ``last`` (showers,), which must not rise.

    ``density_g_cm3``: (depths, showers). Profiles past ``last`` are what the electromagnetic part makes of the sources above.
    """
    _, nodes, depths, showers = source.shape
    step = np.float32(step_g_cm2)
    template = _templates(em, nodes, depths)
    electromagnetic = np.zeros((3, showers, depths), dtype=np.float32)
    muons, hadrons, direct, flight, invisible = (np.zeros((depths, showers), dtype=np.float32) for _ in range(5))
    movers = np.zeros((nodes, MOVERS, showers), dtype=np.float32)
    carried = np.zeros((nodes, 2, showers), dtype=np.float32)
    followed = np.zeros((len(equations.em_step), showers), dtype=np.float32)
    removed = np.zeros((nodes, showers), dtype=np.float32)
    electrons = slice(nodes, 2 * nodes - 1)
    energy = equations.energy.astype(np.float32)
    for k in range(depths - 1):
        active = int(np.searchsorted(-last, -k, side="left"))
        if active == 0:
            break
        movers = np.ascontiguousarray(movers[..., :active])
        movers[:, :HADRONS] += source[:HADRONS, :, k, :active].transpose(1, 0, 2)
        movers[:, HADRONS] += source[MUON, :, k, :active]
        started = carried[..., :active] + source[PHOTON : PHOTON + 2, :, k, :active].transpose(1, 0, 2)
        hadrons[k, :active] = np.einsum("i,ikb->b", equations.counted, movers[:, :HADRONS])
        muons[k, :active] = equations.counted @ movers[:, HADRONS]
        flight[k, :active] = np.einsum("i,ikb->b", energy, movers)
        density = (0.5 * (density_g_cm3[k, :active] + density_g_cm3[k + 1, :active])).astype(np.float32)
        losses = np.empty((nodes, 2 * MOVERS, 2 * active), dtype=np.float32)
        _lose(movers, equations.interaction_rate, equations.decay_length, density, step, losses[..., :active], losses[..., active:])
        followed = np.ascontiguousarray(followed[:, :active])
        followed[:nodes] += started[:, 0]
        followed[electrons] += started[1:, 1]
        nuclear = np.float32(0.5) * (equations.photonuclear @ followed)
        losses[:, PION, :active] += nuclear
        losses[:, PION, active:] += nuclear
        flat = losses.reshape(nodes * 2 * MOVERS, 2 * active)
        made = _multiply(equations.products, flat, nodes).reshape(nodes, PRODUCTS, 2 * active)
        unseen = equations.losses @ flat
        again = np.ascontiguousarray(made[:, [*range(HADRONS), MUON], :active])
        second = np.empty((nodes, 2 * MOVERS, 2 * active), dtype=np.float32)
        _lose(again, equations.interaction_rate, equations.decay_length, density, step, second[..., :active], second[..., active:])
        flat = (second[..., :active] + second[..., active:]).reshape(nodes * 2 * MOVERS, active)
        made_again = _multiply(equations.products, flat, nodes).reshape(nodes, PRODUCTS, active)
        unseen_again = equations.losses @ flat
        movers += again + made[:, [*range(HADRONS), MUON], active:] + made_again[:, [*range(HADRONS), MUON]]
        half = np.float32(0.5) * made_again[:, PHOTON : PHOTON + 2]
        early = made[:, PHOTON : PHOTON + 2, :active] + half
        followed[:nodes] += early[:, 0]
        followed[electrons] += early[1:, 1]
        followed = equations.em_step @ followed
        started += early
        # the templates lose the photon: half of it here, half at the end of the step
        started[:, 0] -= nuclear + removed[:, :active]
        removed = nuclear
        carried = made[:, PHOTON : PHOTON + 2, active:] + half
        lost = unseen[0, :active] + unseen[0, active:] + unseen_again[0]
        gone = unseen[1, :active] + unseen[1, active:] + unseen_again[1]
        _ionise(movers, energy, equations.ionisation, step, lost, gone)
        direct[k, :active] += np.float32(0.5) * lost / step
        direct[k + 1, :active] += np.float32(0.5) * lost / step
        invisible[k + 1, :active] = invisible[k, :active] + gone
        for quantity in range(3):
            electromagnetic[quantity, :active, k:] += started.reshape(nodes * 2, active).T @ template[quantity][:, : depths - k]
    return Profiles(
        electromagnetic[0], muons.T, hadrons.T, electromagnetic[1] + direct.T, electromagnetic[2] + flight.T, np.maximum.accumulate(invisible.T, axis=1)
    )


def _templates(em: EmTable, nodes: int, depths: int) -> np.ndarray:
    """Charged number, deposit and energy in flight of photons and electrons at each node, (3, nodes * 2, depths)."""
    first = int(np.argmin(np.abs(em.energy_gev - nodes_gev()[0])))
    kinds = [getattr(em, name)[:, first : first + nodes, :depths] for name in ("n_electron", "energy_deposit", "in_flight")]
    return np.stack([np.moveaxis(kind, 0, 1).reshape(nodes * 2, depths) for kind in kinds]).astype(np.float32)
