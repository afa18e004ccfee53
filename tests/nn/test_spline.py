from __future__ import annotations

import pytest
import torch
from zuko.transforms import MonotonicRQSTransform

from cloudchamber.nn.spline import spline, spline_inverse


def shapes(numbers: int, bins: int, events: int) -> torch.Tensor:
    return 2 * torch.randn(numbers, 3 * bins - 1, events, generator=torch.Generator().manual_seed(bins), dtype=torch.float64)


def points(numbers: int, events: int) -> torch.Tensor:
    return 3 * torch.randn(numbers, events, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("bins", [2, 3, 8])
def test_splines_are_those_of_zuko(bins: int) -> None:
    free, x = shapes(5, bins, 400), points(5, 400)
    widths, heights, slopes = free.permute(0, 2, 1).split((bins, bins, bins - 1), -1)
    wanted, log_slope = MonotonicRQSTransform(widths, heights, slopes, bound=4.0).call_and_ladj(x)
    y, found = spline(x, free, 4.0)
    assert (x.abs() > 4).any()
    torch.testing.assert_close(y, wanted)
    torch.testing.assert_close(found, log_slope)


@pytest.mark.parametrize("bins", [2, 3, 8])
def test_the_inverse_undoes_the_spline_and_the_slope_is_its_derivative(bins: int) -> None:
    free, x = shapes(5, bins, 400), points(5, 400).requires_grad_()
    y, log_slope = spline(x, free, 4.0)
    torch.testing.assert_close(spline_inverse(y, free, 4.0), x, atol=1e-8, rtol=0)
    [slope] = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope.log(), log_slope)


def test_free_numbers_of_zero_are_the_identity() -> None:
    x = points(3, 50)
    y, log_slope = spline(x, torch.zeros(3, 11, 50, dtype=torch.float64), 4.0)
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(log_slope, torch.zeros_like(x))


def test_gradients_are_finite_at_the_edges() -> None:
    x = torch.tensor([[-5.0, -4.0, 0.0, 4.0, 50.0]]).requires_grad_()
    free = torch.zeros(1, 11, 5).requires_grad_()
    y, log_slope = spline(x, free, 4.0)
    (y + log_slope).sum().backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(x.grad).all() and torch.isfinite(free.grad).all()  # type: ignore[arg-type]
