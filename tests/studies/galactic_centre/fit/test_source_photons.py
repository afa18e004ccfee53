"""Sources that give a pixel m photons: sums, moments, single sources, and those drawn one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import poisson

from cloudchamber.physics.gamma.brightness import source_counts
from cloudchamber.studies.galactic_centre.fit.photon_shares import PhotonShares
from cloudchamber.studies.galactic_centre.fit.source_photons import NODES, SourcePhotons, weights

SHARES = PhotonShares(np.array([0.01, 0.1, 0.35]), np.array([20.0, 4.5, 1.0]))


@pytest.mark.parametrize(
    ("at_break", "above", "below", "least"), [(30.0, 3.0, 0.5, 0.3), (0.5, 6.0, -1.5, 0.005), (400.0, 2.4, 1.0, 4.0), (5.0, 3.5, 1.3, 0.05)]
)
def test_sources_and_their_photons_are_those_of_the_law(at_break: float, above: float, below: float, least: float) -> None:
    law = source_counts(at_break, above, below, least)
    found = weights(law)
    assert found.min() >= 0 and found.sum() == pytest.approx(1.0)
    # of a steep law all photons, of a flat one what sources beyond the table have
    assert found @ NODES == pytest.approx(float(law.mean_counts), rel=2e-2 if above < 3 else 1e-3)
    x = SourcePhotons(SHARES, 40).of(law)
    for m in (1, 3, 20):

        def integrand(log: float, m: int = m) -> float:
            s = np.exp(log)
            return s * float(law.density(s)) * float(SHARES.pixels @ poisson.pmf(m, SHARES.share * s))

        expected = sum(quad(integrand, *np.log(ends), limit=200)[0] for ends in ((least, at_break), (at_break, 40 * at_break), (40 * at_break, 1e6)))
        assert x[m] == pytest.approx(expected, rel=5e-3), m


def test_the_first_number_is_the_sum_of_all() -> None:
    photons = SourcePhotons(SHARES, 3000)
    x = photons.of(source_counts(50.0, 4.0, 0.0, 0.5))
    assert x[1:].sum() == pytest.approx(x[0], rel=1e-6)
    assert np.arange(3001) @ x[:] == pytest.approx(float(source_counts(50.0, 4.0, 0.0, 0.5).mean_counts), rel=1e-3)


def test_a_shorter_table_has_the_same_numbers() -> None:
    law = source_counts(1000.0, 2.5, 0.0, 10.0)
    np.testing.assert_allclose(SourcePhotons(SHARES, 50).of(law), SourcePhotons(SHARES, 900).of(law)[:51], rtol=1e-12)
