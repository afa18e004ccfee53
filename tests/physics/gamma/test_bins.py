"""Spectra, exposures and what they make of a flux, against published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from cloudchamber.physics.gamma.bins import BUBBLES, EXCESS, INVERSE_COMPTON, ISOTROPIC, PI0, EnergyBins, Spectrum
from cloudchamber.physics.gamma.psf import in_bin


def test_the_excess_in_other_energies() -> None:
    """F(1 to 6 GeV) is 2.15 times F(2 to 20 GeV)."""
    assert EXCESS.flux(1.0, 6.0) / EXCESS.flux(2.0, 20.0) == pytest.approx(2.15, rel=0.01)
    assert 4 * float(EXCESS(2.0)) / EXCESS.flux(2.0, 20.0) == pytest.approx(3.2, rel=0.02)


@pytest.mark.parametrize("spectrum", [PI0, INVERSE_COMPTON, BUBBLES, EXCESS, ISOTROPIC, Spectrum(1.0), Spectrum(2.0, cutoff_gev=3.0)])
def test_fluxes_are_integrals(spectrum: Spectrum) -> None:
    pieces = [(0.5, 2.06), (2.06, 15.0)]
    assert spectrum.flux(0.5, 15.0) == pytest.approx(sum(quad(spectrum, *piece)[0] for piece in pieces), rel=2e-5)


def test_a_break_is_continuous() -> None:
    low, high = EXCESS(np.array([2.06 * (1 - 1e-9), 2.06 * (1 + 1e-9)]))
    assert high == pytest.approx(low, rel=1e-8)


def test_counts_are_flux_times_exposure() -> None:
    bins = EnergyBins()
    assert float(bins.exposure_cm2_s(10.0)) == pytest.approx(4.6e11, rel=0.01)
    counts = bins.counts(PI0, np.array([1e-9, 2e-9]))
    assert counts.shape == (2, 3) and np.allclose(counts[1], 2 * counts[0]) and np.all(np.diff(counts[0]) < 0)
    # between the least and the largest exposure
    assert 1e-9 * 4.6e11 * 0.92 < counts[0].sum() < 1e-9 * 4.6e11 * 1.03
    np.testing.assert_allclose(bins.share(PI0).sum(), 1)
    assert bins.share(Spectrum(3.0))[0] > bins.share(Spectrum(1.5))[0]


def test_a_pixel_at_high_latitude_has_the_published_counts() -> None:
    """5.7e-7 a cm2 s sr from 2 to 20 GeV beyond 20 deg are about 4 counts from 1 to 6 GeV in 10 years and a pixel of 0.15 deg."""
    counts = EnergyBins((1.0, 6.0)).counts(Spectrum(2.4), 2.4 * 5.7e-7 * 6.85e-6)
    assert counts.sum() == pytest.approx(4, rel=0.1)


def test_photons_of_higher_bins_are_nearer() -> None:
    radii = EnergyBins().radii_rad(2.4, 1000)
    assert radii.shape == (3, 1000) and np.all(np.diff(np.median(radii, axis=1)) < 0)
    best = EnergyBins((2.0, 20.0), events="psf3").radii_rad(2.4, 1000)
    radius = np.degrees(np.quantile(best, 0.68))
    spread, share = in_bin(2.0, 20.0, 2.4, "psf3")
    assert (share * spread.contained(radius)).sum() == pytest.approx(0.68, abs=0.002)


def test_bins_that_are_none_are_refused() -> None:
    for edges in ((1.0,), (2.0, 1.0), (0.1, 1.0), (1.0, 50.0)):
        with pytest.raises(ValueError, match=r"edges_gev: needs two or more that rise, from 0\.3 to 20 GeV"):
            EnergyBins(edges)
    with pytest.raises(ValueError, match="years: 0 is outside"):
        EnergyBins(years=0)
