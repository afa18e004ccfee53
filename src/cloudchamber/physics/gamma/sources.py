"""Counts of many sources too faint to be told one by one: each has its place, its brightness, and every photon is spread by the instrument."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.gamma.brightness import SourceCounts, draw_counts, pieces
from cloudchamber.physics.gamma.face import moved
from cloudchamber.physics.gamma.poisson import PoissonTable, draw_poisson, poisson_table
from cloudchamber.physics.gamma.uniform import state_of, uniform

Array = NDArray[Any]

GUIDES, ANGLES = 4096, 4096
_TURN = 2 * np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
_COSINE, _SINE = np.cos(_TURN).astype(np.float32), np.sin(_TURN).astype(np.float32)


class Places(NamedTuple):
    """Where sources lie in an image: the share of them in each pixel and all before it (pixels,), and where to begin to look (GUIDES,)."""

    cumulative: Array
    guide: Array
    nside: int


def places_of(template: Array) -> Places:
    """Sources as often in a pixel of the image (nside, nside) as the template says. ValueError for one that is negative, or nowhere above 0."""
    flat = np.asarray(template, float).ravel()
    if not (np.all(flat >= 0) and np.isfinite(flat).all() and flat.any()):
        raise ValueError("a template of sources needs finite values that are not negative, and one above 0")
    cumulative = np.cumsum(flat) / flat.sum()
    cumulative[np.flatnonzero(flat)[-1] :] = 1.0
    return Places(cumulative, np.searchsorted(cumulative, np.arange(GUIDES) / GUIDES, side="right"), len(template))


class Photons(NamedTuple):
    """Of each population (events,): its sources, and all their photons, those that were spread beyond the image among them."""

    sources: Array
    photons: Array


def add_sources(
    counts: Array,
    expected: Array,
    law: SourceCounts,
    places: Places,
    exposure: Array,
    share: Array,
    radii_rad: Array,
    rng: np.random.Generator,
) -> Photons:
    """Add to ``counts`` (events, bins, nside, nside), int32, a population of ``expected`` (events,) counts in all bins together, were the ``exposure`` 1.

    ``law`` is of (events,) laws, ``exposure`` (nside, nside) relative to the one that counts are meant at, ``share`` (bins,) of a source's counts in each bin,
    ``radii_rad`` (bins, n) equally likely distances of photons from their source. ValueError for shapes that do not fit.
    """
    events, bins, nside = counts.shape[:3]
    if counts.dtype != np.int32 or counts.shape[3] != nside or places.nside != nside or exposure.shape != (nside, nside):
        raise ValueError(f"counts, places and exposure must be images of one size, got {counts.shape}, {places.nside} and {exposure.shape}")
    if share.shape != (bins,) or len(radii_rad) != bins or abs(float(share.sum()) - 1) > 1e-9 or share.min() < 0:
        raise ValueError(f"share and radii_rad need one entry for each of {bins} bins, and shares add up to 1; got {share.shape} and {radii_rad.shape}")
    laws = np.stack([np.broadcast_to(np.asarray(each, float), (events,)) for each in law], axis=1)
    mean = np.asarray(expected, float) / np.broadcast_to(law.mean_counts, (events,))
    drawn = np.zeros((events, 2), np.int64)
    _add(
        counts.reshape(events, bins, -1),
        mean,
        laws,
        places,
        np.asarray(exposure, float).ravel(),
        np.asarray(share, float),
        # small numbers stay where they are read fast
        np.asarray(radii_rad, np.float32),
        poisson_table(),
        drawn,
        state_of(rng),
    )
    return Photons(drawn[:, 0], drawn[:, 1])


@njit(cache=True)
def _add(
    counts: Array,
    mean: Array,
    law: Array,
    places: Places,
    exposure: Array,
    share: Array,
    radii: Array,
    table: PoissonTable,
    drawn: Array,
    state: Array,
) -> None:
    for event in range(len(counts)):
        drawn[event] = add_event(counts[event], mean[event], law[event], places, exposure, share, radii, table, state)


@njit(cache=True)
def add_event(
    counts: Array, mean: float, law: Array, places: Places, exposure: Array, share: Array, radii: Array, table: PoissonTable, state: Array
) -> tuple[int, int]:
    """Add the sources of one event, ``mean`` expected, to its ``counts`` (bins, pixels); how many sources and photons there were."""
    cumulative, guide, nside = places
    sources, made = draw_poisson(mean, table, state), 0
    pairs = radii.shape[1] * ANGLES
    piece = pieces(law[0], law[1], law[2], law[3])
    for _ in range(sources):
        u = uniform(state)
        pixel = guide[int(u * len(guide))]
        while cumulative[pixel] <= u:
            pixel += 1
        bright = exposure[pixel] * draw_counts(law[0], law[1], law[2], piece, uniform(state), uniform(state))
        # most of a faint population give no photon: all bins are drawn together
        photons = draw_poisson(bright, table, state)
        if photons == 0:
            continue
        made += photons
        x, y = pixel // nside + uniform(state), pixel % nside + uniform(state)
        for _ in range(photons):
            b, rest = 0, 0.0
            if len(share) > 1:
                rest = uniform(state)
                while b < len(share) - 1 and rest >= share[b]:
                    rest -= share[b]
                    b += 1
            # one number for both
            radius, turn = divmod(int(uniform(state) * pairs), ANGLES)
            at_x, at_y = moved(x, y, nside, radii[b, radius], _COSINE[turn], _SINE[turn])
            if 0 <= at_x < nside and 0 <= at_y < nside:
                counts[b, int(at_x) * nside + int(at_y)] += 1
    return sources, made
