"""Convolutions on maps: sizes, errors, and that all that is given and all that is learned matters."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.maps import MapConvolutions, PooledMaps, ResponseNorm, map_side

KINDS = [MapConvolutions(maps=2, numbers=3, channels=(4, 6), size=5), PooledMaps(maps=2, numbers=3, channels=(4, 6), hidden=8, size=5)]


@pytest.mark.parametrize("settings", KINDS)
@pytest.mark.parametrize("side", [4, 9, 16])
def test_maps_of_any_side_become_features(settings: MapConvolutions | PooledMaps, side: int) -> None:
    body = settings.build(2 * side**2 + 3)
    assert body.side == side and body.size == 5
    assert body(torch.randn(7, 2 * side**2 + 3)).shape == (7, 5)


@pytest.mark.parametrize("settings", KINDS)
def test_every_pixel_number_and_weight_matters(settings: MapConvolutions | PooledMaps) -> None:
    torch.manual_seed(0)
    body = settings.build(2 * 8**2 + 3)
    given = torch.randn(64, 2 * 8**2 + 3, requires_grad=True)
    body(given).square().sum().backward()
    assert given.grad is not None and bool((given.grad.abs().sum(0) > 0).all())
    assert all(parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in body.parameters())


@pytest.mark.parametrize("settings", KINDS)
def test_maps_are_told_apart_and_lie_row_after_row(settings: MapConvolutions | PooledMaps) -> None:
    torch.manual_seed(1)
    body = settings.build(2 * 8**2 + 3).eval()
    maps, numbers = torch.randn(1, 2, 8, 8), torch.zeros(1, 3)

    def seen(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return body(torch.cat((images.flatten(1), numbers), 1))

    with torch.no_grad():
        torch.testing.assert_close(seen(maps), body.join(torch.cat((body.convolutions(maps), numbers), 1)))
    assert not torch.allclose(seen(maps), seen(maps.flip(1)), atol=1e-4)
    assert not torch.allclose(seen(maps), seen(maps.mT), atol=1e-4)


def test_sides_are_found() -> None:
    assert map_side(3 * 113**2 + 3, 3, 3) == 113 and map_side(49, 1, 0) == 7
    for given, maps, numbers in ((50, 1, 0), (3 * 16 + 2, 3, 3), (3, 3, 3), (0, 1, 0), (10, 0, 0), (9, 1, -1)):
        with pytest.raises(ValueError, match=f"{given} numbers are not {maps} square maps and {numbers} further numbers"):
            map_side(given, maps, numbers)


def test_sizes_that_do_not_fit_are_refused() -> None:
    for settings in KINDS:
        with pytest.raises(ValueError, match="129 numbers are not 2 square maps and 3 further numbers"):
            settings.build(129)
    with pytest.raises(ValueError, match="maps of 3 pixels a side are too small for 2 poolings"):
        KINDS[1].build(2 * 9 + 3)


@pytest.mark.parametrize("channels", [1, 4, 16])
def test_responses_are_normalised_as_torch_does(channels: int) -> None:
    images = 100 * torch.randn(3, channels, 6, 6)
    torch.testing.assert_close(ResponseNorm(channels)(images), torch.nn.LocalResponseNorm(5)(images))
