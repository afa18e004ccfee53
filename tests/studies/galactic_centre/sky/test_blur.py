from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.gamma.bins import EnergyBins
from cloudchamber.physics.gamma.brightness import source_counts
from cloudchamber.physics.gamma.sources import add_sources, places_of
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.sky.blur import blurred, kernel

BINS = EnergyBins()


def test_photons_are_conserved_and_an_even_sky_stays_even() -> None:
    assert kernel(BINS, 2.4, 64).sum((1, 2)) == pytest.approx(np.ones(3))
    even = np.full((2, 3, 64, 64), 7.0)
    np.testing.assert_allclose(blurred(even, BINS, 2.4), even, rtol=1e-4)
    point = np.zeros((1, 3, 64, 64))
    point[..., 32, 32] = 1000.0
    assert blurred(point, BINS, 2.4).sum((2, 3)) == pytest.approx(np.full((1, 3), 1000.0), rel=1e-4)


def test_a_spread_pixel_is_what_photons_of_its_sources_make() -> None:
    """The image folded, and photons that are moved one by one on the sphere, agree in the middle of the image."""
    template = np.zeros((64, 64))
    template[30, 33] = 1.0
    counts = np.zeros((1, 3, 64, 64), np.int32)
    law = source_counts(np.array([2.0]), 5.0, 0.5, 0.5)
    add_sources(counts, np.array([3e6]), law, places_of(template), np.ones((64, 64)), np.full(3, 1 / 3), BINS.radii_rad(2.4), rng(1, "blur"))
    expected = blurred(template[None, None] * np.ones((1, 3, 1, 1)), BINS, 2.4)[0]
    for b in range(3):
        share = counts[0, b] / counts[0, b].sum()
        assert np.abs(share - expected[b]).sum() < 0.03


def test_pixels_at_the_edge_see_what_goes_on_beyond_it() -> None:
    rising = np.broadcast_to(np.linspace(1.0, 2.0, 64)[:, None], (1, 1, 64, 64))
    found = blurred(rising, EnergyBins((1.0, 6.0)), 2.4)[0, 0]
    assert np.abs(found[1:-1, 32] / rising[0, 0, 1:-1, 32] - 1).max() < 0.03
