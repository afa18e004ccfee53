from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.geometry import Healpix, Wcs
from cloudchamber.report.sky import sky_map
from cloudchamber.schema import Column

CAR = {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 20.5, "CRPIX2": 10.5, "CDELT1": -0.5, "CDELT2": 0.5}


@pytest.mark.parametrize(("geometry", "leading", "xlabel"), [
    (Healpix(8), (), ""), (Healpix(16, base_pixel=4), (3,), "Galactic longitude (deg)"), (Wcs(20, 40, CAR), (), "right ascension (deg)"),
])  # fmt: skip
def test_every_kind_of_pixel_is_drawn(geometry: Healpix | Wcs, leading: tuple[int, ...], xlabel: str) -> None:
    column = Column(shape=(*leading, *geometry.shape), unit="ct", geometry=geometry)
    values = np.broadcast_to(np.arange(int(np.prod(geometry.shape)), dtype=float).reshape(geometry.shape), column.shape)
    figure = sky_map(values, column, "a map")
    figure.draw_without_rendering()
    axes, bar = figure.axes
    assert axes.get_xlabel() == xlabel and bar.get_ylabel() == "ct" and figure.get_label() == "a map"
    shown = axes.collections[0].get_array().compressed()
    # every pixel is seen, with leading axes summed
    assert (
        len(np.unique(shown)) == values.size // int(np.prod(leading or (1,))) and shown.max() == values.reshape(-1, int(np.prod(geometry.shape))).sum(0).max()
    )


def test_a_column_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no geometry"):
        sky_map(np.ones(3), Column(shape=(3,)), "")
