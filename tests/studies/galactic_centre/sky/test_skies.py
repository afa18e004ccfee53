"""What every simulator of the study shares: expected counts, populations of sources, Poisson maps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from cloudchamber.physics.gamma.bins import EXCESS, INVERSE_COMPTON, PI0, Spectrum
from cloudchamber.physics.gamma.face import within
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.diffuse.maps import diffuse_maps
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE
from cloudchamber.studies.galactic_centre.sky.excess import excess_maps
from cloudchamber.studies.galactic_centre.sky.instrument import relative_exposure
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.studies.galactic_centre.sky.skies import LEAST, Instrument, expected_diffuse, populations, prior_of, simulated

SKY = RandomSky(nside=64)
REGION = within(64, 10.0, 2.0)


def theta_of(events: int, seed: int = 1, **given: float) -> Table:
    theta = SKY.prior(events, rng(seed))
    return theta | {name: np.full(events, value, np.float32) for name, value in given.items()}


def quiet(events: int, **given: float) -> Table:
    """Events without sources."""
    return theta_of(events, f_src=0.0, disk_flux_cm2_s=0.0, extragalactic_scale=0.0, **given)


def same(theta: Table) -> Table:
    """The first event again and again."""
    return {name: np.repeat(values[:1], len(values), axis=0) for name, values in theta.items()}


def test_intensities_are_those_of_the_region_beside_the_plane() -> None:
    """Counts a pixel of one component alone are its intensity times exposure and solid angle."""
    nothing = {"excess_flux_cm2_s": 0.0, "pi0_cm2_s_sr": 0.0, "inverse_compton_cm2_s_sr": 0.0, "bubbles_cm2_s_sr": 0.0, "isotropic_cm2_s_sr": 0.0}
    for name, index in (("pi0_cm2_s_sr", 2.4), ("inverse_compton_cm2_s_sr", 2.4), ("isotropic_cm2_s_sr", None), ("bubbles_cm2_s_sr", None)):
        theta = quiet(4, **(nothing | {name: 5e-6, "pi0_index": 2.4, "inverse_compton_index": 2.4}))
        shapes = diffuse_maps({each: theta[each] for each in DIFFUSE}, 64, rng(2))
        found = expected_diffuse({each: values.astype(float) for each, values in theta.items()}, shapes, np.zeros((4, 64, 64)), SKY)
        exposure = theta["years"][:, None] * SKY.exposure_cm2_s
        rate = (found / exposure[:, :, None, None] / relative_exposure(64)).sum(1)[:, REGION].mean(1) / SKY.pixel_sr
        # the spread moves some of the plane's photons to where the intensity is meant
        np.testing.assert_allclose(rate, 5e-6, rtol=0.35 if name == "pi0_cm2_s_sr" else 0.06)
        assert np.all(rate > 4.7e-6) or index is None


def test_counts_are_poisson_about_what_is_expected() -> None:
    theta = same(quiet(60))
    shapes = diffuse_maps({name: theta[name][:1] for name in DIFFUSE}, 64, rng(2))
    shapes = type(shapes)(*(np.repeat(each, 60, axis=0) for each in shapes))
    plain = {name: values[:1].astype(float) for name, values in theta.items()}
    excess = excess_maps(plain["excess_slope"], plain["excess_axis_ratio"], plain["excess_lon_deg"], plain["excess_lat_deg"], 64)
    mean = expected_diffuse(plain, type(shapes)(*(each[:1] for each in shapes)), excess, SKY)[0]
    counts = simulated(theta, shapes, SKY, rng(4))["counts"].astype(float)
    pixels = counts[0].size
    square = ((counts.mean(0) - mean) ** 2 / (mean / 60)).sum()
    assert 1e-6 < chi2.sf(square, pixels) < 1 - 1e-6
    # var over mean of 60 numbers each: 1, with an error of sqrt(2 / 59 / pixels)
    assert np.mean(counts.var(0, ddof=1) / mean) == pytest.approx(1.0, abs=5 * np.sqrt(2 / 59 / pixels))
    # neighbours know nothing of each other
    pulls = (counts - mean) / np.sqrt(mean)
    assert abs(np.mean(pulls[..., 1:] * pulls[..., :-1])) < 5 / np.sqrt(pulls[..., 1:].size)


def test_sources_keep_the_excess_its_flux_and_make_it_vary() -> None:
    """As many photons whatever their share is of sources; their number varies from pixel to pixel more than Poisson's."""
    base = {"disk_flux_cm2_s": 0.0, "extragalactic_scale": 0.0, "excess_flux_cm2_s": 5e-7, "source_break_cm2_s": 2e-10, "years": 10.0}
    base |= {"pi0_cm2_s_sr": 0.0, "inverse_compton_cm2_s_sr": 0.0, "bubbles_cm2_s_sr": 0.0, "isotropic_cm2_s_sr": 0.0, "excess_axis_ratio": 1.0}
    base |= {"excess_slope": 1.0, "excess_lon_deg": 0.0, "excess_lat_deg": 0.0, "source_index_above": 4.0, "source_index_below": 0.0}
    smooth, points = (SKY.simulate(theta_of(40, f_src=share, **base), rng(5))["counts"].sum((1, 2, 3)) for share in (0.0, 1.0))
    law = populations({name: values.astype(float) for name, values in theta_of(1, f_src=1.0, **base).items()}, np.ones((1, 64, 64)), SKY)[0].law
    per_source = float(law.mean_counts[0])
    # the error of the mean of 40 compound Poisson sums of sources with <S^2> about 2 <S>^2
    error = np.sqrt(smooth.mean() * 3 * per_source / 40)
    assert abs(points.mean() - smooth.mean()) < 5 * error
    assert points.var() > 5 * smooth.mean()


def test_brightness_of_sources_is_recovered_from_their_maps() -> None:
    """Single sources of a sky without anything else: the counts of isolated ones follow dN/dF above the break."""
    found = populations(
        {name: values.astype(float) for name, values in theta_of(1, source_break_cm2_s=1e-9, source_index_above=3.0).items()}, np.ones((1, 64, 64)), SKY
    )[0]
    bright = found.law.share_of_counts(found.law.break_counts)[0]
    assert 0.1 < bright < 1.0
    assert found.law.least_counts[0] == pytest.approx(LEAST * found.law.break_counts[0])
    assert found.law.break_counts[0] == pytest.approx(1e-9 * theta_of(1)["years"][0] * SKY.bins.counts(EXCESS, 1.0).sum(), rel=1e-6)


def test_other_bins_scale_the_prior_with_the_spectra() -> None:
    one = RandomSky(edges_gev=(2.0, 20.0), events="psf3", nside=64)
    wide, standard = prior_of(one.bins), prior_of(SKY.bins)
    assert wide["excess_flux_cm2_s"].high / standard["excess_flux_cm2_s"].high == pytest.approx(1 / 2.15, rel=0.01)
    assert wide["pi0_cm2_s_sr"].high / standard["pi0_cm2_s_sr"].high == pytest.approx(PI0.flux(2, 20) / PI0.flux(1, 6))
    assert wide["inverse_compton_cm2_s_sr"].high / standard["inverse_compton_cm2_s_sr"].high == pytest.approx(
        INVERSE_COMPTON.flux(2, 20) / INVERSE_COMPTON.flux(1, 6)
    )


def test_an_instrument_s_year_is_the_one_of_its_bins() -> None:
    year = Instrument().exposure_cm2_s
    assert year.shape == (3,) and np.all((year > 4e10) & (year < 5e10))
    # a flux through the exposure of each bin gives its counts
    bins, spectrum = Instrument().bins, Spectrum(2.4)
    fluxes = [spectrum.flux(low, high) for low, high in zip(bins.edges_gev[:-1], bins.edges_gev[1:], strict=True)]
    np.testing.assert_allclose(year * fluxes / spectrum.flux(1.0, 6.0), bins.counts(spectrum, 1.0), rtol=1e-4)
    assert Instrument(nside=64).pixel_sr == pytest.approx(4 * np.pi / 49152)


def test_only_the_law_of_an_event_s_own_theta_makes_its_counts() -> None:
    """Events beyond the first batch are like those in it."""
    theta = same(theta_of(40, years=10.0))
    shapes = diffuse_maps({name: theta[name][:1] for name in DIFFUSE}, 64, rng(2))
    shapes = type(shapes)(*(np.repeat(each, 40, axis=0) for each in shapes))
    made = simulated(theta, shapes, SKY, rng(4))
    totals = made["counts"][:, :, REGION].sum((1, 2)).astype(float)
    assert abs(totals[:32].mean() - totals[32:].mean()) < 6 * totals.std() * np.sqrt(1 / 32 + 1 / 8)
    np.testing.assert_allclose(made["exposure_cm2_s"], np.tile(10 * SKY.exposure_cm2_s, (40, 1)))


@pytest.mark.parametrize(("settings", "words"), [({"nside": 100}, "nside: 100 is none of 32, 64"), ({"edges_gev": (3.0, 1.0)}, "edges_gev")])
def test_instruments_that_are_none_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Instrument(**settings)
