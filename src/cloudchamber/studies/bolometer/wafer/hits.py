"""Hits: their rates, their marks, and the pulses that they make in each bolometer. Pure functions of settings, conditions and a generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import Detector, Family
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays, FluxTable
from cloudchamber.studies.bolometer.wafer.geometry import isotropic_hits
from cloudchamber.studies.bolometer.wafer.landau import draw_deposits_kev
from cloudchamber.studies.bolometer.wafer.phonons import distances_mm

Array = NDArray[Any]


class Hits(NamedTuple):
    """What was hit, each (hits,): ``family`` as a code of ``columns.FAMILIES``, ``bolometer`` -1 for the wafer."""

    family: Array
    thickness_um: Array
    species: Array
    energy_gev: Array
    x_mm: Array
    y_mm: Array
    bolometer: Array
    path_um: Array
    deposit_kev: Array


class Pulses(NamedTuple):
    """Heights and delays of each exponential in each bolometer, both (hits, bolometers, constants)."""

    amplitude_w: Array
    delay_s: Array


def rates_per_s(detector: Detector, rays: CosmicRays, phi_mv: Array) -> Array:
    """Hits of each family a second, of all bolometers together, (families, events): 2 pi I A for thin slabs that are hit on both faces."""
    integral = rays.tabulated().integrals(np.asarray(phi_mv, float)).sum(0)
    return 2 * np.pi * integral * detector.area_cm2()[:, None]


def draw_times(rate_per_s: Array, duration_s: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Times in [0, duration) that rise, and the place of each hit's family in ``rate_per_s`` (families,): independent Poisson processes."""
    total = float(np.sum(rate_per_s))
    time = np.sort(rng.random(rng.poisson(total * duration_s))) * duration_s
    share = np.cumsum(rate_per_s) / total if total else np.ones(len(rate_per_s))
    return time, np.minimum(np.searchsorted(share, rng.random(len(time)), side="right"), len(rate_per_s) - 1)


def draw_hits(detector: Detector, flux: FluxTable, phi_mv: Array, thickness_um: Array, family: Array, rng: np.random.Generator) -> Hits:
    """A hit of each ``family`` (hits,), a code of ``columns.FAMILIES``, on a wafer of ``thickness_um`` while the Sun's phi is ``phi_mv``.

    ValueError for a family that the detector has not.
    """
    n = len(family)
    known = [FAMILIES.index(name) for name in detector.family_names]
    if np.any(strange := ~np.isin(family, known)):
        raise ValueError(f"family: {np.asarray(family)[strange][0]} is none of this detector's: {', '.join(detector.family_names)}")
    species, energy_gev = flux.draw(phi_mv, rng)
    x_mm, y_mm, path_um, deposit_kev = np.zeros((4, n))
    bolometer = np.full(n, -1)
    places_mm = detector.wafer.places_mm
    for each in detector.families:
        here = np.flatnonzero(family == FAMILIES.index(each.name))
        if not len(here):
            continue
        wafer = each.name == "wafer"
        side_um = np.full(len(here), 1e3 * (detector.wafer.side_mm if wafer else np.sqrt(each.area_mm2)))
        thick = np.asarray(thickness_um, float)[here] if wafer else np.full(len(here), each.thickness_um)
        x_um, y_um, path_um[here] = isotropic_hits(side_um, thick, rng)
        x_mm[here], y_mm[here] = 1e-3 * x_um, 1e-3 * y_um
        if not wafer:
            bolometer[here] = rng.integers(0, detector.bolometers, len(here))
            x_mm[here] += places_mm[bolometer[here], 0]
            y_mm[here] += places_mm[bolometer[here], 1]
        if each.index:
            deposit_kev[here] = draw_power_law(each, len(here), rng)
        else:
            deposit_kev[here] = draw_deposits_kev(1e3 * energy_gev[here], path_um[here], species[here], rng)
    return Hits(np.asarray(family), np.asarray(thickness_um, float), species, energy_gev, x_mm, y_mm, bolometer, path_um, deposit_kev)


class Arrivals(NamedTuple):
    """Some time's hits: when (hits,), what, and their pulses."""

    time_s: Array
    hits: Hits
    pulses: Pulses


def draw_arrivals(
    detector: Detector,
    rays: CosmicRays,
    phi_mv: float,
    thickness_um: float,
    start_s: float,
    duration_s: float,
    families: Sequence[str],
    rng: np.random.Generator,
) -> Arrivals:
    """All hits of these ``families`` from ``start_s`` on, in order of time. A stream draws block after block, each with a generator of its own."""
    rates = rates_per_s(detector, rays, np.array([phi_mv]))[:, 0]
    wanted = np.isin(detector.family_names, list(families))
    time, place = draw_times(np.where(wanted, rates, 0.0), duration_s, rng)
    codes = np.array([FAMILIES.index(name) for name in detector.family_names])
    n = len(time)
    hits = draw_hits(detector, rays.tabulated(), np.full(n, phi_mv), np.full(n, thickness_um), codes[place], rng)
    return Arrivals(start_s + time, hits, make_pulses(detector, hits, rng))


def draw_power_law(family: Family, n: int, rng: np.random.Generator) -> Array:
    """Deposits in keV of a family's broken power law, by the inverse of each piece."""
    middle = max(family.break_kev, family.low_kev)
    pieces = [(family.low_kev, middle, -family.index_below), (middle, family.high_kev, -family.index)]
    # both pieces are 1 at the break
    weight = np.array([middle * _integral(low / middle, high / middle, slope) for low, high, slope in pieces])
    above = rng.random(n) * weight.sum() >= weight[0]
    rank, found = rng.random(n), np.empty(n)
    for part, (low, high, slope) in zip((~above, above), pieces, strict=True):
        power = slope + 1
        if abs(power) < 1e-9:
            found[part] = low * (high / low) ** rank[part]
        else:
            found[part] = low * (1 + rank[part] * ((high / low) ** power - 1)) ** (1 / power)
    return found


def _integral(low: float, high: float, slope: float) -> float:
    power = slope + 1
    return float(np.log(high / low)) if abs(power) < 1e-9 else (high**power - low**power) / power


def make_pulses(detector: Detector, hits: Hits, rng: np.random.Generator) -> Pulses:
    """What of each hit reaches each bolometer; every bolometer's share scatters by itself, by ``detector.scatter`` in its logarithm."""
    near, far = _shares(detector, hits)
    energy = hits.deposit_kev * np.where(hits.bolometer < 0, detector.wafer.transmission(hits.x_mm, hits.y_mm), 1.0)
    near_gain, far_gain = _by_family(detector, hits.family)
    scattered = energy[:, None] * np.exp(detector.scatter * rng.standard_normal(near.shape))
    amplitude = (scattered * near)[:, :, None] * near_gain[:, None] + (scattered * far)[:, :, None] * far_gain[:, None]
    return Pulses(amplitude, delays_s(detector, hits))


def delays_s(detector: Detector, hits: Hits) -> Array:
    """Delay of each exponential in each bolometer, (hits, bolometers, constants): known from the place alone."""
    distance = distances_mm(hits.x_mm, hits.y_mm, detector.wafer.places_mm)
    on_bolometer = hits.bolometer >= 0
    distance[on_bolometer, hits.bolometer[on_bolometer]] = 0.0
    near = np.where(on_bolometer[:, None], 0.0, detector.phonons.near_delay_s(distance))
    far = detector.phonons.far_delay_s(distance, hits.thickness_um[:, None])
    thermal = _by_family(detector, hits.family)[1] > 0
    return np.where(thermal[:, None], far[:, :, None], near[:, :, None])


def _shares(detector: Detector, hits: Hits) -> tuple[Array, Array]:
    """Of the near and of the far part at each bolometer, (hits, bolometers)."""
    distance = distances_mm(hits.x_mm, hits.y_mm, detector.wafer.places_mm)
    struck = hits.bolometer[:, None] == np.arange(detector.bolometers)
    near = np.where(hits.bolometer[:, None] < 0, detector.phonons.near(distance), struck)
    return near, detector.phonons.far(np.where(struck, 0.0, distance))


def _by_family(detector: Detector, family: Array) -> tuple[Array, Array]:
    """W per keV of each exponential in the near and in the far part, (hits, constants)."""
    place = np.zeros(len(FAMILIES), int)
    for number, each in enumerate(detector.families):
        place[FAMILIES.index(each.name)] = number
    near = np.array([each.near_w_per_kev * np.array(each.near) for each in detector.families])
    far = np.array([each.far_w_per_kev * np.array(each.far) for each in detector.families])
    return near[place[family]], far[place[family]]
