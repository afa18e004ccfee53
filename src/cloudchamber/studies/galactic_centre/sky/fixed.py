"""Maps of given templates, one energy bin, one loop: thousands a second, where no map needs diffuse emission of its own.

From Python: the simulators of the study draw a Galaxy, or spectra, for each event, and are slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.physics.gamma.brightness import SourceCounts
from cloudchamber.physics.gamma.poisson import PoissonTable, draw_poisson, poisson_table
from cloudchamber.physics.gamma.sources import GUIDES, Places, add_event
from cloudchamber.physics.gamma.uniform import state_of

Array = NDArray[Any]


@dataclass(frozen=True)
class FixedSky:
    """``templates`` (templates, nside, nside) are the counts expected of an amplitude of 1, as the instrument spreads them; ``places`` are those of each
    population of sources, ``exposure`` (nside, nside) is relative to the one that their counts are meant at, ``radii_rad`` (n,) are equally likely distances
    of photons from their source, and ``pixels`` (nside, nside) those that are counted: all others hold 0.
    """

    templates: Array
    places: tuple[Places, ...]
    exposure: Array
    radii_rad: Array
    pixels: Array

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 2 or shape[0] != shape[1] or self.pixels.dtype != bool or self.exposure.shape != shape or self.templates.shape[1:] != shape:
            found = f"{self.templates.shape}, {self.exposure.shape} and {shape} of {self.pixels.dtype}"
            raise ValueError(f"templates, exposure and pixels (true or false) must be images of one size, got {found}")
        if any(each.nside != len(self.pixels) for each in self.places):
            raise ValueError(f"places must be of images of {len(self.pixels)} pixels a side, as the templates, got {[each.nside for each in self.places]}")
        if not (np.isfinite(self.templates).all() and np.all(self.templates >= 0)):
            raise ValueError("templates must be finite and not negative")

    def simulate(self, amplitudes: Array, expected: Array, laws: Sequence[SourceCounts], rng: np.random.Generator) -> Array:
        """Counts (events, nside, nside), int32, of ``amplitudes`` (events, templates) and of populations of ``expected`` (populations, events) counts, were
        the exposure 1, whose brightness follows ``laws``, one of (events,) laws a population. ValueError for shapes that do not fit, or no amplitudes."""
        given, sources = np.ascontiguousarray(amplitudes, float), np.asarray(expected, float)
        events, nside, populations = len(given), len(self.pixels), len(self.places)
        if given.shape != (events, len(self.templates)) or sources.shape != (populations, events) or len(laws) != populations:
            raise ValueError(
                f"needs amplitudes (events, {len(self.templates)}), expected ({populations}, events) and {populations} laws, "
                f"got {given.shape}, {sources.shape} and {len(laws)}"
            )
        if not (np.isfinite(given).all() and np.all(given >= 0) and np.isfinite(sources).all() and np.all(sources >= 0)):
            raise ValueError("amplitudes and expected counts must be finite and not negative")
        counts = np.zeros((events, 1, nside * nside), np.int32)
        rows = np.empty((populations, events, 4))
        mean = np.empty((populations, events))
        for number, law in enumerate(laws):
            rows[number] = np.stack([np.broadcast_to(np.asarray(each, float), (events,)) for each in law], axis=1)
            mean[number] = sources[number] / law.mean_counts
        cumulative = np.array([each.cumulative for each in self.places], float).reshape(populations, nside * nside)
        guide = np.array([each.guide for each in self.places], np.int64).reshape(populations, GUIDES)
        used, unused = np.flatnonzero(self.pixels), np.flatnonzero(~self.pixels)
        templates = np.ascontiguousarray(self.templates.reshape(len(self.templates), -1)[:, used], float)
        # small numbers stay where they are read fast
        exposure, radii = np.asarray(self.exposure, float).ravel(), np.asarray(self.radii_rad, np.float32)[None]
        _fill(counts, given, templates, used, unused, mean, rows, cumulative, guide, nside, exposure, radii, poisson_table(), state_of(rng))
        return counts.reshape(events, nside, nside)


@njit(cache=True)
def _fill(
    counts: Array,
    amplitudes: Array,
    templates: Array,
    used: Array,
    unused: Array,
    mean: Array,
    laws: Array,
    cumulative: Array,
    guide: Array,
    nside: int,
    exposure: Array,
    radii: Array,
    table: PoissonTable,
    state: Array,
) -> None:
    share, emission = np.ones(1), np.empty(len(used))
    for event in range(len(counts)):
        image = counts[event]
        emission[:] = 0.0
        for number in range(len(templates)):
            for place in range(len(used)):
                emission[place] += amplitudes[event, number] * templates[number, place]
        for place in range(len(used)):
            image[0, used[place]] = draw_poisson(emission[place], table, state)
        for number in range(len(mean)):
            places = Places(cumulative[number], guide[number], nside)
            add_event(image, mean[number, event], laws[number, event], places, exposure, share, radii, table, state)
        # photons that were spread beyond the pixels that are counted
        for place in unused:
            image[0, place] = 0
