"""Statistics of maps: what they count, what they tell of sources, and that they treat both hemispheres alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cloudchamber.physics.gamma.face import directions
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.codecs.summaries import QUANTILES, SCALES, Summaries, SummariesCodec
from cloudchamber.studies.galactic_centre.columns import x_columns

NSIDE, BINS = 64, 2
KINDS = 2 + len(QUANTILES)


def codec_of(nside: int = NSIDE, bins: int = BINS, latitude_deg: float = 2.0) -> SummariesCodec:
    return Summaries(latitude_deg).build(x_columns(bins, nside))


def table(counts: np.ndarray) -> dict[str, torch.Tensor]:
    """Counts (events, bins, nside, nside), all of one exposure."""
    return {"counts": torch.from_numpy(np.asarray(counts, np.float32)), "exposure_cm2_s": torch.full(counts.shape[:2], 4e11)}


def parts(codec: SummariesCodec, counts: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """ln of sums (events, bins, regions), and the rest (events, scales, rings, KINDS, bins), as they are before any fit."""
    found = codec.encode(table(counts), {})
    sums = codec.bins * len(codec.sums)
    return found[:, :sums].unflatten(1, (codec.bins, -1)), found[:, sums + codec.bins :].unflatten(1, (len(SCALES), codec.rings, KINDS, codec.bins))


def poisson(mean: float, events: int = 20, seed: int = 1) -> np.ndarray:
    return rng(seed).poisson(mean, (events, BINS, NSIDE, NSIDE))


@pytest.mark.parametrize(("bins", "nside"), [(3, 32), (1, 64), (3, 128)])
def test_any_size_gives_as_many_numbers_as_it_says(bins: int, nside: int) -> None:
    codec = codec_of(nside, bins)
    columns = table(rng(1).poisson(3.0, (4, bins, nside, nside)))
    codec.fit(columns, {})
    flat = codec.encode(columns, {})
    assert flat.shape == (4, codec.size) and bool(flat.isfinite().all())
    assert codec.size == bins * (len(codec.sums) + 1 + len(SCALES) * codec.rings * KINDS)


def test_empty_maps_are_finite() -> None:
    codec = codec_of()
    columns = table(np.concatenate([np.zeros((3, BINS, NSIDE, NSIDE)), poisson(3.0, 3)]))
    codec.fit(columns, {})
    assert bool(codec.encode(columns, {}).isfinite().all())


def test_sums_are_those_of_the_counts_beyond_the_plane() -> None:
    codec = codec_of()
    x, _, z = (each.reshape(NSIDE, NSIDE) for each in directions(NSIDE))
    radius, lat = np.degrees(np.arccos(x)), np.degrees(np.arcsin(z))
    seen = (np.abs(lat) > 2) & (radius < 25)
    counts = poisson(3.0)
    regions = codec.sums.numpy().reshape(-1, NSIDE, NSIDE)
    sums = parts(codec, counts)[0].exp() - 1
    np.testing.assert_allclose(sums.numpy(), np.einsum("ebxy,rxy->ebr", counts, regions), rtol=1e-4)
    # rings with sectors cover the region, and bands cover it once more
    np.testing.assert_array_equal(regions.sum(0)[seen], 2.0)
    assert not regions.sum(0)[~seen].any()


def test_ten_times_the_counts_are_ln_10_more_and_as_much_noise() -> None:
    codec = codec_of()
    few, many = (parts(codec, poisson(mean)) for mean in (20.0, 200.0))
    # regions without pixels, of such coarse ones, tell nothing
    some = codec.sums.sum(1) > 0
    assert bool(some.float().mean() > 0.9)
    ratio = (many[0] - few[0]).mean(0)[:, some]
    torch.testing.assert_close(ratio, torch.full(ratio.shape, np.log(10.0), dtype=torch.float32), atol=0.15, rtol=0)
    # Poisson noise has one width in the square root
    rms_few, rms_many = few[1][:, :, :, 0].exp().mean((0, 3)), many[1][:, :, :, 0].exp().mean((0, 3))
    torch.testing.assert_close(rms_few, rms_many, rtol=0.15, atol=0)
    torch.testing.assert_close(rms_few[0], rms_few[0].mean().expand(codec.rings), rtol=0.1, atol=0)
    assert float(many[1][:, :, :, 1].mean().abs()) < 0.1


def test_sources_show_in_the_variation_at_their_scale() -> None:
    """As many photons in clumps of 30 as spread evenly: rms, skewness and the last quantile are larger."""
    codec, random = codec_of(), rng(3)
    even = poisson(3.0)
    clumps = random.poisson(2.0, even.shape)
    places = random.integers(0, NSIDE, (even.shape[0], BINS, int(NSIDE**2 / 30), 2))
    for event in range(len(even)):
        for b in range(BINS):
            np.add.at(clumps[event, b], tuple(places[event, b].T), 30)
    smooth, pointed = (parts(codec, counts) for counts in (even, clumps))
    torch.testing.assert_close(pointed[0].mean((0, 1)), smooth[0].mean((0, 1)), atol=0.4, rtol=0)
    found = (pointed[1] - smooth[1]).mean((0, 4))
    # narrow to wide scales, of which the widest two average many sources
    assert bool((found[:2, :, 0] > 0.3).all()) and bool((found[:2, :, 1] > 0.5).all()) and bool((found[0, :, 3] > 0.3).all())


def test_the_plane_hides_nothing_but_itself() -> None:
    """Statistics of a strip that is not looked at do not enter the sums; a wider one leaves fewer counts."""
    _, _, z = directions(NSIDE)
    plane = np.abs(np.degrees(np.arcsin(z.reshape(NSIDE, NSIDE)))) < 2
    codec, counts = codec_of(), poisson(3.0, 3)
    brighter = np.where(plane, counts + 50, counts)
    torch.testing.assert_close(parts(codec, counts)[0], parts(codec, brighter)[0])
    assert codec_of(latitude_deg=8.0).sums.sum() < codec.sums.sum()


@pytest.mark.parametrize("mirror", ["north and south", "east and west"])
def test_mirrored_skies_have_mirrored_sums_and_the_same_variation(mirror: str) -> None:
    """Pixel (i, j) has longitude i - j and sine of latitude i + j."""
    codec, counts = codec_of(), poisson(3.0, 4)
    turned = np.swapaxes(counts, 2, 3)
    if mirror == "north and south":
        turned = turned[:, :, ::-1, ::-1]
    sums, variation = parts(codec, counts)
    other, same = parts(codec, turned.copy())
    torch.testing.assert_close(same, variation, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(other.sort(-1).values, sums.sort(-1).values, atol=1e-4, rtol=0)
    assert not torch.allclose(other, sums, atol=1e-3)


def test_fitted_statistics_are_standard_and_exposures_are_among_them() -> None:
    codec = codec_of()
    columns = table(poisson(3.0, 60))
    columns["exposure_cm2_s"] = torch.linspace(1e11, 9e11, 60)[:, None].expand(60, BINS)
    raw = codec.encode(columns, {})
    at = BINS * len(codec.sums)
    torch.testing.assert_close(raw[:, at : at + BINS], columns["exposure_cm2_s"].log())
    codec.fit(columns, {})
    flat = codec.encode(columns, {})
    torch.testing.assert_close(flat.mean(0), torch.zeros(codec.size), atol=1e-2, rtol=0)
    some = torch.cat((codec.sums.sum(1).gt(0).repeat(BINS), torch.ones(codec.size - at, dtype=torch.bool)))
    torch.testing.assert_close(flat.std(0, correction=0), some.float(), atol=1e-2, rtol=0)


def test_statistics_have_no_way_back() -> None:
    codec = codec_of()
    with pytest.raises(ValueError, match="this codec does not decode"):
        codec.decode(torch.zeros(1, codec.size), {})
    with pytest.raises(ValueError, match="they have no density of the columns"):
        codec.log_det({}, {})
    with pytest.raises(ValueError, match="a map's codec needs the given column 'exposure_cm2_s'"):
        Summaries().build({"counts": x_columns(2, 32)["counts"]})
