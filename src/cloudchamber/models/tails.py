"""Noise with the tails that held-out events show: what a head of Gaussians leaves over is seldom Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

STEPS = 60
LARGEST = 20.0
"""|asinh| of a pull beyond which it is cut, far above any real one."""


class Tails(nn.Module):
    """Each number's noise z becomes u = exp(log_width) sinh(exp(log_tail) asinh z): heavier tails for positive ``log_tail``, the Gaussian for zeros.

    References: M. C. Jones and A. Pewsey (2009), Biometrika 96, 761 (sinh-arcsinh distributions).
    """

    log_width: Tensor
    log_tail: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("log_width", torch.zeros(size))
        self.register_buffer("log_tail", torch.zeros(size))

    def forward(self, noise: Tensor) -> Tensor:
        """The tailed noise u of standard normal ``noise`` (..., size)."""
        return self.log_width.exp() * _sinh((self.log_tail.exp() * _asinh(noise)).clamp(-LARGEST, LARGEST))

    def log_prob(self, pull: Tensor) -> Tensor:
        """ln of the density of u = ``pull`` (..., size), summed over the numbers."""
        return _log_prob(pull, self.log_width, self.log_tail)

    def fit(self, pull: Tensor, log_weight: Tensor) -> None:
        """Most probable shape of mixtures: ``pull`` (events, components, size) of what was seen, each component with a factor exp ``log_weight``.

        The logarithms are standard normal beforehand, which a hundred events forget, and without which the likelihood of very few has no maximum.
        """
        shape = torch.zeros(2, pull.shape[2], dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([shape], max_iter=STEPS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimiser.zero_grad()
            found = -(log_weight + _log_prob(pull, shape[0], shape[1])).logsumexp(1).mean() + 0.5 * shape.square().sum() / len(pull)
            found.backward()
            return found

        optimiser.step(loss)
        self.log_width.copy_(shape[0].detach())
        self.log_tail.copy_(shape[1].detach())


def _asinh(values: Tensor) -> Tensor:
    """The function of that name, of operations that exported graphs have; so is ``_sinh``."""
    return values.sign() * (values.abs() + (values.square() + 1).sqrt()).log()


def _sinh(values: Tensor) -> Tensor:
    return 0.5 * (values.exp() - (-values).exp())


def _log_prob(pull: Tensor, log_width: Tensor, log_tail: Tensor) -> Tensor:
    scaled = pull * (-log_width).exp()
    angle = ((-log_tail).exp() * _asinh(scaled)).clamp(-LARGEST, LARGEST)
    # ln cosh without overflow
    log_cosh = angle.abs() + torch.nn.functional.softplus(-2 * angle.abs()) - math.log(2)
    log_slope = log_cosh - log_tail - log_width - 0.5 * (scaled.square() + 1).log()
    return (log_slope - 0.5 * _sinh(angle).square() - 0.5 * math.log(2 * math.pi)).sum(-1)
