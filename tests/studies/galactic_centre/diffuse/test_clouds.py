"""Clouds hold what their peak and widths say, where they were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.diffuse.clouds import CLOUDS, PEAK, STRETCH, WIDTH_DEG, cloud_map, draw_clouds
from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels


def test_integral_and_moments() -> None:
    """Ophiuchus' place: 2 pi times widths times the peak, in deg^2; longer in the direction of its angle."""
    image, at = cloud_map(np.array([[-7.0, 17.0, 1.0, 2.0, np.pi / 6, 1.5]]), 128).astype(float), pixels(128)
    area = 4 * np.pi / (12 * 128**2) * np.degrees(1) ** 2
    assert image.sum() * area == pytest.approx(2 * np.pi * 1.0 * 2.0 * 1.5, rel=0.01)
    assert image.max() == pytest.approx(1.5, rel=0.05)
    east, north = (at.lon_deg + 7) * np.cos(np.radians(17)), at.lat_deg - 17
    along, across = (np.average((c * east + s * north) ** 2, weights=image) for c, s in ((np.sqrt(0.75), 0.5), (-0.5, np.sqrt(0.75))))
    assert [np.sqrt(along), np.sqrt(across)] == pytest.approx([2.0, 1.0], rel=0.05)


def test_clouds_add_up_and_none_is_nothing() -> None:
    one, two = np.array([[0.0, 5.0, 1.0, 2.0, 0.0, 1.0]]), np.array([[3.0, 6.0, 2.0, 2.0, 1.0, 0.5]])
    np.testing.assert_allclose(cloud_map(np.concatenate((one, two)), 64), cloud_map(one, 64) + cloud_map(two, 64), rtol=1e-6)
    assert not cloud_map(np.empty((0, 6)), 64).any()


def test_drawn_clouds() -> None:
    generator = rng(1)
    drawn = [draw_clouds(generator) for _ in range(300)]
    assert np.mean([len(each) for each in drawn]) == pytest.approx(CLOUDS, abs=5 * np.sqrt(CLOUDS / 300))
    every = np.concatenate(drawn)
    assert np.all((every[:, 2] >= WIDTH_DEG[0]) & (every[:, 2] <= WIDTH_DEG[1])) and np.all(
        (every[:, 3] / every[:, 2] <= STRETCH) & (every[:, 3] >= every[:, 2])
    )
    assert np.all((every[:, 5] >= PEAK[0]) & (every[:, 5] <= PEAK[1])) and np.median(np.abs(every[:, 1])) == pytest.approx(10 * np.log(2), rel=0.2)
