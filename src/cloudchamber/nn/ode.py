"""Solvers of y' = f(t, y) for many independent events at once: fixed steps, or each event its own steps to a tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor, "Tensor | slice"], Tensor]
"""f(t (events,), y (events, size), rows): ``rows`` are the events asked for, an index or all of them."""

Method = Literal["euler", "midpoint", "heun", "rk4"]
# Butcher tableaux: (nodes, rows of the matrix, weights)
TABLEAUX: dict[Method, tuple[tuple[float, ...], tuple[tuple[float, ...], ...], tuple[float, ...]]] = {
    "euler": ((0.0,), ((),), (1.0,)),
    "midpoint": ((0.0, 0.5), ((), (0.5,)), (0.0, 1.0)),
    "heun": ((0.0, 1.0), ((), (1.0,)), (0.5, 0.5)),
    "rk4": ((0.0, 0.5, 0.5, 1.0), ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}

# Dormand and Prince (1980), J. Comput. Appl. Math. 6, 19, table 2: RK5(4)7M
NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
MATRIX: tuple[tuple[float, ...], ...] = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
FIFTH = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0)
FOURTH = (5179 / 57600, 0.0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40)


def solve_fixed(field: Field, y: Tensor, start: float, stop: float, steps: int, method: Method = "midpoint") -> Tensor:
    """y at ``stop`` from y (events, size) at ``start`` in ``steps`` equal steps."""
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if method not in TABLEAUX:
        raise ValueError(f"unknown method '{method}'; there are: {', '.join(TABLEAUX)}")
    nodes, matrix, weights = TABLEAUX[method]
    step = (stop - start) / steps
    every = slice(None)
    for number in range(steps):
        slopes: list[Tensor] = []
        for node, row in zip(nodes, matrix, strict=True):
            time = y.new_full((1,), start + (number + node) * step).expand(y.shape[0])
            slopes.append(field(time, _advance(y, step, row, slopes), every))
        y = _advance(y, step, weights, slopes)
    return y


def solve_adaptive(field: Field, y: Tensor, start: float, stop: float, tolerance: float, max_steps: int = 2000) -> Tensor:
    """y at ``stop``, each event with its own step, so that its answer does not depend on the other events of its batch.

    The local error of a step, the root mean square over the size of an event, stays below ``tolerance`` (1 + |y|). ValueError when ``max_steps`` don't suffice.
    """
    if not 1e-6 <= tolerance < 1:
        raise ValueError(f"tolerance must lie in [1e-6, 1), what single precision can reach, got {tolerance}")
    span, sign = abs(stop - start), 1.0 if stop >= start else -1.0
    done, step = y.new_zeros(len(y)), y.new_full((len(y),), 0.05 * span)
    y = y.clone()
    active = torch.arange(len(y), device=y.device)
    for _ in range(max_steps):
        if len(active) == 0:
            return y
        now, here = y[active], done[active]
        length = torch.minimum(step[active], span - here)
        signed = (sign * length)[:, None]
        slopes: list[Tensor] = []
        for node, row in zip(NODES, MATRIX, strict=True):
            slopes.append(field(start + sign * (here + node * length), _advance(now, signed, row, slopes), active))
        new = _advance(now, signed, FIFTH, slopes)
        error = (new - _advance(now, signed, FOURTH, slopes)) / (tolerance * (1 + torch.maximum(now.abs(), new.abs())))
        ratio = error.square().mean(1).sqrt()
        good = ratio <= 1
        y[active[good]] = new[good]
        done[active] = here + torch.where(good, length, 0.0)
        step[active] = length * (0.9 * ratio.clamp_min(1e-6) ** -0.2).clamp(0.2, 5.0)
        active = active[done[active] < span * (1 - 1e-6)]
    raise ValueError(f"{len(active)} event(s) did not reach the tolerance {tolerance} in {max_steps} steps: ask for a larger tolerance")


def _advance(y: Tensor, step: float | Tensor, weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            y = y + step * weight * slope
    return y
