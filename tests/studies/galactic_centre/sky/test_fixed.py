"""The fast path has the law of the slow one: Poisson pixels, sources with their photons, nothing outside the pixels that are counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2, ks_2samp

from cloudchamber.physics.gamma.brightness import SourceCounts, source_counts
from cloudchamber.physics.gamma.face import within
from cloudchamber.physics.gamma.psf import radii_deg
from cloudchamber.physics.gamma.sources import add_sources, places_of
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.sky.excess import excess_maps
from cloudchamber.studies.galactic_centre.sky.fixed import FixedSky

NSIDE = 32
REGION = within(NSIDE, 25.0, 2.0)
EXCESS = excess_maps(np.array([1.2]), np.array([1.0]), np.array([0.0]), np.array([0.0]), NSIDE)[0]
TEMPLATES = np.stack([1 + 300 * EXCESS, np.full((NSIDE, NSIDE), 2.0)])
RADII = np.radians(radii_deg(2.0, 20.0, 2.2, "psf3", 4096))
EXPOSURE = np.where(np.arange(NSIDE)[:, None] < NSIDE // 2, 0.8, 1.2) * np.ones((NSIDE, NSIDE))
SKY = FixedSky(TEMPLATES, (places_of(EXCESS), places_of(np.ones((NSIDE, NSIDE)))), EXPOSURE, RADII, REGION)


def laws(events: int) -> list[SourceCounts]:
    return [source_counts(np.full(events, 8.0), np.full(events, 4.0), np.full(events, 0.5)), source_counts(np.full(events, 20.0), 3.0, 1.0)]


def test_pixels_are_poisson_about_the_templates() -> None:
    n = 2000
    counts = SKY.simulate(np.tile([1.5, 3.0], (n, 1)), np.zeros((2, n)), laws(n), rng(1)).astype(float)
    assert not counts[:, ~REGION].any()
    mean = (1.5 * TEMPLATES[0] + 3.0 * TEMPLATES[1])[REGION]
    seen = counts[:, REGION]
    square = ((seen.mean(0) - mean) ** 2 / (mean / n)).sum()
    assert 1e-6 < chi2.sf(square, len(mean)) < 1 - 1e-6
    assert np.mean(seen.var(0, ddof=1) / mean) == pytest.approx(1.0, abs=5 * np.sqrt(2 / n / len(mean)) * 1.1)


def test_sources_have_the_law_of_the_slow_path() -> None:
    """Events' sums, their brightest pixels, and the mean map: two samples of one law."""
    n = 1500
    expected = np.stack([np.full(n, 400.0), np.full(n, 250.0)])
    fast = SKY.simulate(np.zeros((n, 2)), expected, laws(n), rng(2))
    slow = np.zeros((n, 1, NSIDE, NSIDE), np.int32)
    for places, mean, law in zip(SKY.places, expected, laws(n), strict=True):
        add_sources(slow, mean, law, places, EXPOSURE, np.ones(1), RADII[None], rng(3, str(mean[0])))
    seen = [counts.reshape(n, NSIDE, NSIDE)[:, REGION] for counts in (fast, slow)]
    for number in (np.sum, np.max):
        assert ks_2samp(*(number(counts, axis=1) for counts in seen)).pvalue > 1e-6
    deviation = np.sqrt(sum(counts.var(0) for counts in seen) / n)
    assert np.abs((seen[0].mean(0) - seen[1].mean(0)) / deviation).max() < 6
    assert not fast[:, ~REGION].any() and slow[:, 0, ~REGION].any()


def test_amplitudes_and_populations_of_an_event_are_its_own() -> None:
    amplitudes, expected = np.array([[0.0, 0.0], [0.0, 5.0], [0.0, 0.0]]), np.array([[0.0, 0.0, 2000.0], [0.0, 0.0, 0.0]])
    counts = SKY.simulate(amplitudes, expected, laws(3), rng(4))
    assert counts.dtype == np.int32 and counts.shape == (3, NSIDE, NSIDE)
    assert counts[0].sum() == 0 and counts[1].sum() == pytest.approx(10 * REGION.sum(), abs=5 * np.sqrt(10 * REGION.sum()))
    # what the excess is made of lies about the middle, in a seventh of the region
    assert counts[2][within(NSIDE, 10.0, 2.0)].sum() > 0.3 * counts[2].sum() > 0


def test_same_seed_same_counts_and_no_population_is_fine() -> None:
    one, two = (SKY.simulate(np.ones((3, 2)), np.full((2, 3), 100.0), laws(3), rng(5)) for _ in range(2))
    assert np.array_equal(one, two)
    alone = replace(SKY, places=()).simulate(np.ones((3, 2)), np.zeros((0, 3)), [], rng(5))
    assert alone.sum() > 0 and not alone[:, ~REGION].any()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="templates, exposure and pixels"):
        replace(SKY, pixels=np.ones((NSIDE, NSIDE)))
    with pytest.raises(ValueError, match="templates, exposure and pixels"):
        replace(SKY, exposure=np.ones((16, 16)))
    with pytest.raises(ValueError, match="places must be of images of 32 pixels a side"):
        replace(SKY, places=(places_of(np.ones((16, 16))),))
    with pytest.raises(ValueError, match="templates must be finite and not negative"):
        replace(SKY, templates=-TEMPLATES)
    with pytest.raises(ValueError, match=r"needs amplitudes \(events, 2\), expected \(2, events\) and 2 laws, got \(3, 1\)"):
        SKY.simulate(np.ones((3, 1)), np.ones((2, 3)), laws(3), rng(1))
    with pytest.raises(ValueError, match="amplitudes and expected counts must be finite and not negative"):
        SKY.simulate(np.ones((3, 2)), np.full((2, 3), np.nan), laws(3), rng(1))
