"""Shapes as numbers and noise, and back: positive, of mean 1, symmetric where they are, with the same strengths and another turbulence."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.codecs.shapes import Shapes, ShapesCodec
from cloudchamber.studies.galactic_centre.columns import SHAPES, shape_schema, x_columns
from cloudchamber.studies.galactic_centre.diffuse.sightlines import reference_region
from cloudchamber.studies.galactic_centre.sky.diffuse_sky import DiffuseSky

NSIDE, EVENTS = 32, 300
X = shape_schema(NSIDE).x


@cache
def fitted() -> tuple[ShapesCodec, dict[str, torch.Tensor]]:
    sky = DiffuseSky(NSIDE)
    columns = to_tensors(sky.simulate(sky.prior(EVENTS, rng(1)), rng(2)), X)
    codec = Shapes().build(X)
    codec.fit(columns, {})
    return codec, columns


def redrawn(flat: torch.Tensor, codec: ShapesCodec) -> torch.Tensor:
    """The same numbers with other noise."""
    numbers = Shapes().numbers(NSIDE)
    noise = torch.randn(len(flat), codec.size - numbers, generator=torch.Generator().manual_seed(5))
    return torch.cat((flat[:, :numbers], noise), 1)


def test_flat_numbers_are_white() -> None:
    codec, columns = fitted()
    flat, numbers = codec.encode(columns, {}), Shapes().numbers(NSIDE)
    assert flat.shape == (EVENTS, codec.size)
    torch.testing.assert_close(flat[:, :numbers].std(0), torch.ones(numbers), atol=0.1, rtol=0)
    assert abs(float(flat[:, numbers:].std()) - 1) < 0.05


def test_shapes_come_back() -> None:
    codec, columns = fitted()
    back = codec.decode(codec.encode(columns, {}), {})
    off = {name: (back[name].log() - columns[name].log()).square().mean().sqrt() for name in SHAPES}
    assert off[SHAPES[0]] < 0.05 and off[SHAPES[1]] < 0.005, off


def test_any_numbers_make_positive_shapes_of_mean_one() -> None:
    codec, _ = fitted()
    made = codec.decode(1.5 * torch.randn(50, codec.size, generator=torch.Generator().manual_seed(1)), {})
    region = torch.from_numpy(reference_region(NSIDE).copy())
    for shape in made.values():
        assert shape.shape == (50, NSIDE, NSIDE) and shape.min() > 0
        torch.testing.assert_close(shape[:, region].mean(1), torch.ones(50), atol=1e-4, rtol=0)
    light = made[SHAPES[1]]
    torch.testing.assert_close(light, light.transpose(1, 2))
    torch.testing.assert_close(light, light.flip(1).flip(2).transpose(1, 2))


def test_other_noise_is_another_turbulence_of_the_same_strength() -> None:
    codec, columns = fitted()
    flat = codec.encode(columns, {})
    one, two = codec.decode(flat, {}), codec.decode(redrawn(flat, codec), {})
    assert torch.equal(one[SHAPES[1]], two[SHAPES[1]])
    apart = [codec.details(made[SHAPES[0]].log())[1].flatten(1) for made in (one, two)]
    assert float((apart[0] - apart[1]).square().mean()) > 0.3 * float(apart[0].square().mean())
    told = [codec.details.told(each.unflatten(1, (NSIDE, NSIDE))) for each in apart]
    assert float((told[0] - told[1]).mean().abs()) < 0.05


def test_what_it_cannot_do_is_refused() -> None:
    codec, columns = fitted()
    with pytest.raises(ValueError, match="no density"):
        codec.log_det(columns, {})
    with pytest.raises(ValueError, match="maps the columns pi0_shape and inverse_compton_shape, got: counts"):
        Shapes().build(x_columns(3, NSIDE))
