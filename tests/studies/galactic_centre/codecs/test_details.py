"""Small scales: the waves are orthogonal, noise is given the strengths that are told, and a fit finds the bend that was put in."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.studies.galactic_centre.codecs.details import LONGEST, Details

NSIDE = 64


def noise(details: Details, events: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(events, details.noise, generator=torch.Generator().manual_seed(seed))


def strengths(details: Details, events: int) -> torch.Tensor:
    """Of all scales and latitudes, falling with latitude."""
    one = -2.0 - 0.1 * torch.arange(len(details.weights)).repeat(len(details.ends))
    return one + 0.3 * torch.randn(events, 1, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("nside", [32, 64])
def test_long_waves_and_the_rest_make_up_the_image(nside: int) -> None:
    details = Details(nside)
    images = torch.randn(3, nside, nside, generator=torch.Generator().manual_seed(1))
    long, rest = details(images)
    assert long.shape == (3, details.long) and details.noise == nside**2
    torch.testing.assert_close(details.smooth(long) + rest, images, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(details(rest)[0], torch.zeros_like(long), atol=1e-4, rtol=0)
    assert details.long == sum(i**2 + j**2 < LONGEST**2 for i in range(nside) for j in range(nside))


def test_made_images_have_the_strengths_and_no_long_waves() -> None:
    details = Details(NSIDE)
    wanted = strengths(details, 20)
    made = details.made(noise(details, 20), wanted)
    off = details.told(made) - wanted
    # long waves near the plane are few
    assert off.mean().abs() < 0.02 and off.square().mean().sqrt() < 0.1 and off[:, len(details.weights) :].abs().max() < 0.4
    assert details(made)[0].abs().max() < 0.05 * made.abs().max() * NSIDE
    twice = details.made(noise(details, 20), wanted + 0.7)
    torch.testing.assert_close(twice, made * torch.e**0.7, rtol=1e-4, atol=1e-4)


def test_images_become_noise_that_is_white_again() -> None:
    details = Details(NSIDE)
    wanted, first = strengths(details, 20), noise(details, 20)
    back = details.white(details.made(first, wanted), wanted)
    small = (torch.arange(NSIDE)[:, None].square() + torch.arange(NSIDE).square() >= LONGEST**2).flatten()
    assert abs(float(back[:, small].std()) - 1) < 0.02 and back[:, ~small].abs().max() < 0.1
    assert float(torch.corrcoef(torch.stack((back[:, small].flatten(), first[:, small].flatten())))[0, 1]) > 0.98


def test_a_fit_finds_the_bend() -> None:
    details, bent = Details(NSIDE), Details(NSIDE)
    wanted = strengths(details, 300) - 0.4
    details.fit(details.made(noise(details, 300), wanted))
    assert details.bend.mean().abs() < 0.02
    bent.bend.fill_(0.2)
    details.fit(bent.made(noise(details, 300), wanted))
    assert abs(float(details.bend.mean()) - 0.2) < 0.05 and details.bend.min() > 0.1
