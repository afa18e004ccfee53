"""What a station's two layers make of the particles: Landau fluctuations, photostatistics, light pulses and FADC samples.

A muon crosses both layers. Of the electrons and photons that leave a signal some stop in the upper layer or convert below it, and are seen by one layer alone.
Pulses are kept as two sums, of exp(-t / fall) and of exp(-t / rise), that decay from sample to sample: exact, at the same cost for any number of particles.

References: J. Moyal, Phil. Mag. 46 (1955) 263 (energy loss).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.array.front import delay

LANDAU_MODE, LANDAU_WIDTH = 0.87, 0.10
LANDAU_MEAN = LANDAU_MODE + LANDAU_WIDTH * (0.5772156649 + math.log(2.0))
LANDAU_VARIANCE = 0.5 * (math.pi * LANDAU_WIDTH) ** 2
"""Energy loss of one particle that crosses a layer, in VEM: Moyal's distribution."""
BOTH_SHARE = 0.7
"""Share of the electrons and photons that both layers see; the upper and the lower one alone see half of the rest each."""
EXPLICIT, STRATA = 150.0, 128
"""Up to ``EXPLICIT`` expected particles of a kind each is drawn by itself; beyond, those of each of ``STRATA`` quantiles of the delay arrive together."""
BUFFER = 1024
"""Samples in which a station's first window above threshold is searched for."""


class Electronics(NamedTuple):
    """``Detector`` for compiled code."""

    area_m2: float
    step_ns: float
    bins: int
    pre_samples: int
    peak_counts: float
    pedestal_counts: float
    noise_counts: float
    saturation_counts: float
    fall: float
    rise: float
    photoelectrons: float
    gain_spread: float
    window: int
    level0_counts: float
    level1_counts: float


def electronics(detector: Detector) -> Electronics:
    """The constants of ``detector``, times in samples and thresholds in counts."""
    return Electronics(
        detector.area_m2,
        detector.step_ns,
        detector.bins,
        detector.pre_samples,
        detector.counts_per_vem_peak,
        detector.pedestal_counts,
        detector.noise_counts,
        float(detector.saturation_counts),
        detector.fall_ns / detector.step_ns,
        detector.rise_ns / detector.step_ns,
        detector.photoelectrons_per_vem,
        detector.gain_spread,
        detector.window_samples,
        detector.level0_mip * detector.counts_per_vem,
        detector.level1_mip * detector.counts_per_vem,
    )


@njit(cache=True)
def energy_loss(count, path, rng):  # type: ignore[no-untyped-def]
    """Energy loss [VEM] of ``count`` particles in one layer; ``path`` is its length over a vertical one's."""
    if count == 1:
        return path * (LANDAU_MODE - LANDAU_WIDTH * math.log(max(rng.standard_normal() ** 2, 1e-12)))
    return path * max(count * LANDAU_MEAN + math.sqrt(count * LANDAU_VARIANCE) * rng.standard_normal(), 0.0)


@njit(cache=True)
def add_light(pulses, layer, sample, loss, gain, electronics, rng):  # type: ignore[no-untyped-def]
    """Add the pulse of an energy ``loss`` [VEM] that arrives at time ``sample`` [samples] to ``pulses`` (2 layers, 2 exponentials, samples)."""
    after = math.ceil(sample)
    if loss <= 0.0 or not 0 <= after < pulses.shape[2]:
        return
    seen = max(loss + math.sqrt(loss / electronics.photoelectrons) * rng.standard_normal(), 0.0) * gain * electronics.peak_counts
    pulses[layer, 0, after] += seen * math.exp((sample - after) / electronics.fall)
    pulses[layer, 1, after] += seen * math.exp((sample - after) / electronics.rise)


@njit(cache=True)
def add_particles(pulses, muon, density, path, start, scale, gains, electronics, losses, rng):  # type: ignore[no-untyped-def]
    """Draw the muons, or the electrons and photons, of one station and add their light.

    ``density`` [VEM/m2] is their mean signal; they arrive from ``start`` on, behind it by gamma-distributed delays with ``scale`` (both in samples).
    Adds the energy loss [VEM] to ``losses`` (2 layers,); returns when the first arrived, infinity without any.
    """
    both_share = 1.0 if muon else BOTH_SHARE
    mean = density * electronics.area_m2 / (path * LANDAU_MEAN * (0.5 + 0.5 * both_share))
    first = math.inf
    groups = STRATA if mean > EXPLICIT else 1
    # kinds: both layers, the upper alone, the lower alone
    for kind in range(1 if muon else 3):
        expected = mean * (both_share if kind == 0 else 0.5 * (1.0 - both_share)) / groups
        for group in range(groups):
            count = rng.poisson(expected)
            packets = count if groups == 1 else min(count, 1)
            for _ in range(packets):
                arrival = start + scale * delay((group + rng.random()) / groups, muon)
                first = min(first, arrival)
                for layer in range(2):
                    if kind == 0 or kind == layer + 1:
                        loss = energy_loss(1 if groups == 1 else count, path, rng)
                        losses[layer] += loss
                        add_light(pulses, layer, arrival, loss, gains[layer], electronics, rng)
    return first


@njit(cache=True)
def digitise(pulses, first, record, electronics, rng):  # type: ignore[no-untyped-def]
    """Read a station out into ``record`` (2, bins), whose light starts at sample ``first``.

    Returns (sample of the record's start, sample of its first window above level 1), -1 for what there is not.
    """
    window, bins, before = electronics.window, electronics.bins, electronics.pre_samples
    samples, begin = pulses.shape[2], first - before
    ring = np.zeros((2, samples), np.float32)
    area = np.zeros(2)
    slow_decay, fast_decay = math.exp(-1.0 / electronics.fall), math.exp(-1.0 / electronics.rise)
    slow, fast = np.zeros(2), np.zeros(2)
    start, level1 = -1, -1
    k = begin
    while k < samples and (start < 0 or k < start + bins):
        reached0, reached1 = True, True
        for layer in range(2):
            slow[layer] = slow[layer] * slow_decay + pulses[layer, 0, k]
            fast[layer] = fast[layer] * fast_decay + pulses[layer, 1, k]
            value = math.floor(electronics.pedestal_counts + electronics.noise_counts * rng.standard_normal() + slow[layer] - fast[layer] + 0.5)
            value = min(max(value, 0.0), electronics.saturation_counts)
            ring[layer, k] = value
            area[layer] += value - electronics.pedestal_counts
            if k - window >= begin:
                area[layer] -= ring[layer, k - window] - electronics.pedestal_counts
            reached0 &= area[layer] >= electronics.level0_counts
            reached1 &= area[layer] >= electronics.level1_counts
        if start < 0 and reached0 and k - before + bins <= samples:
            start = k - before
        if level1 < 0 and reached1:
            level1 = k
        k += 1
    if start >= 0:
        for layer in range(2):
            for j in range(bins):
                record[layer, j] = int(ring[layer, start + j])
    return start, level1
