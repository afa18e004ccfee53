"""Skies after templates: shapes are the file's, weights say whose, and bad files and names are told."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

import gamma_files as made
from cloudchamber.cli import main
from cloudchamber.physics.gamma.face import within
from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table
from cloudchamber.store.read import Store
from cloudchamber.studies.galactic_centre import STUDY
from cloudchamber.studies.galactic_centre.columns import PARAMETERS
from cloudchamber.studies.galactic_centre.diffuse.sightlines import reference_region
from cloudchamber.studies.galactic_centre.fits.sky import face_directions
from cloudchamber.studies.galactic_centre.sky.excess import excess_maps
from cloudchamber.studies.galactic_centre.sky.skies import expected_diffuse, prior_of
from cloudchamber.studies.galactic_centre.sky.template_sky import GALAXIES, TemplateSky
from cloudchamber.study import NotSimulableError

NSIDE = 32
REGION = reference_region(NSIDE)
REAL = Path(os.environ.get("CLOUDCHAMBER_GAMMA_DATA", "nowhere")) / "templates_nside128_face4.npz"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five templates times an exposure, which is 0 far from the centre, and the exposure."""
    path = tmp_path_factory.mktemp("templates") / "own.npz"
    generator = rng(1, "templates")
    x, y = np.meshgrid(np.arange(NSIDE) - 15.5, np.arange(NSIDE) - 15.5, indexing="ij")
    seen = (np.hypot(x, y) < 20) * (2.0 + 0.02 * x)
    shapes = {
        "a_pi": np.exp(-np.abs(x + y) / 4),
        "a_ic": np.exp(-np.hypot(x, y) / 9),
        "b_pi": np.exp(-np.abs(x + y) / 8) * generator.uniform(0.5, 1.5, x.shape),
    }
    shapes |= {"b_ic": np.exp(-np.hypot(x, y) / 15), "lobes": 1.0 * (np.abs(x - y) < 8)}
    np.savez(path, seen=seen, **{name: 7.0 * shape * seen for name, shape in shapes.items()})
    return path


def sky_of(file: Path, **settings: object) -> TemplateSky:
    given = {"pi0": ("a_pi", "b_pi"), "inverse_compton": ("a_ic", "b_ic"), "bubbles": "lobes", "exposure": "seen", "nside": NSIDE}
    return TemplateSky(**{"file": str(file), **given, **settings})  # type: ignore[arg-type]


def test_shapes_are_the_files_over_its_exposure(file: Path) -> None:
    sky = sky_of(file)
    theta = sky.prior(40, rng(2))
    check_table(theta, sky.schema.theta)
    which = theta["background_weight"].argmax(1)
    assert np.array_equal(np.sort(theta["background_weight"], axis=1), np.tile([0, 1], (40, 1))) and 8 < which.sum() < 32
    found = sky.diffuse(theta, rng(3))
    with np.load(file) as arrays:
        seen = arrays["seen"]
        for pi0, compton, bubbles, number in zip(*found, which, strict=True):
            for image, name in ((pi0, f"{'ab'[number]}_pi"), (compton, f"{'ab'[number]}_ic"), (bubbles, "lobes")):
                wanted = np.where(seen > 0, arrays[name] / np.where(seen > 0, seen, 1), 0)
                np.testing.assert_allclose(image, wanted / wanted[REGION].mean(), rtol=1e-5)


def test_mixtures_have_thetas_weights(file: Path) -> None:
    sky = sky_of(file, mixing=True)
    theta = sky.prior(200, rng(2))
    weight = theta["background_weight"]
    np.testing.assert_allclose(weight.sum(1), 1, atol=1e-6)
    # of two backgrounds every share is as likely
    assert np.histogram(weight[:, 0], 4, (0, 1))[0].min() > 20
    one, two = (sky.diffuse(theta | {"background_weight": np.tile(np.float32(each), (200, 1))}, rng(3)) for each in ([1, 0], [0, 1]))
    mixed = sky.diffuse(theta, rng(3))
    for of_one, of_two, both in zip(one[:2], two[:2], mixed[:2], strict=True):
        np.testing.assert_allclose(both, weight[:, 0, None, None] * of_one + weight[:, 1, None, None] * of_two, rtol=1e-4)


def test_without_a_file_there_are_three_galaxies_and_random_bubbles() -> None:
    sky = TemplateSky(nside=NSIDE)
    theta = sky.prior(60, rng(4))
    assert sky.backgrounds == tuple(GALAXIES) and sky.shapes.pi0.shape == (3, NSIDE, NSIDE)
    assert set(theta["background_weight"].argmax(1)) == {0, 1, 2}
    ranges = prior_of(sky.bins)
    assert all(ranges[name].low - 1e-6 <= theta[name].min() and theta[name].max() <= ranges[name].high * (1 + 1e-6) + 1e-6 for name in PARAMETERS)
    found = sky.diffuse(theta, rng(5))
    assert all(image[REGION].mean() == pytest.approx(1, abs=1e-4) for shape in found for image in shape)
    assert not np.array_equal(found.bubbles[0], found.bubbles[1])
    # the thicker, the less of the gas is in the plane, and the more electrons are far from it
    plane, far = ~within(NSIDE, 90.0, 2.0) & within(NSIDE, 30.0), within(NSIDE, 40.0, 15.0)
    for shapes, region in ((sky.shapes.pi0[::-1], plane), (sky.shapes.inverse_compton, far)):
        less, some, more = (shape[region].mean() for shape in shapes)
        assert less < 0.9 * some < 0.8 * more
    np.testing.assert_array_equal(sky.shapes.pi0, TemplateSky(nside=NSIDE, mixing=True).shapes.pi0)


def test_modulation_is_smooth_and_of_its_strength() -> None:
    plain, sky = TemplateSky(nside=64), TemplateSky(nside=64, modulation=0.3)
    theta = sky.prior(60, rng(6))
    before, after = plain.diffuse(theta, rng(7)), sky.diffuse(theta, rng(7))
    fields = [np.log(two / one) for one, two in zip(before[:2], after[:2], strict=True)]
    for field in fields:
        # differences of places, for the level of the whole map is taken from it; the most distant ones are a little opposite
        near, middle, away = (np.mean((field[:, step:, step:] - field[:, :-step, :-step]) ** 2) for step in (1, 10, 40))
        assert 0.9 * 2 * 0.3**2 < away < 1.5 * 2 * 0.3**2 and near < 0.05 * away and 0.2 * away < middle < 0.9 * away
    one, two = (field[:, 10, 10] - field[:, 50, 50] for field in fields)
    assert abs(np.corrcoef(one, two)[0, 1]) < 5 / np.sqrt(60)
    np.testing.assert_array_equal(after.bubbles[0], before.bubbles[0])


def test_a_template_of_both_takes_the_intensity_of_both(file: Path) -> None:
    sky = sky_of(file, pi0=("a_pi", "b_pi"), inverse_compton=("a_ic", "none"))
    theta = sky.prior(16, rng(8))
    both = theta["background_weight"][:, 1] == 1
    assert np.all((theta["inverse_compton_cm2_s_sr"] == 0) == both) and 2 < both.sum() < 14
    usual = sky_of(file).prior(16, rng(8))
    np.testing.assert_allclose(*(each["pi0_cm2_s_sr"] + each["inverse_compton_cm2_s_sr"] for each in (theta, usual)), rtol=1e-6)
    assert np.array_equal(sky.diffuse(theta, rng(1)).inverse_compton.any((1, 2)), ~both)
    assert sky.simulate(theta, rng(9))["counts"].min() >= 0
    with pytest.raises(NotSimulableError, match=r"inverse_compton_cm2_s_sr': .* in event \d+, whose backgrounds have no template .* needs 0"):
        sky.simulate(theta | {"inverse_compton_cm2_s_sr": usual["inverse_compton_cm2_s_sr"]}, rng(9))
    with pytest.raises(ValueError, match=r"column 'background_weight': a sum of 0.5 in event 0; it must be 1"):
        sky.simulate(theta | {"background_weight": theta["background_weight"] / 2}, rng(9))


def test_cubes_and_healpix_maps_are_templates_too(tmp_path: Path) -> None:
    points = np.geomspace(0.5, 50, 9)
    x, y = np.meshgrid(np.arange(95) - 47, np.arange(95) - 47)
    emission = np.exp(-np.abs(y) / 5) * (1 + x / 100)
    cube = made.write_image(
        tmp_path / "model.fits", points[:, None, None] ** -2.4 * emission, made.image_header("CAR", size=1.0, pixels=95), made.energies(points)
    )
    maps = made.write(tmp_path / "maps.fits", made.healpix_hdu(np.stack([np.arange(12.0 * 64**2), np.ones(12 * 64**2)]), 64, nested=True, first="T"))
    lon, lat = face_directions(NSIDE)
    found = TemplateSky(file=str(cube), pi0=("model",), inverse_compton=("none",), nside=NSIDE).shapes
    wanted = np.exp(-np.abs(lat) / 5) * (1 - lon / 100)
    inside = within(NSIDE, 25.0, 2.0)
    np.testing.assert_allclose(found.pi0[0][inside], (wanted / wanted[REGION].mean())[inside], rtol=0.03)
    assert not found.inverse_compton.any()
    found = TemplateSky(file=str(maps), pi0=("T1",), inverse_compton=("T2",), nside=NSIDE).shapes
    np.testing.assert_allclose(found.inverse_compton, 1, rtol=1e-6)
    assert found.pi0[0, 0, 0] < found.pi0[0, -1, -1]


def command(out: Path, *words: str) -> list[str]:
    return ["simulate", "galactic_centre", str(out), "--simulator", "templates", "--n", "3", "--workers", "1", "--settings.nside", str(NSIDE), *words]


def test_the_command_line_simulates_after_a_file(file: Path, tmp_path: Path) -> None:
    names = ("--settings.pi0", "a_pi", "b_pi", "--settings.inverse-compton", "a_ic", "none", "--settings.bubbles", "lobes", "--settings.exposure", "seen")
    main(command(tmp_path / "out", "--settings.file", str(file), *names, "--settings.mixing", "--settings.modulation", "0.2"))
    table: Table = Store(tmp_path / "out").read()
    assert table["counts"].shape == (3, 3, NSIDE, NSIDE) and table["background_weight"].shape == (3, 2) and "bubble_edge_deg" not in table
    sky = sky_of(file, inverse_compton=("a_ic", "none"), mixing=True, modulation=0.2)
    assert list(STUDY.schema_for(table).columns) == list(sky.schema.columns)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--settings.file", "{gone}", "--settings.pi0", "a_pi", "--settings.inverse-compton", "a_ic"), "there is no file '.*gone': give one"),
        (("--settings.pi0", "a_pi", "--settings.inverse-compton", "a_ic"), "no file that holds them: give --settings.file"),
        (("--settings.file", "{file}"), "name the templates of pi0 decay in '.*own.npz'"),
        (("--settings.file", "{file}", "--settings.pi0", "a_pi", "b_pi", "--settings.inverse-compton", "a_ic"), "one name for each of pi0, 2, got 1"),
        (("--settings.file", "{file}", "--settings.pi0", "a_p", "--settings.inverse-compton", "a_ic"), r"no template 'a_p' \(did you mean 'a_pi'\?\)"),
        (("--settings.modulation", "3"), r"modulation: 3 is outside the allowed \[0, 1\]"),
    ],
)
def test_the_command_line_tells_what_is_wrong(words: tuple[str, ...], told: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(command(tmp_path / "out", *(word.format(file=file, gone=tmp_path / "gone") for word in words)))
    assert re.search(told, " ".join(capsys.readouterr().err.split())) and not (tmp_path / "out").exists()


def test_templates_that_are_no_shape_are_refused(tmp_path: Path) -> None:
    edge, flat = np.zeros((NSIDE, NSIDE)), np.ones((NSIDE, NSIDE))
    edge[0, 0] = 1
    np.savez(tmp_path / "a.npz", edge=edge, flat=flat)
    with pytest.raises(ValueError, match=r"a\.npz', template edge: it is 0 everywhere at r < 10 deg"):
        TemplateSky(file=str(tmp_path / "a.npz"), pi0=("edge",), inverse_compton=("flat",), nside=NSIDE).ready()
    with pytest.raises(ValueError, match=r"template edge: an exposure of 0 within 10 deg"):
        TemplateSky(file=str(tmp_path / "a.npz"), pi0=("flat",), inverse_compton=("none",), exposure="edge", nside=NSIDE).ready()


@pytest.mark.skipif(not REAL.is_file(), reason="CLOUDCHAMBER_GAMMA_DATA names no folder of templates")
def test_published_backgrounds() -> None:
    """Of Leane & Slatyer (2020): three models, and one of pi0 and inverse Compton together; counts beside the plane as of the intensities."""
    names = [f"template_{model}" for model in "OAF"]
    sky = TemplateSky(
        file=str(REAL),
        pi0=(*(f"{name}pi" for name in names), "template_dif"),
        inverse_compton=(*(f"{name}ic" for name in names), "none"),
        bubbles="template_bub",
        exposure="template_iso",
        edges_gev=(2.0, 20.0),
        events="psf3",
    )
    theta = sky.prior(12, rng(10))
    assert theta["background_weight"].shape == (12, 4)
    counts = sky.simulate(theta, rng(11))["counts"]
    plain = {name: values.astype(float) for name, values in theta.items()}
    excess = excess_maps(plain["excess_slope"], plain["excess_axis_ratio"], plain["excess_lon_deg"], plain["excess_lat_deg"], 128)
    mean = expected_diffuse(plain, sky.diffuse(theta, rng(11)), excess, sky)
    high = within(128, 25.0, 10.0)
    ratio = counts[:, :, high].sum((1, 2)) / mean[:, :, high].sum((1, 2))
    # sources add some, and no emission is lost
    assert np.all((ratio > 0.98) & (ratio < 1.6))
    within_all = within(128, 25.0)
    assert sky.shapes.pi0[:, within_all].min() > 0
