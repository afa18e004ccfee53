"""The depth grid and the primaries."""

from __future__ import annotations

import numpy as np

from cloudchamber.studies.airshower.columns import MASS_NUMBER, PRIMARIES, THETA, X, depth_grid
from cloudchamber.studies.airshower.hybrid.simulator import ZENITH_MAX_DEG


def test_the_grid_of_depths() -> None:
    grid = depth_grid()
    assert (grid[0], grid[-1], len(grid)) == (0.0, 2470.0, 248)
    assert np.all(np.diff(grid) == 10.0)
    assert {column.shape for column in X.values()} == {(248,), ()}
    # to the ground at 65 degrees, wherever it is: 1033 g/cm2 at sea level
    assert grid[-1] > 1033 / np.cos(np.radians(ZENITH_MAX_DEG))


def test_every_primary_has_its_mass_number() -> None:
    assert tuple(MASS_NUMBER) == PRIMARIES == THETA["primary"].categories
    assert tuple(MASS_NUMBER.values()) == (1, 4, 14, 28, 56, 0)
