"""The diffuse emission alone: shapes of mean 1, of their seed, and of theta that is possible."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import check_table
from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS
from cloudchamber.studies.galactic_centre.diffuse.sightlines import reference_region
from cloudchamber.studies.galactic_centre.sky.diffuse_sky import DiffuseSky

SKY = DiffuseSky(32)


def test_shapes_are_of_the_schema_and_of_mean_one() -> None:
    theta = SKY.prior(5, rng(1))
    assert set(theta) == set(PARAMETERS) - {"bubble_edge_deg"}
    made = check_table(SKY.simulate(theta, rng(2)), SKY.schema.x)
    assert tuple(made) == SHAPES
    for shape in made.values():
        assert shape.min() > 0
        np.testing.assert_allclose(shape[:, reference_region(32)].mean(axis=1), 1, atol=1e-5)
    assert np.array_equal(made[SHAPES[0]], SKY.simulate(theta, rng(2))[SHAPES[0]])


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(ValueError, match="nside: 48 is none of"):
        DiffuseSky(48)
    theta = SKY.prior(2, rng(1))
    with pytest.raises(ValueError, match="turbulence"):
        SKY.simulate(theta | {"turbulence": np.array([0.3, 7.0])}, rng(1))
