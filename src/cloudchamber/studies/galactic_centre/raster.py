"""Images of HEALPix base pixel 4 on a grid of longitude and latitude, as figures show them."""

from __future__ import annotations

import numpy as np

from cloudchamber.geometry import Healpix

RASTER, EDGE_DEG = 300, 30.0


def raster(values: np.ndarray) -> np.ndarray:
    """An image (nside, nside) of HEALPix base pixel 4 on a grid of longitude, growing to the left, and latitude; NaN where it is none of its pixels."""
    lon, lat = np.meshgrid(np.linspace(EDGE_DEG, -EDGE_DEG, RASTER), np.linspace(-EDGE_DEG, EDGE_DEG, RASTER))
    place = Healpix(len(values), base_pixel=4).place_of(lon, lat)
    return np.where(place >= 0, np.asarray(values, float).ravel()[place], np.nan)
