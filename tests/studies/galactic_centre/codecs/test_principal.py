"""Principal components keep the variance that they should, and white numbers are white."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.studies.galactic_centre.codecs.principal import Components, Whitened


def images(events: int, pixels: int = 50) -> torch.Tensor:
    """Of three patterns, the first the strongest, and a little noise."""
    made = torch.Generator().manual_seed(1)
    patterns = torch.linalg.qr(torch.randn(pixels, 3, generator=torch.Generator().manual_seed(2)))[0].T
    return torch.randn(events, 3, generator=made) * torch.tensor([9.0, 3.0, 1.0]) @ patterns + 1e-3 * torch.randn(events, pixels, generator=made)


@pytest.mark.parametrize("events", [30, 400])
def test_components_come_back_whether_events_or_pixels_are_fewer(events: int) -> None:
    values = images(events)
    found = Components(3, 50)
    found.fit(values)
    torch.testing.assert_close(found.images.float() @ found.images.float().T, torch.eye(3), atol=2e-3, rtol=0)
    assert (found.inverse(found(values)) - values).square().mean().sqrt() < 0.01
    width = found(values).std(0)
    assert width[0] > 2 * width[1] > 4 * width[2]


def test_fewer_events_than_components_are_refused() -> None:
    with pytest.raises(ValueError, match="2 events have no 3 principal components"):
        Components(3, 50).fit(images(2))


def test_white_numbers_are_uncorrelated_of_width_one_and_come_back() -> None:
    values = images(2000, 6) + 5.0 + 0.1 * torch.randn(2000, 6, generator=torch.Generator().manual_seed(3))
    white = Whitened(6)
    white.fit(values)
    found = white(values)
    torch.testing.assert_close(found.T @ found / len(found), torch.eye(6), atol=1e-2, rtol=0)
    torch.testing.assert_close(white.inverse(found), values, atol=1e-3, rtol=1e-4)


def test_a_number_that_never_changes_stays() -> None:
    values = torch.cat((images(500, 4), torch.full((500, 1), 2.0)), 1)
    white = Whitened(5)
    white.fit(values)
    assert torch.isfinite(white(values)).all()
    torch.testing.assert_close(white.inverse(white(values))[:, 4], values[:, 4])
