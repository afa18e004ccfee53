from __future__ import annotations

import pytest
import torch
from events import COLUMNS, showers, tensors

from cloudchamber.studies.calorimeter.codecs.image import Image

DEPOSIT = {"deposit_mev": COLUMNS["deposit_mev"]}


def test_showers_come_back_and_nothing_is_negative() -> None:
    codec = Image().build(DEPOSIT)
    columns, given = tensors(showers())
    codec.fit(columns, given)
    flat = codec.encode(columns, given)
    torch.testing.assert_close(flat.std(0, correction=0), torch.ones(25), atol=1e-3, rtol=0)
    deposit = columns["deposit_mev"]
    back = codec.decode(flat, given)["deposit_mev"]
    torch.testing.assert_close(back, torch.where(deposit < 0.1, 0.0, deposit), atol=2e-3, rtol=1e-3)
    drawn = codec.decode(torch.randn(400, 25, generator=torch.Generator().manual_seed(0)), given)["deposit_mev"]
    assert bool((drawn >= 0).all()) and bool((drawn == 0).any())


def test_alike_showers_are_the_same_image() -> None:
    codec = Image().build(DEPOSIT)
    columns, given = tensors(showers())
    turned = {"deposit_mev": columns["deposit_mev"].unflatten(1, (5, 5)).flip(1).transpose(1, 2).flatten(1)}
    # rows mirrored, then exchanged with columns: (x, y) becomes (-y, x)
    beam = given | {"impact_x_mm": -given["impact_y_mm"], "impact_y_mm": given["impact_x_mm"], "azimuth_deg": given["azimuth_deg"] + 90}
    torch.testing.assert_close(codec.encode(columns, given), codec.encode(turned, beam))


def test_images_have_no_density_and_need_a_square() -> None:
    codec = Image().build(DEPOSIT)
    with pytest.raises(ValueError, match="no density"):
        codec.log_det(*tensors(showers()))
    with pytest.raises(ValueError, match="25 cells are not 2 layer"):
        Image(layers=2).build(DEPOSIT)
    with pytest.raises(ValueError, match="'deposit_mev' alone"):
        Image().build(COLUMNS)
