from __future__ import annotations

import pytest
import torch
from torch import nn

from cloudchamber.nn.images import ImageConstrainer, ImageCritic, ImageGenerator, image_side


def kinds(module: nn.Module) -> list[str]:
    """The layers that learn, in order."""
    return [type(part).__name__ for part in module.modules() if list(part.parameters(recurse=False))]


@pytest.mark.parametrize(("channels", "side"), [(1, 5), (2, 4), (1, 9)])
def test_images_have_their_shape_and_every_weight_learns(channels: int, side: int) -> None:
    torch.manual_seed(0)
    generator, critic = ImageGenerator(7, channels, side, 8, 16), ImageCritic(channels, side, 3, 8, 16)
    constrainer = ImageConstrainer(channels, side, 2, 8)
    image = generator(torch.randn(6, 7))
    assert image.shape == (6, channels * side**2)
    score, told = critic(image, torch.randn(6, 3)), constrainer(image)
    assert score.shape == (6, 1) and told.shape == (6, 2)
    (score.sum() + told.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for m in (generator, critic, constrainer) for p in m.parameters())


def test_the_layers_are_the_talks() -> None:
    assert kinds(ImageGenerator(7, 1, 5)) == ["Linear"] * 2 + ["ConvTranspose2d"] + ["Conv2d"] * 2
    assert kinds(ImageCritic(1, 5, 3)) == ["Conv2d"] * 4 + ["Linear"] * 2
    assert kinds(ImageConstrainer(1, 5, 2)) == ["Conv2d"] * 2 + ["Linear"]


def test_the_critic_sees_the_further_numbers() -> None:
    torch.manual_seed(0)
    critic, image = ImageCritic(1, 5, 3, 8, 16), torch.randn(4, 25)
    assert not torch.allclose(critic(image, torch.zeros(4, 3)), critic(image, torch.ones(4, 3)))


def test_pixels_that_make_no_square_are_refused() -> None:
    assert image_side(25) == 5
    with pytest.raises(ValueError, match="square number of pixels, got 24"):
        image_side(24)
