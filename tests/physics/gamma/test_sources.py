"""Populations of sources: their number, their counts, where they lie, and how far their photons are."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.gamma.brightness import source_counts
from cloudchamber.physics.gamma.face import direction_at
from cloudchamber.physics.gamma.psf import radii_deg
from cloudchamber.physics.gamma.sources import add_sources, places_of
from cloudchamber.physics.sphere import angular_distance_deg, unit_vectors
from cloudchamber.rng import rng

NSIDE = 64
ONE, NOWHERE = np.array([1.0]), np.zeros((1, 1))
FLAT = np.ones((NSIDE, NSIDE))


def middle() -> np.ndarray:
    template = np.zeros((NSIDE, NSIDE))
    template[NSIDE // 2, NSIDE // 2] = 3.0
    return template


def test_no_photon_is_lost_or_made() -> None:
    """Without a spread all are in the image, in the pixels that have sources, and as many as were drawn."""
    counts = np.zeros((5, 1, NSIDE, NSIDE), np.int32)
    template = np.zeros((NSIDE, NSIDE))
    template[10:20, 30:50] = 1.0
    drawn = add_sources(counts, np.full(5, 3000.0), source_counts(8.0, 3.0, 1.0), places_of(template), FLAT, ONE, NOWHERE, rng(1))
    assert np.array_equal(counts.sum(axis=(1, 2, 3)), drawn.photons) and not counts[:, 0, template == 0].any()


def test_counts_are_those_expected_with_their_excess_of_variance() -> None:
    """The mean is the one asked for; the variance is that of a compound Poisson number, <S^2> / <S> + 1 times the mean."""
    n, law = 4000, source_counts(8.0, 6.0, 0.0, 0.5)
    counts = np.zeros((n, 1, NSIDE, NSIDE), np.int32)
    drawn = add_sources(counts, np.full(n, 200.0), law, places_of(FLAT), FLAT, ONE, NOWHERE, rng(2))
    grid = np.geomspace(0.5, 1e4, 200_000)
    density = law.density(grid)
    first, second = (np.trapezoid(grid**power * density, grid) for power in (1, 2))
    assert drawn.photons.mean() == pytest.approx(200, abs=5 * np.sqrt(200 * (1 + second / first) / n))
    assert drawn.photons.var() == pytest.approx(200 * (1 + second / first), rel=5 * np.sqrt(2 / n) * 1.5)
    assert drawn.sources.mean() == pytest.approx(200 / float(law.mean_counts), rel=5 / np.sqrt(n * 200 / float(law.mean_counts)))


def test_photons_are_as_far_as_the_instrument_spreads_them() -> None:
    radii = np.radians(radii_deg(1.0, 3.3, 2.4, "source", 1 << 14))[None]
    counts = np.zeros((1, 1, NSIDE * 4, NSIDE * 4), np.int32)
    template = np.zeros((NSIDE * 4, NSIDE * 4))
    template[NSIDE * 2, NSIDE * 2] = 1.0
    add_sources(counts, np.array([4e5]), source_counts(1000.0, 4.0, 0.0), places_of(template), np.ones_like(template), ONE, radii, rng(3))
    x, y = np.nonzero(counts[0, 0])
    centre = unit_vectors(*direction_at(NSIDE * 2 + 0.5, NSIDE * 2 + 0.5, NSIDE * 4))
    distance = angular_distance_deg(unit_vectors(*direction_at(x + 0.5, y + 0.5, NSIDE * 4)), centre)
    order = np.argsort(distance)
    within = np.cumsum(counts[0, 0][x, y][order]) / counts.sum()
    # a pixel is 0.23 deg wide
    for share in (0.68, 0.9):
        assert distance[order][np.searchsorted(within, share)] == pytest.approx(np.degrees(np.quantile(radii, share)), abs=0.12)


def test_bins_share_a_sources_counts_and_exposure_scales_them() -> None:
    counts, share = np.zeros((1, 3, NSIDE, NSIDE), np.int32), np.array([0.5, 0.3, 0.2])
    exposure = np.where(np.arange(NSIDE)[:, None] < NSIDE // 2, 0.5, 1.5) * FLAT
    add_sources(counts, np.array([60_000.0]), source_counts(5.0, 4.0, 0.0), places_of(FLAT), exposure, share, np.zeros((3, 1)), rng(4))
    total = counts.sum(axis=(0, 2, 3))
    np.testing.assert_allclose(total / total.sum(), share, atol=0.02)
    halves = counts[0].sum(axis=(0, 2))
    assert halves[: NSIDE // 2].sum() / halves.sum() == pytest.approx(0.25, abs=0.02)


def test_same_seed_same_counts() -> None:
    made = []
    for _ in range(2):
        counts = np.zeros((2, 1, NSIDE, NSIDE), np.int32)
        add_sources(counts, np.array([100.0, 500.0]), source_counts(5.0, 4.0, 0.0), places_of(middle()), FLAT, ONE, np.full((1, 7), 0.05), rng(5))
        made.append(counts)
    assert np.array_equal(*made) and made[0].sum() > 0


def test_what_does_not_fit_is_refused() -> None:
    law, places = source_counts(5.0, 4.0, 0.0), places_of(FLAT)
    counts = np.zeros((1, 2, NSIDE, NSIDE), np.int32)
    with pytest.raises(ValueError, match="share and radii_rad need one entry for each of 2 bins"):
        add_sources(counts, ONE, law, places, FLAT, ONE, NOWHERE, rng(1))
    with pytest.raises(ValueError, match="must be images of one size"):
        add_sources(counts, ONE, law, places_of(np.ones((8, 8))), FLAT, np.array([0.5, 0.5]), np.zeros((2, 1)), rng(1))
    for bad in (np.zeros((4, 4)), np.full((4, 4), np.nan), -np.ones((4, 4))):
        with pytest.raises(ValueError, match="a template of sources needs finite values"):
            places_of(bad)
