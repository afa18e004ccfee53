from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from cloudchamber.physics.gamma.face import directions, within
from cloudchamber.studies.galactic_centre.sky.disk import FURTHEST_KPC, RADIAL_KPC, disk_maps
from cloudchamber.studies.galactic_centre.sky.excess import SUN_KPC


@pytest.mark.parametrize("height", [0.1, 0.3, 1.0])
def test_the_emission_is_the_integral_along_the_line_of_sight(height: float) -> None:
    found = disk_maps(np.array([height]), 64)[0].ravel()
    vectors = directions(64)
    # away from the plane, where a pixel is not thicker than the disk
    pixels = [pixel for pixel in range(0, 4096, 157) if abs(vectors[2, pixel]) > 0.1]

    def integral(pixel: int) -> float:
        x, y, z = vectors[:, pixel]
        return float(quad(lambda s: np.exp(-np.hypot(s * x - SUN_KPC, s * y) / RADIAL_KPC - abs(s * z) / height), 0, FURTHEST_KPC, limit=200)[0])

    ratio = np.array([found[pixel] / integral(pixel) for pixel in pixels])
    assert ratio.std() / ratio.mean() < 0.02


def test_heights_between_those_of_the_table_lie_between() -> None:
    low, between, high = disk_maps(np.array([0.3, 0.35, 0.4]), 64)
    pole = ~within(64, 90.0, 0.0) | within(64, 90.0, 15.0)
    assert low[pole].sum() < between[pole].sum() < high[pole].sum()
    assert between[within(64, 10.0)].sum() == pytest.approx(1.0)


def test_a_height_outside_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"disk_height_kpc: 2 is outside"):
        disk_maps(np.array([2.0]), 64)
