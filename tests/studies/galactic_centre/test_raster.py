"""Images are where they should be on a figure."""

from __future__ import annotations

import numpy as np

from cloudchamber.physics.gamma.face import direction_at
from cloudchamber.studies.galactic_centre.raster import RASTER, raster

NSIDE = 32


def test_rasters_have_longitude_to_the_left_and_north_up() -> None:
    x, y = np.meshgrid(np.arange(NSIDE) + 0.5, np.arange(NSIDE) + 0.5, indexing="ij")
    lon, lat = (raster(values) for values in direction_at(x, y, NSIDE))
    middle = RASTER // 2
    assert np.all(np.diff(np.nanmean(lon, axis=0)[20:-20]) <= 0.3) and lon[middle, 20] > 20 and lon[middle, -20] < -20
    assert lat[20, middle] < -20 and lat[-20, middle] > 20
    assert np.isnan(lon[0, 0]), "the face ends there"
