"""Two correlated numbers given one, with an exactly known answer, and the shortest training loop."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel

DEVIATIONS = torch.tensor([0.8, 0.5])
CORRELATION = 0.6
FACTOR = torch.tensor([[0.8, 0.0], [0.3, 0.4]])
"""Cholesky factor of the covariance that the two lines above give."""


def mean_of(given: Tensor) -> Tensor:
    return torch.cat((given.abs(), -0.5 * given), 1)


def draw(events: int, seed: int) -> tuple[Tensor, Tensor]:
    """(target, given)."""
    generator = torch.Generator().manual_seed(seed)
    given = 2 * torch.rand(events, 1, generator=generator) - 1
    return mean_of(given) + torch.randn(events, 2, generator=generator) @ FACTOR.T, given


def log_prob(target: Tensor, given: Tensor) -> Tensor:
    pull = torch.linalg.solve_triangular(FACTOR, (target - mean_of(given)).T, upper=False).T
    return -0.5 * pull.square().sum(1) - torch.logdet(FACTOR) - torch.tensor(2 * pi).log()


def train(model: ConditionalModel, steps: int, rate: float, betas: tuple[float, float] = (0.9, 0.99), batch: int = 256, critic_rate: float = 0.0) -> None:
    optimisers: dict[nn.Module, torch.optim.Optimizer] = {}
    schedules = []
    for step in range(steps):
        for part, loss in model.losses(*draw(batch, seed=step)):
            if part not in optimisers:
                optimisers[part] = torch.optim.Adam(part.parameters(), critic_rate if critic_rate and part is model.critic else rate, betas)
                schedules.append(torch.optim.lr_scheduler.CosineAnnealingLR(optimisers[part], steps))
            optimisers[part].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimisers[part].step()
        for schedule in schedules:
            schedule.step()
    model.eval()


def check_samples(model: ConditionalModel, tolerance: float, given: float = 0.6, events: int = 8192) -> None:
    """Mean, deviations and correlation of samples at one ``given``, in units of the deviations."""
    condition = torch.full((events, 1), given)
    noise = torch.randn(events, model.noise_size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        drawn = model.generate(noise, condition)
    assert drawn.shape == (events, 2)
    assert ((drawn.mean(0) - mean_of(condition)[0]).abs() / DEVIATIONS).max() < tolerance, drawn.mean(0)
    assert (drawn.std(0) / DEVIATIONS - 1).abs().max() < tolerance, drawn.std(0)
    assert abs(float(torch.corrcoef(drawn.T)[0, 1]) - CORRELATION) < tolerance, torch.corrcoef(drawn.T)


def integral(model: ConditionalModel, given: float = 0.6) -> float:
    """The density of the model summed over a fine grid."""
    axis = torch.linspace(-7, 7, 141)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = model(torch.full((len(grid), 1), given)).log_prob(grid).exp()
    return float(density.sum() * (axis[1] - axis[0]) ** 2)
