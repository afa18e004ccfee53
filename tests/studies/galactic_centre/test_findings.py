"""What is told of a user's map: the template fit beside the posterior, through the packaged run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cloudchamber import hub, workflow
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.columns import TARGET
from cloudchamber.studies.galactic_centre.findings import classical_fit, instrument_of, source_shares
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.studies.galactic_centre.sky.skies import Instrument
from cloudchamber.studies.galactic_centre.sky.template_sky import TemplateSky

QUIET = {"f_src": 0.0, "extragalactic_scale": 0.0, "disk_flux_cm2_s": 0.0, "bubbles_cm2_s_sr": 0.0, "excess_flux_cm2_s": 5e-7, "pi0_index": 2.7}
USUAL = {"excess_slope": 1.2, "excess_axis_ratio": 1.0, "excess_lon_deg": 0.0, "excess_lat_deg": 0.0, "inverse_compton_index": 2.2}


def sky_of(galaxy: int, nside: int = 64) -> tuple[Table, Table]:
    """A sky of one of the built-in Galaxies, as the fit's templates have it."""
    sky = TemplateSky(nside=nside)
    theta = sky.prior(1, rng(1)) | {name: np.array([value], np.float32) for name, value in {**QUIET, **USUAL}.items()}
    theta["background_weight"] = np.eye(3, dtype=np.float32)[galaxy : galaxy + 1]
    return theta, sky.simulate(theta, rng(2))


@pytest.mark.parametrize("galaxy", [0, 1, 2])
def test_the_fit_finds_the_galaxy_and_what_shines_in_it(galaxy: int) -> None:
    theta, x = sky_of(galaxy)
    found = classical_fit(x["counts"][0], x["exposure_cm2_s"][0], Instrument(nside=64))
    assert found.galaxy == TemplateSky().backgrounds[galaxy]
    assert found.chi2(x["counts"][0]) == pytest.approx(1.0, abs=0.1)
    for name in ("pi0_cm2_s_sr", "inverse_compton_cm2_s_sr", "isotropic_cm2_s_sr", "excess_flux_cm2_s"):
        place = found.names.index(name)
        assert abs(found.fit.amplitudes[place] - theta[name][0]) < 5 * found.fit.errors[place], name
    residuals = found.residuals(x["counts"][0])
    assert np.isnan(residuals[~found.region[0]]).all()
    assert np.nanstd(residuals) == pytest.approx(1.0, abs=0.1)


def test_a_map_far_off_the_template_fit_has_no_share_of_sources() -> None:
    _, one = sky_of(1)
    x = {name: np.repeat(values, 2, axis=0) for name, values in one.items()}
    x["counts"][1, :, :, ::4] *= 3
    found = source_shares(x["counts"], x["exposure_cm2_s"], Instrument(nside=64))
    assert 0 <= found["f_src_low"][0] < found["f_src_mean"][0] < found["f_src_high"][0] <= 1
    for name in ("f_src_mean", "f_src_low", "f_src_high", "log_ratio"):
        assert found[name].shape == (2,) and np.isfinite(found[name][0]) and np.isnan(found[name][1])


def test_another_galaxy_leaves_residuals() -> None:
    sky = RandomSky(nside=64)
    x = sky.simulate(sky.prior(1, rng(3)), rng(4))
    assert classical_fit(x["counts"][0], x["exposure_cm2_s"][0], sky).chi2(x["counts"][0]) > 1.3


def test_a_page_tells_posterior_template_fit_and_truth(tmp_path: Path) -> None:
    sky = RandomSky()
    theta = sky.prior(1, rng(5))
    found = workflow.infer("galactic_centre", theta | sky.simulate(theta, rng(6)), tmp_path / "found", draws=50)
    for name in TARGET:
        assert f"simulated: {float(theta[name][0]):.3g}" in str(found.facts[name])
    assert "pi0_cm2_s_sr" in str(found.facts["template fit"]) and "likeliest of three" in str(found.facts["of it, chi2 a number"])
    assert re.match(r"f_src 0\.\d+ \(0\.\d+ to [01]\S*, 68 %\), if the Galaxy is that one; ln likelihood ", str(found.facts["non-Poissonian template fit"]))
    page = found.report.read_text()
    assert all(title in page for title in ("Residuals of the template fit", "Posterior", "Place among skies of the training"))
    low, high = np.quantile(found.answers["f_src_mean"], (0, 1))
    assert 0 <= low <= high <= 1


def test_the_fit_has_the_bins_that_the_run_learned() -> None:
    assert instrument_of(hub.load("galactic_centre")) == Instrument()
    sky = TemplateSky((2.0, 20.0), "psf3", 64)
    theta = sky.prior(1, rng(7)) | {
        "f_src": np.zeros(1, np.float32),
        "disk_flux_cm2_s": np.zeros(1, np.float32),
        "extragalactic_scale": np.zeros(1, np.float32),
    }
    theta["background_weight"] = np.eye(3, dtype=np.float32)[:1]
    x = sky.simulate(theta, rng(8))
    found = classical_fit(x["counts"][0], x["exposure_cm2_s"][0], sky)
    assert found.chi2(x["counts"][0]) < 1.5
    place = found.names.index("excess_flux_cm2_s")
    assert found.fit.amplitudes[place] == pytest.approx(theta["excess_flux_cm2_s"][0], rel=0.5)


def test_a_sky_that_no_training_knew_is_told_first(tmp_path: Path) -> None:
    sky = RandomSky()
    theta = sky.prior(1, rng(9))
    x = sky.simulate(theta, rng(10))
    # an unknown background: bright stripes
    x["counts"][:, :, ::4] *= 3
    found = workflow.infer("galactic_centre", theta | x, tmp_path / "found", draws=50)
    assert float(found.answers["familiarity"][0]) < 0.01
    assert str(found.facts["non-Poissonian template fit"]).startswith("not made: half of the pixels are more than 4.5 deviations off")
    page = found.report.read_text()
    assert 0 < page.index("Not to be trusted") < page.index("photons")
