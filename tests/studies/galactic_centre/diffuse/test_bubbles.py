"""Bubbles reach as high and wide as published, and their edge is as wide as asked."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.diffuse.bubbles import HALF_WIDTH_DEG, LIMB, TOP_DEG, bubble_map, draw_lobes
from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels

PLAIN = np.array([[52.0, 0.0, 20.0, 0.0, 0.0, 0.0]] * 2)
"""Two upright lobes from the plane to 52 deg, 40 deg wide, without limb."""


def test_size_on_the_image() -> None:
    at, image = pixels(128), bubble_map(PLAIN, 3.4, 128)
    inside = image > 0.5
    row = np.abs(at.lat_deg - 26) < 0.6
    # 40 deg wide at half height, as Su et al. (2010); in longitude 1 / cos b more, as far as the image goes
    widest = np.abs(at.lon_deg[row & inside]).max()
    assert widest == pytest.approx(np.abs(at.lon_deg[row]).max(), abs=0.7)
    row = np.abs(at.lat_deg - 8) < 0.4
    expected = 20 * np.sqrt(1 - (1 - 8 / 26) ** 2)
    assert np.abs(at.lon_deg[row & inside] * np.cos(np.radians(8))).max() == pytest.approx(expected, abs=0.8)
    np.testing.assert_array_equal(image, image[::-1, ::-1])


@pytest.mark.parametrize("edge", [1.5, 3.4, 6.0])
def test_edge(edge: float) -> None:
    """Along 8 deg of latitude: from 0 to 1 over the edge, across it. The edge's normal there is turned from the east."""
    at, image = pixels(256), bubble_map(PLAIN, edge, 256)
    along, row = -18 / 26, np.abs(at.lat_deg - 8.0) < 0.25
    across = np.sqrt(1 - along**2)
    cosine = (across / 20) / np.hypot(across / 20, along / 26)
    partial = row & (image > 0.02) & (image < 0.98) & (at.lon_deg > 0)
    # a smooth step 3 u^2 - 2 u^3 is between 0.02 and 0.98 for 0.834 of its width
    assert np.ptp(at.lon_deg[partial]) * np.cos(np.radians(8)) * cosine == pytest.approx(0.834 * edge, rel=0.15, abs=0.4)


def test_limb_brightens_towards_the_edge() -> None:
    at = pixels(64)
    lobes = PLAIN.copy()
    lobes[:, 5] = 1.0
    gain = bubble_map(lobes, 3.4, 64) / np.where((plain := bubble_map(PLAIN, 3.4, 64)) > 0, plain, 1)
    middle, border = (np.abs(at.lat_deg - 26) < 1) & (np.abs(at.lon_deg) < 1), (np.abs(at.lat_deg - 2) < 1) & (np.abs(at.lon_deg) < 1)
    assert gain[middle].max() < 1.05 and gain[border].mean() > 1.7


def test_drawn_lobes_spread_around_the_published_size() -> None:
    generator = rng(1)
    lobes = np.array([draw_lobes(generator) for _ in range(400)])
    assert lobes.shape == (400, 2, 6) and np.all(lobes[:, 0, 5] == lobes[:, 1, 5]) and 0 <= lobes[..., 5].min() < lobes[..., 5].max() <= LIMB
    assert np.mean(lobes[..., 0]) == pytest.approx(TOP_DEG, abs=0.7) and np.mean(lobes[..., 2]) == pytest.approx(HALF_WIDTH_DEG, abs=0.7)
    # 55 deg of Ackermann et al. (2014) and 50 of Su et al. (2010) are both usual
    assert np.mean(lobes[..., 0] > 55) > 0.1 and np.mean(lobes[..., 0] < 50) > 0.1
    assert np.all(lobes[..., 0] - lobes[..., 1] > 35) and np.all(lobes[..., 2] > 10)
    images = [bubble_map(each, 3.4, 32) for each in lobes[:20]]
    assert all(image.min() >= 0 and 0.99 <= image.max() <= 1 + LIMB for image in images)
