"""Counts of many sources too faint to be told one by one: each has its place, its brightness, and every photon is spread by the instrument."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.gamma.brightness import SourceCounts, draw_counts
from cloudchamber.physics.gamma.face import moved
from cloudchamber.physics.gamma.poisson import PoissonTable, draw_poisson, poisson_table

Array = NDArray[Any]

GUIDES, ANGLES = 4096, 4096
_TURN = 2 * np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
_COSINE, _SINE = np.cos(_TURN), np.sin(_TURN)


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
        *places,
        exposure.ravel(),
        np.asarray(share, float),
        radii_rad,
        _COSINE,
        _SINE,
        poisson_table(),
        drawn,
        rng,
    )
    return Photons(drawn[:, 0], drawn[:, 1])


@njit(cache=True)
def _add(
    counts: Array,
    mean: Array,
    law: Array,
    cumulative: Array,
    guide: Array,
    nside: int,
    exposure: Array,
    share: Array,
    radii: Array,
    cosine: Array,
    sine: Array,
    table: PoissonTable,
    drawn: Array,
    rng: np.random.Generator,
) -> None:
    events, bins, _ = counts.shape
    for event in range(events):
        sources = draw_poisson(mean[event], table, rng)
        drawn[event, 0] = sources
        for _ in range(sources):
            u = rng.random()
            pixel = guide[int(u * len(guide))]
            while cumulative[pixel] <= u:
                pixel += 1
            bright = exposure[pixel] * draw_counts(law[event, 0], law[event, 1], law[event, 2], law[event, 3], rng.random(), rng.random())
            x, y, placed = 0.0, 0.0, False
            for b in range(bins):
                photons = draw_poisson(bright * share[b], table, rng)
                if photons > 0 and not placed:
                    x, y, placed = pixel // nside + rng.random(), pixel % nside + rng.random(), True
                drawn[event, 1] += photons
                for _ in range(photons):
                    # one number for both
                    radius, turn = divmod(int(rng.random() * (radii.shape[1] * ANGLES)), ANGLES)
                    at_x, at_y = moved(x, y, nside, radii[b, radius], cosine[turn], sine[turn])
                    if 0 <= at_x < nside and 0 <= at_y < nside:
                        counts[event, b, int(at_x) * nside + int(at_y)] += 1
