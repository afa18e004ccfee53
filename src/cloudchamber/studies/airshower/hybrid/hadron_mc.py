"""Monte Carlo of the hadrons and nuclei above the threshold, by replaying library interactions in numba."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cloudchamber.studies.airshower.constants import ATOMIC_MASS_G_MB, LIBRARY_TARGET_MASS
from cloudchamber.studies.airshower.hybrid.em_cascade import em_shower
from cloudchamber.studies.airshower.hybrid.hadron_table import LG_MIN, PER_DECADE
from cloudchamber.studies.airshower.hybrid.interactions import (
    ELECTRON,
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
    PHOTON,
    PION,
)
from cloudchamber.studies.airshower.hybrid.tables import REPLAY_FROM

STACK = 200_000
_LN10 = math.log(10.0)


@njit(cache=True)
def deposit(source: np.ndarray, kind: int, energy_gev: float, number: float, depth_g_cm2: float, step_g_cm2: float) -> None:
    """Share particles over two energy nodes and two depth nodes of ``source`` (products, nodes, depths): number, energy and mean depth are kept.

    Below the lowest node and above the highest one, energy is kept and number is not.
    """
    nodes, depths = source.shape[1], source.shape[2]
    place = min(depth_g_cm2 / step_g_cm2, depths - 1.001)
    k = int(place)
    late = place - k
    position = (math.log(energy_gev) / _LN10 - LG_MIN) * PER_DECADE
    if position <= 0.0:
        number *= energy_gev / 10.0**LG_MIN
        low, up = 0, 0.0
    elif position >= nodes - 1.0:
        number *= energy_gev / 10.0 ** (LG_MIN + (nodes - 1) / PER_DECADE)
        low, up = nodes - 2, 1.0
    else:
        low = int(position)
        node = 10.0 ** (LG_MIN + low / PER_DECADE)
        up = (energy_gev - node) / (node * (10.0 ** (1.0 / PER_DECADE) - 1.0))
    source[kind, low, k] += number * (1 - up) * (1 - late)
    source[kind, low, k + 1] += number * (1 - up) * late
    source[kind, low + 1, k] += number * up * (1 - late)
    source[kind, low + 1, k + 1] += number * up * late


@njit(cache=True)
def _sigma_mb(table, lg_energy):  # type: ignore[no-untyped-def]
    position = min(max((lg_energy - LG_ENERGY_MIN) / LG_ENERGY_STEP, 0.0), LG_ENERGIES - 1.001)
    low = int(position)
    return table[low] + (position - low) * (table[low + 1] - table[low])


@njit(cache=True)
def _projectile(kind):  # type: ignore[no-untyped-def]
    return min(kind, 2)


@njit(cache=True)
def _pick_event(first_event, projectile, energy_gev, rng):  # type: ignore[no-untyped-def]
    """A library event of one of the two neighbouring energies, so that means interpolate linearly in lg E."""
    position = (math.log(energy_gev) / _LN10 - LG_ENERGY_MIN) / LG_ENERGY_STEP - REPLAY_FROM
    position = min(max(position, 0.0), LG_ENERGIES - REPLAY_FROM - 1.001)
    node = int(position)
    if rng.random() < position - node:
        node += 1
    start, stop = first_event[projectile, node], first_event[projectile, node + 1]
    return start + int(rng.random() * (stop - start))


@njit(cache=True)
def _interact(kind, energy_gev, depth, threshold_gev, library, source, stack, n, electromagnetic, m, totals, step, rng):  # type: ignore[no-untyped-def]
    """Replay one interaction: secondaries above the threshold go on a stack, the rest into ``source``."""
    species, codes, starts, first_event, thinning = library
    event = _pick_event(first_event, _projectile(kind), energy_gev, rng)
    for i in range(starts[event], starts[event + 1]):
        x = 10.0 ** (-float(codes[i]) / LG_FRACTION_SCALE)
        number = max(1.0, thinning / x)
        child, energy = species[i], x * energy_gev
        if kind >= K0_LONG and kind < HADRONS:
            # a neutral kaon's event is a charged one's with charged and neutral kaons exchanged
            if child == KAON:
                child = K0_LONG if rng.random() < 0.5 else K0_SHORT
            elif child in (K0_LONG, K0_SHORT):
                child = KAON
        n, m = _place(child, energy, number, depth, threshold_gev, source, stack, n, electromagnetic, m, totals, step)
    return n, m


@njit(cache=True)
def _place(child, energy, number, depth, threshold_gev, source, stack, n, electromagnetic, m, totals, step):  # type: ignore[no-untyped-def]
    if child == NEUTRINO:
        totals[0] += energy * number
    elif energy > threshold_gev and number == 1.0 and child < HADRONS and n < STACK:
        stack[n, 0], stack[n, 1], stack[n, 2] = child, energy, depth
        n += 1
    elif energy > threshold_gev and number == 1.0 and child != MUON and m < STACK:
        electromagnetic[m, 0], electromagnetic[m, 1], electromagnetic[m, 2] = child - PHOTON, energy, depth
        m += 1
    else:
        deposit(source, child, energy, number, depth, step)
    return n, m


@njit(cache=True)
def follow_shower(  # type: ignore[no-untyped-def]
    mass, energy_gev, threshold_gev, library, nuclear, sigma_mb, decays, decay_constant, density, nodes_gev, workspace, source, charged, energy_deposit,
    in_flight, step, rng,
):  # fmt: skip
    """One shower's Monte Carlo stage; ``mass`` 0 is a photon. Fills ``source`` and the direct profiles.

    Returns the invisible energy [GeV] and the depth of the first interaction [g/cm2], the last one of the grid where there is none.
    """
    stack, electromagnetic, photonuclear = workspace
    totals = np.array([0.0, -1.0])
    n = m = 0
    if mass == 0:
        electromagnetic[0, 0], electromagnetic[0, 1], electromagnetic[0, 2] = 0.0, energy_gev, 0.0
        m = 1
    elif mass == 1:
        stack[0, 0], stack[0, 1], stack[0, 2] = NUCLEON, energy_gev, 0.0
        n = 1
    else:
        n, m = follow_nucleus(mass, energy_gev, stack, threshold_gev, library, nuclear, source, electromagnetic, in_flight, totals, step, rng)
    while n > 0 or m > 0:
        m = follow_hadrons(
            stack, n, threshold_gev, library, sigma_mb, decays, decay_constant, density, source, electromagnetic, m, in_flight, totals, step, rng
        )
        n = 0
        if m > 0:
            m -= 1
            used, first = em_shower(
                int(electromagnetic[m, 0]),
                electromagnetic[m, 1],
                electromagnetic[m, 2],
                threshold_gev,
                step,
                density,
                nodes_gev,
                source[PHOTON],
                source[ELECTRON],
                charged,
                energy_deposit,
                in_flight,
                photonuclear,
                rng,
            )
            if totals[1] < 0.0:
                totals[1] = first
            for i in range(used):
                # vector dominance: a hadronic photon behaves as a pion
                n, m = _interact(PION, photonuclear[i, 0], photonuclear[i, 1], threshold_gev, library, source, stack, n, electromagnetic, m, totals, step, rng)
    return totals[0], totals[1] if totals[1] >= 0.0 else (source.shape[2] - 1) * step


@njit(cache=True)
def _break_up(mass, energy_gev, nuclear, rng):  # type: ignore[no-untyped-def]
    """The event number of a break-up of nucleus ``mass``."""
    wounded = nuclear[0]
    per_nucleon = math.log(energy_gev / mass) / _LN10
    # two library energies, 1e5 and 1e8 GeV a nucleon
    late = min(max((per_nucleon - 5.0) / 3.0, 0.0), 1.0)
    which = 1 if rng.random() < late else 0
    return which, int(rng.random() * wounded.shape[2])


@njit(cache=True)
def _nuclear_sigma_mb(table, mass, lg_per_nucleon):  # type: ignore[no-untyped-def]
    position = min(max((lg_per_nucleon - 3.0) / 2.0, 0.0), 2.999)
    low = int(position)
    return table[mass, low] + (position - low) * (table[mass, low + 1] - table[mass, low])


@njit(cache=True)
def _density(density, depth, step):  # type: ignore[no-untyped-def]
    place = min(depth / step, density.shape[0] - 1.001)
    k = int(place)
    return density[k] + (place - k) * (density[k + 1] - density[k])


@njit(cache=True)
def _fly(in_flight, energy, start, stop, step):  # type: ignore[no-untyped-def]
    """Count a particle's energy at the depth nodes that it passes."""
    for k in range(int(np.ceil(start / step)), min(int(stop / step) + 1, in_flight.shape[0])):
        in_flight[k] += energy


@njit(cache=True)
def follow_hadrons(  # type: ignore[no-untyped-def]
    stack, n, threshold_gev, library, sigma_mb, decays, decay_constant, density, source, electromagnetic, m, in_flight, totals, step, rng
):
    """Follow the hadrons on ``stack`` (kind, energy, depth) until all are below the threshold; returns the number of particles on ``electromagnetic``.

    ``totals`` = (invisible energy, depth of the first interaction); it is set while still negative.
    """
    end = (source.shape[2] - 1) * step
    while n > 0:
        n -= 1
        kind, energy, depth = int(stack[n, 0]), stack[n, 1], stack[n, 2]
        lg_energy = math.log(energy) / _LN10
        length = ATOMIC_MASS_G_MB * LIBRARY_TARGET_MASS / _sigma_mb(sigma_mb[_projectile(kind)], lg_energy)
        flight = rng.exponential() * length
        if kind != NUCLEON:
            # gamma c tau times the local density: a path in g/cm2; one density is enough, decays are rare up here
            decay = rng.exponential() * energy * decay_constant[kind] * _density(density, depth, step)
            if decay < flight and depth + decay < end:
                species, fraction, starts = decays[kind - PION]
                event = int(rng.random() * (starts.shape[0] - 1))
                _fly(in_flight, energy, depth, depth + decay, step)
                for i in range(starts[event], starts[event + 1]):
                    n, m = _place(species[i], fraction[i] * energy, 1.0, depth + decay, threshold_gev, source, stack, n, electromagnetic, m, totals, step)
                continue
        _fly(in_flight, energy, depth, depth + flight, step)
        depth += flight
        if depth >= end:
            continue
        if totals[1] < 0.0:
            totals[1] = depth
        n, m = _interact(kind, energy, depth, threshold_gev, library, source, stack, n, electromagnetic, m, totals, step, rng)
    return m


@njit(cache=True)
def follow_nucleus(  # type: ignore[no-untyped-def]
    mass, energy_gev, stack, threshold_gev, library, nuclear, source, electromagnetic, in_flight, totals, step, rng
):
    """Break a nucleus up into nucleons: wounded ones interact at once, the rest go on. Returns the sizes of both stacks."""
    wounded, fragments, starts, sigma = nuclear
    end = (source.shape[2] - 1) * step
    masses = np.empty(64, np.int64)
    depths = np.empty(64)
    masses[0], depths[0] = mass, 0.0
    nuclei, n, m = 1, 0, 0
    per_nucleon = energy_gev / mass
    while nuclei > 0:
        nuclei -= 1
        a, depth = masses[nuclei], depths[nuclei]
        flight = rng.exponential() * ATOMIC_MASS_G_MB * LIBRARY_TARGET_MASS / _nuclear_sigma_mb(sigma, a, math.log(per_nucleon) / _LN10)
        _fly(in_flight, per_nucleon * a, depth, depth + flight, step)
        depth += flight
        if depth >= end:
            continue
        if totals[1] < 0.0:
            totals[1] = depth
        which, event = _break_up(a, per_nucleon * a, nuclear, rng)
        for _ in range(wounded[which, a, event]):
            n, m = _interact(NUCLEON, per_nucleon, depth, threshold_gev, library, source, stack, n, electromagnetic, m, totals, step, rng)
        slot = a * wounded.shape[2] + event
        for i in range(starts[which, slot], starts[which, slot + 1]):
            if fragments[i] > 1:
                masses[nuclei], depths[nuclei] = fragments[i], depth
                nuclei += 1
            else:
                n, m = _place(NUCLEON, per_nucleon, 1.0, depth, threshold_gev, source, stack, n, electromagnetic, m, totals, step)
    return n, m
