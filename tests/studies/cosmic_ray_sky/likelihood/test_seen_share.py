from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.exposure import draw_visible, exposure_at
from cloudchamber.physics.sphere import tangent_basis
from cloudchamber.rng import rng
from cloudchamber.studies.cosmic_ray_sky.likelihood.seen_share import seen_share
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy, deflected


@pytest.mark.parametrize(("exposure", "composition"), [("auger", "He"), ("ta", "mixed"), ("both", "H")])
def test_share_is_the_mean_exposure_of_the_arrivals(exposure: str, composition: str) -> None:
    toy = Toy(exposure=exposure, composition=composition)
    sources, psi_rad = draw_visible(6, exposure, rng(1)), rng(2).uniform(0, 2 * np.pi, 6)
    east, north = tangent_basis(sources)
    share = seen_share(toy, np.stack((sources, north, east), axis=1), psi_rad)
    for source, psi, expected in zip(sources, psi_rad, share, strict=True):
        many = np.tile(source, (40_000, 1))
        seen = exposure_at(deflected(toy, many, np.full(len(many), psi), toy.coherent_rad_ev, toy.blur_rad_ev, rng(3)).vectors, exposure)
        assert seen.mean() == pytest.approx(expected, abs=5 * seen.std() / 200 + 5e-3)


def test_uniform_exposure_sees_all() -> None:
    assert np.array_equal(seen_share(Toy(), np.zeros((2, 1, 3, 3)), np.zeros(4)), np.ones((2, 4)))
