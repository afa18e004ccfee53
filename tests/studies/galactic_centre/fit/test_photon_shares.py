"""What part of a source's photons lands in a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.gamma.bins import EXCESS, EnergyBins
from cloudchamber.studies.galactic_centre.fit.photon_shares import photon_shares
from cloudchamber.studies.galactic_centre.sky.blur import kernel

BINS = EnergyBins()


def test_without_a_spread_one_pixel_has_all() -> None:
    found = photon_shares(np.zeros((1, 1)), np.ones(1), 32)
    assert found.share.tolist() == [1.0] and found.pixels.tolist() == [1.0]


def test_shares_add_up_and_are_those_of_the_point_spread() -> None:
    found = photon_shares(BINS.radii_rad(2.2), BINS.share(EXCESS), 64)
    assert found.share @ found.pixels == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.diff(found.share) > 0) and found.share[-1] < 1
    # two photons of a source fall into one pixel as often as the mean over places in it says; the kernel has lost the place, so that it says less
    together = float(found.share**2 @ found.pixels)
    seen = np.tensordot(BINS.share(EXCESS), kernel(BINS, 2.2, 64), 1)
    assert (seen**2).sum() < together < 1.5 * (seen**2).sum()


def test_larger_pixels_hold_more() -> None:
    fine, coarse = (photon_shares(BINS.radii_rad(2.2), BINS.share(EXCESS), nside) for nside in (64, 32))
    assert fine.share**2 @ fine.pixels < 0.7 * (coarse.share**2 @ coarse.pixels)
