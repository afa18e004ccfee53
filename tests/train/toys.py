"""Two tiny models and their events. As a script: ``python toys.py FOLDER EPOCH STEP`` fits and kills itself there."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.recipe import Fit, Optimiser
from cloudchamber.train.batches import TensorBatches
from cloudchamber.train.fit import Hardware, fit

SEED = 3


class Normal(Distribution):
    """A normal distribution for each row."""

    def __init__(self, mean: Tensor, log_sigma: Tensor) -> None:
        self.centre, self.log_sigma = mean, log_sigma

    def sample(self, noise: Tensor) -> Tensor:
        return self.centre + self.log_sigma.exp() * noise

    def log_prob(self, target: Tensor) -> Tensor:
        return (-0.5 * ((target - self.centre) / self.log_sigma.exp()) ** 2 - self.log_sigma - 0.5 * math.log(2 * math.pi)).sum(1)


class Gaussian(ConditionalModel):
    """A linear mean and one width."""

    def __init__(self, given_size: int = 2, target_size: int = 1) -> None:
        super().__init__()
        self.target_size, self.given_size = target_size, given_size
        self.mean = nn.Linear(given_size, target_size)
        self.log_sigma = nn.Parameter(torch.zeros(target_size))

    def forward(self, given: Tensor) -> Normal:
        return Normal(self.mean(given), self.log_sigma)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        yield self, -self(given).log_prob(target).mean()


class Adversarial(ConditionalModel):
    """A generator against a critic of least squares (Mao et al. 2017); ``noise`` switches every random part on."""

    def __init__(self, noise: bool = True) -> None:
        super().__init__()
        self.target_size, self.given_size, self.noise = 1, 2, noise
        self.generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.BatchNorm1d(8) if noise else nn.Identity(), nn.Linear(8, 1))
        self.critic = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.2 if noise else 0.0), nn.Linear(8, 1))

    def forward(self, given: Tensor) -> Distribution:
        raise ValueError("the toy is only trained")

    def made(self, given: Tensor) -> Tensor:
        z = torch.randn(len(given), 1, dtype=given.dtype) if self.noise else given.sum(1, keepdim=True).sin()
        return self.generator(torch.cat([z, given], 1))

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        true, false = self.critic(torch.cat([target, given], 1)), self.critic(torch.cat([self.made(given).detach(), given], 1))
        yield self.critic, ((true - 1) ** 2).mean() + (false**2).mean()
        yield self.generator, ((self.critic(torch.cat([self.made(given), given], 1)) - 1) ** 2).mean()

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        return (self.made(given) - target).abs().mean()


def events(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """target = given . (1, -2) + 0.5 + 0.3 normal."""
    generator = torch.Generator().manual_seed(seed)
    given = torch.randn(count, 2, generator=generator)
    return given @ torch.tensor([[1.0], [-2.0]]) + 0.5 + 0.3 * torch.randn(count, 1, generator=generator), given


def batches(count: int = 120, batch_size: int = 24, seed: int = 1) -> TensorBatches:
    """Shuffled toy events."""
    return TensorBatches(*events(count, seed), batch_size, seed)


def adversarial(noise: bool = True) -> Adversarial:
    """The same start each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Adversarial(noise)


ADVERSARIAL_FIT = Fit(epochs=4, optimisers={"critic": Optimiser("adam", 3e-3, (0.5, 0.9)), "": Optimiser("adamw", 1e-3)}, warmup_epochs=1, average_decay=0.9)


class Deadly(TensorBatches):
    """Batches that kill the process, as a batch system would, at one step of one epoch."""

    def deadly_at(self, epoch: int, step: int) -> Deadly:
        self.end = epoch, step
        return self

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        for step, batch in enumerate(super().epoch(number)):
            if (number, step) == self.end:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch


if __name__ == "__main__":
    deadly = Deadly(*events(120, 1), 24, 1).deadly_at(int(sys.argv[2]), int(sys.argv[3]))
    fit(adversarial(), deadly, batches(50, 50, 2), ADVERSARIAL_FIT, Path(sys.argv[1]), SEED, hardware=Hardware("cpu"))
