"""Conditional flow matching: a neural ODE from noise to target whose solver accuracy is chosen at sampling time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution, fixed_noise, normal_log_prob
from cloudchamber.nn.mlp import MLP
from cloudchamber.nn.ode import Field, Method, solve_adaptive, solve_fixed

FREQUENCIES = 8
TIME_FEATURES = 2 * FREQUENCIES + 1
"""What the network is told of the time."""


class VelocityNetwork(Protocol):
    """A network of a study's own, as settings: a frozen dataclass."""

    def build(self, target_size: int, given_size: int) -> nn.Module:
        """From target and given, (events, target_size) and (events, given_size), ``given`` with ``TIME_FEATURES`` of the time behind it, to a velocity."""
        ...


@dataclass(frozen=True)
class Matching:
    """Settings of flow matching on the straight path x_t = (1 - t) noise + t target; ``steps`` and ``method`` are the solver's defaults.

    The network is a residual one of ``hidden`` and ``layers``, or ``network`` where there is one.

    References: Lipman et al. (2023), Flow matching for generative modeling, arXiv:2210.02747, eq. 23 with sigma_min = 0.
    """

    hidden: int = 256
    layers: int = 4
    steps: int = 16
    method: Method = "midpoint"
    network: VelocityNetwork | None = None

    def build(self, target_size: int, given_size: int) -> MatchingModel:
        """The model for so many numbers."""
        return MatchingModel(self, target_size, given_size)


class MatchingModel(ConditionalModel):
    """See ``Matching``."""

    options = ("steps", "method", "tolerance")

    def __init__(self, settings: Matching, target_size: int, given_size: int) -> None:
        super().__init__()
        self.settings = settings
        self.target_size, self.given_size, self.noise_size = target_size, given_size, target_size
        inputs = target_size + given_size + TIME_FEATURES
        own = settings.network
        self.net = own.build(target_size, given_size) if own else MLP(inputs, target_size, settings.hidden, settings.layers, zero=True)

    def velocity(self, time: Tensor, target: Tensor, given: Tensor) -> Tensor:
        """dx/dt (events, target) at ``time`` (events,), in [0, 1]."""
        phase = time[:, None] * (torch.pi / 2 * torch.arange(1, FREQUENCIES + 1, device=time.device))
        told = torch.cat((given, time[:, None], phase.cos(), phase.sin()), 1)
        out: Tensor = self.net(target, told) if self.settings.network else self.net(torch.cat((target, told), 1))
        return out

    def forward(self, given: Tensor) -> MatchingDistribution:
        return MatchingDistribution(self, given)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The mean squared error of the velocity, at times spread evenly over [0, 1] with one common random offset."""
        spread = torch.arange(len(target), device=target.device) / len(target)
        time = (torch.rand(1, device=target.device) + spread[torch.randperm(len(target), device=target.device)]) % 1
        yield self, self._loss(target, given, time.to(target.dtype), torch.randn_like(target))

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        time = torch.special.ndtr(fixed_noise(target, 1, seed=1))[:, 0]
        return self._loss(target, given, time, fixed_noise(target, self.noise_size))

    def _loss(self, target: Tensor, given: Tensor, time: Tensor, noise: Tensor) -> Tensor:
        between = noise + time[:, None] * (target - noise)
        return (self.velocity(time, between, given) - (target - noise)).square().mean()


class MatchingDistribution(Distribution):
    """p(target | given) of a neural ODE."""

    def __init__(self, model: MatchingModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor, steps: int | None = None, method: Method | None = None, tolerance: float | None = None) -> Tensor:
        """Solve from noise to target in ``steps`` of ``method``, or with steps of each event's own to ``tolerance``."""
        return self._solve(self._velocity, noise, 0.0, 1.0, steps, method, tolerance)

    def log_prob(self, target: Tensor, steps: int | None = None, method: Method | None = None, tolerance: float | None = None) -> Tensor:
        """ln p through the ODE with the exact divergence (target_size gradients a step); carries no gradient itself.

        References: Chen et al. (2018), Neural ordinary differential equations, arXiv:1806.07366, eq. 8.
        """
        state = torch.cat((target, torch.zeros_like(target[:, :1])), 1)
        state = self._solve(self._velocity_and_divergence, state, 1.0, 0.0, steps, method, tolerance)
        return normal_log_prob(state[:, :-1]) + state[:, -1]

    def _solve(self, field: Field, state: Tensor, start: float, stop: float, steps: int | None, method: Method | None, tolerance: float | None) -> Tensor:
        if tolerance is not None:
            if steps is not None or method is not None:
                raise ValueError("give either a tolerance or steps and method, not both")
            return solve_adaptive(field, state, start, stop, tolerance)
        return solve_fixed(field, state, start, stop, steps or self.model.settings.steps, method or self.model.settings.method)

    def _velocity(self, time: Tensor, target: Tensor, rows: Tensor | slice) -> Tensor:
        return self.model.velocity(time, target, self.given[rows])

    def _velocity_and_divergence(self, time: Tensor, state: Tensor, rows: Tensor | slice) -> Tensor:
        with torch.enable_grad():
            target = state[:, :-1].detach().requires_grad_()
            velocity = self._velocity(time, target, rows)
            divergence = torch.zeros_like(time)
            for i in range(target.shape[1]):
                [gradient] = torch.autograd.grad(velocity[:, i].sum(), target, retain_graph=True)
                divergence = divergence + gradient[:, i]
        return torch.cat((velocity, divergence[:, None]), 1).detach()
