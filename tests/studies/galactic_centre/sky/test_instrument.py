"""Exposure over the image, and counts of a flux by its spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.gamma.bins import EXCESS, PI0, EnergyBins, Spectrum
from cloudchamber.physics.gamma.face import direction_at
from cloudchamber.physics.sphere import equatorial_from_galactic
from cloudchamber.studies.galactic_centre.sky.instrument import DECLINATIONS_DEG, EXPOSURES, counts_by_index, over_standard, relative_exposure


def test_the_exposure_follows_declination_and_is_that_of_the_centre() -> None:
    relative = relative_exposure(64)
    assert relative[31:33, 31:33] == pytest.approx(1.0, abs=0.01)
    # towards the celestial south it is higher
    assert relative.min() > 0.9 and relative.max() < 1.1
    assert equatorial_from_galactic(0.0, 0.0)[1] == pytest.approx(-28.94, abs=0.02)
    _, declination = equatorial_from_galactic(*direction_at(*(np.indices((64, 64)) + 0.5), 64))
    order = np.argsort(declination.ravel())
    assert np.all(np.diff(relative.ravel()[order])[: np.sum(declination < -5)] <= 1e-12)
    at = np.abs(declination - DECLINATIONS_DEG[2]) < 0.05
    assert relative[at] / relative[31, 31] == pytest.approx(EXPOSURES[2] / np.interp(-28.94, DECLINATIONS_DEG, EXPOSURES), rel=0.003)


@pytest.mark.parametrize("index", [1.0, 2.4, 2.413, 4.0])
def test_counts_by_index_are_those_of_the_spectrum(index: float) -> None:
    bins = EnergyBins((1.0, 1.8, 3.3, 6.0), 1.0)
    np.testing.assert_allclose(counts_by_index(bins, np.array([index]))[0], bins.counts(Spectrum(index), 1.0), rtol=1e-4)


def test_fluxes_between_other_edges_are_over_the_standard_ones() -> None:
    assert over_standard(EnergyBins(), PI0) == 1.0
    # E^-2.7 integrates to E^-1.7
    assert over_standard(EnergyBins((2.0, 20.0)), PI0) == pytest.approx((2**-1.7 - 20**-1.7) / (1 - 6**-1.7), rel=1e-6)
    assert 1 / over_standard(EnergyBins((2.0, 20.0)), EXCESS) == pytest.approx(2.15, rel=0.01)
