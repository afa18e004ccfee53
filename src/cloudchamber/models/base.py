"""The one model class: a conditional distribution p(target | given) over flat numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from cloudchamber.models.marginals import Marginals


class Distribution(ABC):
    """What a model says of the target, one distribution for each row of ``given``."""

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """One draw for each event, (events, target), made from standard normal ``noise`` (events, noise_size); the same noise gives the same draw."""

    def log_prob(self, target: Tensor) -> Tensor:
        """ln p(target | given), (events,); ValueError where the model has no density."""
        raise ValueError(f"{type(self).__name__} has no density: it can only be sampled")

    def mean(self) -> Tensor:
        """The expected target, (events, target); ValueError where only samples can tell."""
        raise ValueError(f"{type(self).__name__} has no closed mean: average samples")

    def probabilities(self) -> Tensor | None:
        """Of the classes of the target's one category column, (events, classes), where the model states them."""
        return None

    def marginals(self) -> Marginals | None:
        """Each number of the target by itself, where that is a mixture of Gaussians; whatever it says of numbers that stand for a class counts for nothing."""
        return None


class ConditionalModel(nn.Module, ABC):
    """p(target | given). ``given`` is (events, given_size), ``target`` (events, target_size), both near zero mean and unit variance."""

    target_size: int
    given_size: int
    noise_size: int
    options: tuple[str, ...] = ()
    """What ``generate`` may be asked for, beside the noise."""
    states_classes: bool = False
    """Whether its distributions state the probabilities of the target's one category column."""
    feature_size: int | None = None
    """How many features the model makes of an event before it answers, where it has a network for that."""

    @abstractmethod
    def forward(self, given: Tensor) -> Distribution:
        """The distribution of the target for each row of ``given``."""

    def features(self, given: Tensor) -> Tensor:
        """What the model makes of each row of ``given`` before it answers, (events, feature_size); by default that itself."""
        return given

    def head(self, features: Tensor) -> Distribution:
        """The distribution of the target for each row of ``features``: after ``features`` the same as the model at once."""
        answer: Distribution = self(features)
        return answer

    @abstractmethod
    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """Yield (part, loss) pairs: the loop steps that part's optimiser on that loss and resumes. A plain model yields once: (self, loss)."""

    def calibrate(self, held_out: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Learn after the fit, from ``held_out`` batches of (target, given), what the fit leaves to them; by default nothing."""

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        """The loss to watch on held-out events; ValueError where a model has none that means anything."""
        [(_, loss)] = list(self.losses(target, given))
        return loss

    def generate(self, noise: Tensor, given: Tensor, **options: Any) -> Tensor:
        """One target for each event from standard normal ``noise`` (events, noise_size), (events, target_size)."""
        drawn: Tensor = self(given).sample(noise, **options)
        return drawn


def normal_log_prob(values: Tensor) -> Tensor:
    """ln of the standard normal density of each row, (events,)."""
    return -0.5 * (values.square() + 1.8378770664093453).sum(-1)


def fixed_noise(like: Tensor, size: int, seed: int = 0) -> Tensor:
    """Standard normal numbers (events, size) that never change, so that validation losses of two epochs differ by the model alone."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(like), size, generator=generator).to(like)
