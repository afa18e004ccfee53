"""Images and statistics together: each is what its own codec makes, and as many numbers follow the images for any pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.codecs.both import ImagesAndSummaries
from cloudchamber.studies.galactic_centre.codecs.maps import MapImages
from cloudchamber.studies.galactic_centre.codecs.summaries import Summaries
from cloudchamber.studies.galactic_centre.columns import x_columns
from cloudchamber.studies.galactic_centre.recipes import STATISTICS


def given(nside: int, events: int = 40, seed: int = 1) -> dict[str, torch.Tensor]:
    random = rng(seed)
    counts = random.poisson(30.0, (events, 3, nside, nside)).astype(np.float32)
    return {"counts": torch.from_numpy(counts), "exposure_cm2_s": torch.from_numpy(random.uniform(2e11, 6e11, (events, 3)).astype(np.float32))}


@pytest.mark.parametrize("nside", [32, 64])
def test_both_codecs_stand_side_by_side(nside: int) -> None:
    columns = given(nside)
    codec = ImagesAndSummaries().build(x_columns(3, nside))
    codec.fit(columns, {})
    flat = codec.encode(columns, {})
    images, summaries = MapImages(fine=True).build(x_columns(3, nside)), Summaries().build(x_columns(3, nside))
    images.fit(columns, {})
    summaries.fit(columns, {})
    assert flat.shape == (40, codec.size) and codec.size - 6 * images.side**2 == STATISTICS
    torch.testing.assert_close(flat, torch.cat((images.encode(columns, {}), summaries.encode(columns, {})), 1))
    with pytest.raises(ValueError, match="does not decode"):
        codec.decode(flat, {})
    with pytest.raises(ValueError, match="no density"):
        codec.log_det(columns, {})


def test_a_source_stands_out_of_a_fine_image_and_smooth_emission_does_not() -> None:
    columns = given(64)
    codec = MapImages(fine=True).build(x_columns(3, 64))
    codec.fit(columns, {})
    side = codec.side

    def fine(counts: torch.Tensor) -> torch.Tensor:
        return codec.encode(columns | {"counts": counts}, {})[:, 3 * side**2 : 6 * side**2].unflatten(1, (3, side, side))

    assert fine(columns["counts"])[:, :, 10:-10, 10:-10].std() == pytest.approx(0.9, abs=0.15)
    twice = fine(torch.full_like(columns["counts"], 900.0))
    assert twice.abs().max() < 1e-3
    bright = torch.full_like(columns["counts"], 100.0)
    bright[:, :, 40, 14] += 100
    found = fine(bright)[0, 0]
    assert found.max() > 7 and int((found > 1).sum()) == 1
