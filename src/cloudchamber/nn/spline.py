"""Monotonic rational-quadratic splines of many numbers at once, each event with shapes of its own.

Numbers come first and events last, so that every operation runs along contiguous events: several times faster than bins last.

References: Gregory and Delbourgo (1982), IMA J. Numer. Anal. 2, 123; Durkan et al. (2019), Neural spline flows, arXiv:1906.04032, eqs. 4 to 8.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import torch
from torch import Tensor

LOWEST_SLOPE = 1e-3


class _Bin(NamedTuple):
    """The bin that each number lies in, all (numbers, 1, events): its right edge, top, width, height, and the slopes at its edges."""

    right: Tensor
    top: Tensor
    width: Tensor
    height: Tensor
    first: Tensor
    last: Tensor


def spline(x: Tensor, shapes: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """y and ln|dy/dx| of x (numbers, events), both (numbers, events); beyond +-``bound`` y = x.

    ``shapes`` (numbers, 3 bins - 1, events) are free numbers: widths, heights and inner slopes; zeros make the identity.
    """
    x = x[:, None]
    inside, at = x.abs() < bound, _find(x, shapes, bound, by_height=False)
    slope = at.height / at.width
    # what lies to the left of the right edge, as a share of the bin
    rest = torch.where(inside, (at.right - x) / at.width, 0.5)
    share = 1 - rest
    both = share * rest
    below = slope + (at.first + at.last - 2 * slope) * both
    y = at.top - at.height * (slope * rest.square() + at.last * both) / below
    steep = slope.square() * (at.last * share.square() + 2 * slope * both + at.first * rest.square()) / below.square()
    return torch.where(inside, y, x)[:, 0], torch.where(inside, steep.log(), 0.0)[:, 0]


def spline_inverse(y: Tensor, shapes: Tensor, bound: float) -> Tensor:
    """x of y = spline(x), (numbers, events)."""
    y = y[:, None]
    inside, at = y.abs() < bound, _find(y, shapes, bound, by_height=True)
    slope = at.height / at.width
    down = torch.where(inside, at.top - y, 0.0)
    bend = down * (at.first + at.last - 2 * slope)
    b = at.height * at.last - bend
    c = down * slope
    ac = c * (at.height * (slope - at.last) + bend)
    rest = 2 * c / (b + (b * b + 4 * ac).clamp_min(0.0).sqrt())
    return torch.where(inside, at.right - rest * at.width, y)[:, 0]


def _find(values: Tensor, shapes: Tensor, bound: float, by_height: bool) -> _Bin:
    # plain numbers, which an export takes for constants
    numbers, bins = int(shapes.shape[0]), (int(shapes.shape[1]) + 1) // 3
    # free numbers within +-ln(1 / LOWEST_SLOPE) of what they stand for, one to one near zero
    reach = torch.tensor([[2.0]] * (2 * bins) + [[1.0]] * (bins - 1), dtype=shapes.dtype, device=shapes.device) / -log(LOWEST_SLOPE)
    # a network's numbers come with events first: whatever follows is several times faster with them last in memory too
    shapes = shapes.contiguous()
    shapes = shapes / (1 + shapes.abs() * reach)
    lengths, slopes = shapes.split((2 * bins, bins - 1), 1)
    lengths = lengths.reshape(numbers, 2, bins, -1).softmax(2) * (2 * bound)
    edges = lengths.cumsum(2) - bound
    slopes = slopes.exp()
    # the last edge is left out: what lies beyond it is not moved
    place = (edges[:, int(by_height), :-1] < values).sum(1, keepdim=True)
    here = (place == torch.arange(bins, device=shapes.device)[:, None]).to(shapes.dtype)
    right, top = (edges * here[:, None]).sum(2).split(1, 1)
    width, height = (lengths * here[:, None]).sum(2).split(1, 1)
    # the slope is 1 at both ends
    first = (slopes * here[:, 1:]).sum(1, keepdim=True) + here[:, :1]
    last = (slopes * here[:, :-1]).sum(1, keepdim=True) + here[:, -1:]
    return _Bin(right, top, width, height, first, last)
