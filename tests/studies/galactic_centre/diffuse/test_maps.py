"""Maps of the whole: shapes of mean 1, the same from the same seed, symmetric when they must be, and published emission lies among them."""

from __future__ import annotations

import os
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse, diffuse_maps, emission_maps
from cloudchamber.studies.galactic_centre.diffuse.parameters import draw_parameters
from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels, reference_region

NSIDE, DRAWS = 128, 200
TEMPLATES = Path(os.environ.get("CLOUDCHAMBER_GAMMA_DATA", "nowhere")) / "templates_nside128_face4.npz"
LATITUDES_DEG, LONGITUDES_DEG = (0, 1, 2, 4, 7, 10, 15, 20, 25), (-30, -20, -10, 0, 10, 20, 30)


@cache
def drawn() -> Diffuse:
    generator = rng(7)
    return diffuse_maps(draw_parameters(DRAWS, generator), NSIDE, generator)


def calm(events: int, seed: int) -> dict[str, np.ndarray]:
    return draw_parameters(events, rng(seed)) | {"turbulence": np.zeros(events), "arm_contrast": np.zeros(events)}


def test_shapes_have_the_mean_one() -> None:
    region = reference_region(NSIDE)
    for name, maps in drawn()._asdict().items():
        assert maps.shape == (DRAWS, NSIDE, NSIDE) and maps.dtype == np.float32 and np.isfinite(maps).all(), name
        np.testing.assert_allclose(maps[:, region].mean(axis=1, dtype=float), 1, atol=1e-5)
        assert maps.min() > 0 or (name == "bubbles" and maps.min() == 0), name


def test_without_bubbles_the_emission_is_of_the_same_law() -> None:
    parameters = draw_parameters(200, rng(3))
    few = {name: values for name, values in parameters.items() if name != "bubble_edge_deg"}
    alone, whole = emission_maps(few, 32, rng(4)), diffuse_maps(parameters, 32, rng(5))
    for name, maps in alone._asdict().items():
        np.testing.assert_allclose(maps[:, reference_region(32)].mean(axis=1, dtype=float), 1, atol=1e-5)
        one, two = (np.log(each).reshape(200, -1) for each in (maps, getattr(whole, name)))
        assert np.abs(one.mean(0) - two.mean(0)).max() < 0.25 and abs(one.std() / two.std() - 1) < 0.05, name
    with pytest.raises(ValueError, match="lacks turbulence"):
        emission_maps({name: values for name, values in few.items() if name != "turbulence"}, 32, rng(4))


def test_the_same_seed_gives_the_same_bits() -> None:
    parameters = draw_parameters(2, rng(1))
    once, again, other = (diffuse_maps(parameters, 32, rng(seed)) for seed in (2, 2, 3))
    for one, two, third in zip(once, again, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, third)


def test_events_come_one_after_another() -> None:
    parameters = draw_parameters(3, rng(1))
    whole, generator = diffuse_maps(parameters, 32, rng(2)), rng(2)
    first = diffuse_maps({name: values[:1] for name, values in parameters.items()}, 32, generator)
    rest = diffuse_maps({name: values[1:] for name, values in parameters.items()}, 32, generator)
    for every, one, two in zip(whole, first, rest, strict=True):
        np.testing.assert_array_equal(every, np.concatenate((one, two)))
        assert not np.array_equal(every[1], every[2])


def test_nothing_and_errors() -> None:
    assert diffuse_maps(draw_parameters(0, rng(1)), 32, rng(2)).pi0.shape == (0, 32, 32)
    with pytest.raises(ValueError, match="lacks arm_contrast"):
        diffuse_maps({name: values for name, values in draw_parameters(1, rng(1)).items() if name != "arm_contrast"}, 32, rng(2))
    with pytest.raises(ValueError, match="power of 2 from 32 on, got 100"):
        diffuse_maps(draw_parameters(1, rng(1)), 100, rng(2))


def test_symmetric_without_turbulence_and_arms() -> None:
    maps = diffuse_maps(calm(4, 3), 64, rng(4))
    for each in (maps.pi0, maps.inverse_compton):
        # the image's transpose is l to -l, its other diagonal b to -b
        np.testing.assert_allclose(each, each.transpose(0, 2, 1), rtol=2e-6)
        np.testing.assert_allclose(each, each[:, ::-1, ::-1].transpose(0, 2, 1), rtol=2e-6)


@pytest.mark.parametrize("seed", range(3))
def test_profiles_do_not_depend_on_the_pixels(seed: int) -> None:
    """Four pixels of 128 in place of each of 64, in the same bands and relative to the same region."""
    coarse, fine = (diffuse_maps(calm(1, seed), nside, rng(seed)) for nside in (64, 128))
    lat, region = np.abs(pixels(64).lat_deg), reference_region(64)
    for one, four in zip(coarse, fine, strict=True):
        image = one[0].astype(float)
        blocks = four[0].astype(float).reshape(64, 2, 64, 2).mean(axis=(1, 3))
        for low, high in pairwise((0, 2, 5, 10, 20, 30)):
            band = (lat >= low) & (lat < high)
            assert image[band].mean() / image[region].mean() == pytest.approx(blocks[band].mean() / blocks[region].mean(), rel=0.03)


def test_turbulence_roughens() -> None:
    parameters = draw_parameters(6, rng(5))
    rough = [residual(diffuse_maps(parameters | {"turbulence": np.full(6, t)}, 128, rng(6)).pi0[0], np.ones((128, 128), bool)) for t in (0.2, 0.4, 0.6)]
    # the plane alone is not smooth either
    assert rough[0] < 0.85 * rough[1] and rough[1] < 0.85 * rough[2]


def test_contrast_of_the_plane_straddles_the_published() -> None:
    """gll_iem_v06, |l| < 5 deg, 1-6 GeV: 1.1e-4 for |b| < 1 deg, 2.2e-5 for 2 to 4 deg, in cm^-2 s^-1 sr^-1 (all diffuse emission, so some of it is isotropic).

    Levels of 2-20 GeV in the reference region, as fitted to the sky: 3.2e-6 of pi0 and 1.9e-6 of inverse Compton; 2.4 times as much in 1-6 GeV.
    """
    at, maps = pixels(NSIDE), drawn()
    total = 2.4 * (3.2e-6 * maps.pi0 + 1.9e-6 * maps.inverse_compton)
    near = np.abs(at.lon_deg) < 5
    plane = total[:, near & (np.abs(at.lat_deg) < 1)].mean(axis=1)
    beside = total[:, near & (np.abs(at.lat_deg) > 2) & (np.abs(at.lat_deg) < 4)].mean(axis=1)
    for values, published in ((plane, 1.1e-4), (plane / beside, 5.0)):
        low, high = np.quantile(values, [0.05, 0.95])
        assert low < published < high
    assert pytest.approx(np.median(beside), rel=0.3) == 2.2e-5


def test_plane_over_its_sides_straddles_the_counts() -> None:
    """2-20 GeV, real counts: 6.0e-6 for |l| < 30 and 2 < |b| < 10 deg; the plane's |b| < 2 deg is 5.7 times as bright.

    The counts are of all emission: up to a quarter of those beside the plane are from sources, the bubbles and what is isotropic.
    """
    at, maps = pixels(NSIDE), drawn()
    total = 3.2e-6 * maps.pi0 + 1.9e-6 * maps.inverse_compton
    lat, inside = np.abs(at.lat_deg), np.abs(at.lon_deg) < 30
    beside = total[:, inside & (lat > 2) & (lat < 10)].mean(axis=1)
    ratio = total[:, inside & (lat < 2)].mean(axis=1) / beside
    assert np.quantile(ratio, 0.02) < 5.7 < np.quantile(ratio, 0.98)
    assert np.quantile(beside, 0.02) < 6.0e-6 < np.quantile(beside, 0.98) / 0.75


def residual(image: np.ndarray, seen: np.ndarray) -> float:
    """rms of the logarithm of an image over its own smoothing of 2 deg, between 3 and 25 deg from the plane."""
    at = pixels(len(image))
    width = 2.0 / np.degrees(np.sqrt(4 * np.pi / 12) / len(image))
    smooth = gaussian_filter(np.where(seen, image, 0.0), width) / np.maximum(gaussian_filter(seen.astype(float), width), 1e-9)
    band = seen & (np.abs(at.lat_deg) > 3) & (np.abs(at.lat_deg) < 25)
    return float(np.std(np.log(image[band] / smooth[band])))


def profiles(images: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Means (events, bands) in |b|, and in l near the plane and beside it."""
    at = pixels(NSIDE)
    lat, lon = np.abs(at.lat_deg), at.lon_deg
    bands = [(lat >= low) & (lat < high) for low, high in pairwise(LATITUDES_DEG)]
    slices = [(lon >= low) & (lon < high) for low, high in pairwise(LONGITUDES_DEG)]
    bands += [each & near for near in (lat < 2, (lat > 2) & (lat < 10)) for each in slices]
    return np.stack([images[:, band & seen].mean(axis=1, dtype=float) for band in bands], axis=1)


@pytest.mark.skipif(not TEMPLATES.is_file(), reason="CLOUDCHAMBER_GAMMA_DATA names no folder of templates")
@pytest.mark.parametrize("model", ["O", "A", "F"])
@pytest.mark.parametrize(("kind", "short"), [("pi0", "pi"), ("inverse_compton", "ic")])
def test_published_models_lie_among_the_draws(model: str, kind: str, short: str) -> None:
    """Profiles of the three models of Leane & Slatyer (2020), Phys. Rev. Lett. 125, 121105, within the central 98 % of the draws in 9 of 10 bands."""
    with np.load(TEMPLATES) as file:
        even = file["template_iso"].astype(float)
        seen = even > 0
        real = np.where(seen, file[f"template_{model}{short}"] / np.where(seen, even, 1.0), 0.0)
    real /= real[reference_region(NSIDE)].mean()
    maps = getattr(drawn(), kind)
    low, high = np.quantile(profiles(maps, seen), [0.01, 0.99], axis=0)
    found = profiles(real[None], seen)[0]
    assert np.mean((found >= low) & (found <= high)) >= 0.9
    if kind == "pi0":
        rough = [residual(image, seen) for image in maps]
        assert np.quantile(rough, 0.05) < residual(real, seen) < np.quantile(rough, 0.95)
