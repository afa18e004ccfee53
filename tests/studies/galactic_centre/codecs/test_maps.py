"""Maps of counts as images: the region, the noise, other sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cloudchamber.physics.gamma.face import directions, within
from cloudchamber.rng import rng
from cloudchamber.schema import Column
from cloudchamber.studies.galactic_centre.codecs.maps import MapImages, MapImagesCodec, check_columns
from cloudchamber.studies.galactic_centre.columns import GIVEN, x_columns


def given(mean: np.ndarray, events: int, seed: int = 1) -> dict[str, torch.Tensor]:
    """Poisson maps of a mean (bins, nside, nside), of different exposures."""
    random = rng(seed)
    counts = torch.from_numpy(random.poisson(mean, (events, *mean.shape)).astype(np.float32))
    return {"counts": counts, "exposure_cm2_s": torch.from_numpy(random.uniform(2e11, 6e11, (events, len(mean))).astype(np.float32))}


def fitted(settings: MapImages, mean: np.ndarray, events: int) -> tuple[MapImagesCodec, dict[str, torch.Tensor]]:
    codec = settings.build(x_columns(len(mean), mean.shape[-1]))
    columns = given(mean, events)
    codec.fit(columns, {})
    return codec, columns


@pytest.mark.parametrize(("bins", "nside"), [(3, 32), (1, 64), (2, 128)])
def test_an_image_of_any_size_is_the_region_and_nothing_else(bins: int, nside: int) -> None:
    settings = MapImages(radius_deg=20.0, latitude_deg=2.0)
    mean = np.full((bins, nside, nside), 5.0)
    codec, columns = fitted(settings, mean, 6)
    flat = codec.encode(columns, {})
    assert flat.shape == (6, codec.size) and codec.size == bins * codec.side**2 + bins
    images = flat[:, :-bins].unflatten(1, (bins, codec.side, codec.side))
    region = within(nside, 20.0, 2.0)
    inside = region[codec.first : codec.first + codec.side, codec.first : codec.first + codec.side]
    assert inside.sum() == region.sum(), "no pixel of the region is cut away"
    assert not images[:, :, ~torch.from_numpy(inside.copy())].any() and bool((images[:, :, torch.from_numpy(inside.copy())].std(0) > 0).float().mean() > 0.99)
    # a circle of 20 deg, to a pixel or two
    half = nside * np.radians(20.0) * np.hypot(2 / np.pi, 0.75)
    assert abs(codec.side / 2 - half) < 2


def test_counts_outside_the_region_change_nothing() -> None:
    codec, columns = fitted(MapImages(), np.full((2, 32, 32), 4.0), 20)
    outside = torch.from_numpy(~within(32, 25.0, 2.0))
    before = codec.encode(columns, {})
    changed = columns | {"counts": torch.where(outside, columns["counts"] + 100, columns["counts"])}
    assert torch.equal(before, codec.encode(changed, {}))


@pytest.mark.parametrize("widths", [True, False])
def test_poisson_noise_has_a_variance_of_1(widths: bool) -> None:
    _, _, z = directions(64)
    mean = np.stack([4 + 60 * np.exp(-np.abs(z.reshape(64, 64)) / 0.1), np.full((64, 64), 7.0)])
    codec, _ = fitted(MapImages(widths=widths), mean, 400)
    images = codec.encode(given(mean, 400, seed=2), {})[:, :-2]
    seen = images[:, images.abs().sum(0) > 0]
    # the fit's own mean adds 1 / 400; a width is that of Poisson noise at least
    assert float(seen.var(0).mean()) == pytest.approx(1.0, abs=0.06)
    assert abs(float(seen.mean())) < 0.02


def test_widths_take_out_what_varies_between_maps() -> None:
    columns = given(np.full((1, 32, 32), 200.0), 300)
    columns["counts"] = (columns["counts"] * torch.linspace(0.2, 2.0, 300)[:, None, None, None]).round()
    spreads = []
    for widths in (True, False):
        codec = MapImages(widths=widths).build(x_columns(1, 32))
        codec.fit(columns, {})
        images = codec.encode(columns, {})[:, :-1]
        spreads.append(float(images[:, images.abs().sum(0) > 0].std(0).mean()))
    assert spreads[0] == pytest.approx(1.0, abs=0.01) and spreads[1] > 4


def test_exposures_are_given_beside_the_image() -> None:
    codec, columns = fitted(MapImages(), np.full((3, 32, 32), 2.0), 200)
    exposure = codec.encode(columns, {})[:, -3:]
    torch.testing.assert_close(exposure.mean(0), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(exposure.std(0), torch.ones(3), atol=1e-3, rtol=0)
    assert torch.equal(exposure[:, 1].argsort(), columns["exposure_cm2_s"][:, 1].argsort())
    # all of one exposure: a number that tells nothing must not grow without end
    columns["exposure_cm2_s"] = torch.full((200, 3), 4e11)
    codec.fit(columns, {})
    assert float(codec.encode(columns, {})[:, -3:].abs().max()) < 0.1


def test_empty_maps_are_finite() -> None:
    codec = MapImages().build(x_columns(2, 32))
    columns = given(np.zeros((2, 32, 32)), 5)
    codec.fit(columns, {})
    assert bool(codec.encode(columns, {}).isfinite().all())


def test_what_is_no_map_is_refused() -> None:
    columns = x_columns(2, 32)
    check_columns(columns)
    for name in GIVEN:
        with pytest.raises(ValueError, match=f"a map's codec needs the given column '{name}'; it reads: counts, exposure_cm2_s"):
            check_columns({each: column for each, column in columns.items() if each != name})
    for bad in ({"counts": Column(shape=(2, 32, 16))}, {"exposure_cm2_s": Column(shape=(3,))}):
        with pytest.raises(ValueError, match=r"counts must be \(bins, nside, nside\) and exposures \(bins,\), got"):
            MapImages().build(columns | bad)
    with pytest.raises(ValueError, match="no pixel is within 1 deg of the Galactic Centre and 2 deg from the plane"):
        MapImages(radius_deg=1.0).build(columns)
    codec = MapImages().build(columns)
    with pytest.raises(ValueError, match="this codec does not decode"):
        codec.decode(torch.zeros(1, codec.size), {})
    with pytest.raises(ValueError, match="no density of the columns"):
        codec.log_det({}, {})
