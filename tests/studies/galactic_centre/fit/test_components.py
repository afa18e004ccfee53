"""Templates of the components: what the simulator makes, and what a fit of its maps finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, norm

from cloudchamber.physics.gamma.face import within
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.fit.components import SMOOTH, SOURCES, USUAL, component_templates
from cloudchamber.studies.galactic_centre.fit.template_fit import fit_templates
from cloudchamber.studies.galactic_centre.sky.skies import Instrument, simulated
from cloudchamber.studies.galactic_centre.sky.template_sky import TemplateSky

SKY = TemplateSky(nside=64, years=(10.0, 10.0))
REGION = within(64, 25.0, 2.0)
MIDDLE = {
    "excess_flux_cm2_s": 3e-7,
    "disk_flux_cm2_s": 0.0,
    "extragalactic_scale": 0.0,
    "pi0_cm2_s_sr": 8e-6,
    "inverse_compton_cm2_s_sr": 4e-6,
    "bubbles_cm2_s_sr": 8e-7,
    "isotropic_cm2_s_sr": 8e-7,
}
DRAWS = 48


def events(n: int, **given: float) -> Table:
    """All alike, with the usual spectra and shapes."""
    theta = SKY.prior(n, rng(1, "components"))
    fixed = {name: np.full(n, value, np.float32) for name, value in {**USUAL, **MIDDLE, "f_src": 0.0, **given}.items()}
    return {name: np.repeat(values[:1], n, axis=0) for name, values in (theta | fixed).items()}


def fits(n: int, leave: tuple[str, ...] = (), **given: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Amplitudes and errors (n, templates) of maps whose shapes are the fit's."""
    theta = events(n, **given)
    one = SKY.diffuse({name: values[:1] for name, values in theta.items()}, rng(2))
    counts = simulated(theta, type(one)(*(np.repeat(each, n, axis=0) for each in one)), SKY, rng(3, "fits"))["counts"]
    found = component_templates(SKY, one)
    names = [name for name in found if name not in leave]
    each = [fit_templates(image[:, REGION], np.stack([found[name][:, REGION] for name in names])) for image in counts]
    return names, np.array([fit.amplitudes for fit in each]), np.array([fit.errors for fit in each])


def test_amplitudes_are_thetas_columns_within_their_errors() -> None:
    names, found, errors = fits(DRAWS, SOURCES)
    assert names == list(SMOOTH)
    truth = np.array([MIDDLE[name] for name in names])
    pulls = (found - truth) / errors
    assert np.all(np.abs(pulls.mean(0)) < norm.isf(5e-7 / 5) / np.sqrt(DRAWS))
    assert np.all((pulls**2).sum(0) < chi2.isf(5e-7 / 5, DRAWS)) and np.all((pulls**2).sum(0) > chi2.ppf(5e-7 / 5, DRAWS))
    # it tells: the excess to some per cent
    assert np.all(errors[:, 4] < 0.05 * truth[4])


def test_of_sources_it_tells_the_flux_and_too_small_errors() -> None:
    """An excess of a thousand sources, a disk, and those of other galaxies: fluxes hold, their scatter is beyond Poisson's."""
    names, found, errors = fits(DRAWS, f_src=1.0, source_break_cm2_s=2e-10, source_index_above=4.0, disk_flux_cm2_s=1e-7, disk_height_kpc=0.3)
    excess = names.index("excess_flux_cm2_s")
    spread = found[:, excess].std(ddof=1)
    assert abs(found[:, excess].mean() - 3e-7) < 6 * spread / np.sqrt(DRAWS) and spread < 0.2 * 3e-7
    assert spread > 1.5 * errors[:, excess].mean()


def test_all_templates_are_linear_in_years_and_follow_their_shapes() -> None:
    shapes = SKY.diffuse(events(1), rng(2))
    ten, one = component_templates(SKY, shapes), component_templates(SKY, shapes, {"years": 1.0})
    assert list(ten) == [*SMOOTH, *SOURCES]
    for name, template in ten.items():
        assert template.shape == (3, 64, 64) and template.min() >= 0
        np.testing.assert_allclose(template, 10 * one[name], rtol=1e-4, atol=1e-5 * template.max())
    high = component_templates(SKY, shapes, {"disk_height_kpc": 1.0, "excess_slope": 1.0})
    beside = within(64, 10.0, 4.0)
    assert high["disk_flux_cm2_s"][:, beside].sum() > 1.2 * ten["disk_flux_cm2_s"][:, beside].sum()
    assert high["excess_flux_cm2_s"][:, beside].sum() > ten["excess_flux_cm2_s"][:, beside].sum()
    # 1 / cm2 s within 10 deg makes counts of the exposure, but what is spread beyond
    exposure = 10 * Instrument(nside=64).exposure_cm2_s.mean()
    assert ten["disk_flux_cm2_s"][:, within(64, 10.0)].sum() == pytest.approx(exposure, rel=0.1)


def test_what_has_no_shape_is_left_out_and_unknown_names_are_told() -> None:
    shapes = SKY.diffuse(events(1), rng(2))
    nothing = shapes._replace(inverse_compton=np.zeros((1, 64, 64), np.float32))
    assert "inverse_compton_cm2_s_sr" not in component_templates(SKY, nothing)
    with pytest.raises(ValueError, match=r"do not depend on 'pi0_indx' \(did you mean 'pi0_index'\?\)"):
        component_templates(SKY, shapes, {"pi0_indx": 2.4})
    with pytest.raises(ValueError, match="excess_slope"):
        component_templates(SKY, shapes, {"excess_slope": 1.6})
