from __future__ import annotations

from math import exp

import pytest
import torch
from torch import Tensor

from cloudchamber.nn.ode import FIFTH, FOURTH, MATRIX, NODES, TABLEAUX, Method, solve_adaptive, solve_fixed

RATE = torch.tensor([[-1.0, -2.0], [1.0, 0.5], [-30.0, -3.0]])


def field(time: Tensor, y: Tensor, rows: Tensor | slice) -> Tensor:
    """y' = rate y + t, of which the exact solution follows below."""
    return RATE.to(y)[rows] * y + time[:, None]


def exact(y: Tensor, time: float) -> Tensor:
    rate = RATE.to(y)
    return (y + 1 / rate**2) * (rate * time).exp() - time / rate - 1 / rate**2


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2), ("rk4", 4)])
def test_fixed_steps_converge_with_the_order_of_their_method(method: Method, order: int) -> None:
    y = torch.ones(2, 2, dtype=torch.float64)

    def soft(time: Tensor, y: Tensor, rows: Tensor | slice) -> Tensor:
        return RATE[:2].to(y)[rows] * y + time[:, None]

    wanted = exact(torch.ones(3, 2, dtype=torch.float64), 1.0)[:2]
    coarse, fine = ((solve_fixed(soft, y, 0.0, 1.0, steps, method) - wanted).abs().max() for steps in (20, 40))
    assert coarse / fine == pytest.approx(2**order, rel=0.15)


@pytest.mark.parametrize("nodes, matrix, weights", [*TABLEAUX.values(), (NODES, MATRIX, FIFTH), (NODES, MATRIX, FOURTH)])
def test_tableaux_are_consistent(nodes: tuple[float, ...], matrix: tuple[tuple[float, ...], ...], weights: tuple[float, ...]) -> None:
    assert sum(weights) == pytest.approx(1)
    assert [sum(row) for row in matrix] == pytest.approx(list(nodes))


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
def test_adaptive_steps_keep_the_tolerance_both_ways(tolerance: float) -> None:
    y = torch.ones(3, 2, dtype=torch.float64)
    ahead = solve_adaptive(field, y, 0.0, 1.0, tolerance)
    assert (ahead - exact(y, 1.0)).abs().max() < 20 * tolerance
    back = solve_adaptive(growing, exact_growing(1.0), 1.0, 0.0, tolerance)
    torch.testing.assert_close(back, exact_growing(0.0), atol=20 * tolerance, rtol=0)


def growing(time: Tensor, y: Tensor, rows: Tensor | slice) -> Tensor:
    return y


def exact_growing(time: float) -> Tensor:
    return torch.full((3, 1), exp(time), dtype=torch.float64)


def test_an_event_does_not_depend_on_its_batch() -> None:
    y = torch.ones(3, 2)
    together = solve_adaptive(field, y, 0.0, 1.0, 1e-4)

    def middle(time: Tensor, y: Tensor, rows: Tensor | slice) -> Tensor:
        return RATE[1:2][rows] * y + time[:, None]

    torch.testing.assert_close(solve_adaptive(middle, y[1:2], 0.0, 1.0, 1e-4), together[1:2], rtol=1e-6, atol=1e-6)


def test_bad_settings_are_refused() -> None:
    y = torch.ones(3, 2)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        solve_fixed(field, y, 0.0, 1.0, 0)
    with pytest.raises(ValueError, match="unknown method 'rk5'; there are: euler"):
        solve_fixed(field, y, 0.0, 1.0, 3, "rk5")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tolerance must lie in"):
        solve_adaptive(field, y, 0.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="did not reach the tolerance"):
        solve_adaptive(field, y, 0.0, 1.0, 1e-4, max_steps=3)
