"""Conditional neural spline flow: an invertible chain of spline couplings with an exact density, sampled in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from zuko.flows import MaskedAutoregressiveTransform
from zuko.transforms import MonotonicRQSTransform

from cloudchamber.models.base import ConditionalModel, Distribution, normal_log_prob
from cloudchamber.models.heads import BodySettings, body_of
from cloudchamber.nn.mlp import MLP
from cloudchamber.nn.spline import spline, spline_inverse

MOST_TRANSFORMS, MOST_BINS = 256, 4096


@dataclass(frozen=True)
class Flow:
    """Settings of a neural spline flow.

    ``passes`` = 2 makes couplings (fast both ways); ``None`` makes it fully autoregressive, which samples one number at a time.
    Before each spline the numbers are permuted (at random with ``randperm``, else reversed) and, with ``linear``, mixed by a learned matrix.
    Splines act within +-``bound`` and leave what lies outside as it is. With ``affine`` a network of ``given`` first takes out mean and width of each
    number, which spares the splines this work where both vary much; with ``straight`` the mean is that of a linear regression and what the network adds.
    All this depends on the features that ``body`` makes of the given numbers, or on these themselves.

    References: Durkan et al. (2019), Neural spline flows, arXiv:1906.04032.
    """

    transforms: int = 6
    bins: int = 8
    hidden: int = 128
    layers: int = 2
    passes: int | None = 2
    randperm: bool = True
    linear: bool = True
    bound: float = 5.0
    affine: bool = False
    straight: bool = False
    body: BodySettings | None = None

    def build(self, target_size: int, given_size: int) -> FlowModel:
        """The model for so many numbers."""
        if not (1 <= self.transforms <= MOST_TRANSFORMS and 1 <= self.bins <= MOST_BINS and 0 < self.bound < math.inf):
            given = f"got {self.transforms}, {self.bins}, {self.bound}"
            raise ValueError(f"a flow needs transforms from 1 to {MOST_TRANSFORMS}, bins from 1 to {MOST_BINS} and a bound above 0, {given}")
        return FlowModel(self, target_size, given_size)


class Affine(nn.Module):
    """Each number moved and stretched by a network of ``given``."""

    def __init__(self, size: int, given_size: int, settings: Flow) -> None:
        super().__init__()
        self.net = MLP(given_size, 2 * size, settings.hidden, settings.layers, zero=True)
        self.straight = nn.Linear(given_size, size) if settings.straight else None

    def forward(self, x: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """z and ln|dz/dx|."""
        mean, log_width = self._of(given)
        return (x - mean) * (-log_width).exp(), -log_width.sum(1)

    def inverse(self, z: Tensor, given: Tensor) -> Tensor:
        """x."""
        mean, log_width = self._of(given)
        return mean + z * log_width.exp()

    def _of(self, given: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_width = self.net(given).chunk(2, 1)
        return mean if self.straight is None else mean + self.straight(given), log_width


class Mixing(nn.Module):
    """x = (L U z) permuted: towards the data a plain product, towards the noise two triangular solves."""

    order: Tensor

    def __init__(self, size: int, randperm: bool, linear: bool) -> None:
        super().__init__()
        self.register_buffer("order", torch.randperm(size) if randperm else torch.arange(size).flip(0))
        self.factors = nn.Parameter(torch.zeros(size, size)) if linear else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | float]:
        """z and ln|dz/dx|."""
        z = x[:, torch.argsort(self.order)]
        if self.factors is None:
            return z, 0.0
        lower, upper = self._factors(self.factors)
        columns = torch.linalg.solve_triangular(lower, z.T, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, columns, upper=True).T, -self.factors.diagonal().sum()

    def inverse(self, z: Tensor) -> Tensor:
        """x."""
        if self.factors is None:
            return z[:, self.order]
        lower, upper = self._factors(self.factors)
        return z @ (lower @ upper)[self.order].T

    @staticmethod
    def _factors(factors: Tensor) -> tuple[Tensor, Tensor]:
        one = torch.eye(len(factors), device=factors.device, dtype=factors.dtype)
        return factors.tril(-1) + one, factors.triu(1) + one * factors.exp()


class Coupling(nn.Module):
    """The second half goes through monotonic splines that a network of the first half and of ``given`` shapes."""

    def __init__(self, size: int, given_size: int, settings: Flow) -> None:
        super().__init__()
        self.sizes, self.bins, self.bound = (size // 2, size - size // 2), settings.bins, settings.bound
        self.net = MLP(self.sizes[0] + given_size, self.sizes[1] * (3 * settings.bins - 1), settings.hidden, settings.layers, zero=True)

    def forward(self, x: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """z and ln|dz/dx|."""
        kept, moved = x.split(self.sizes, 1)
        moved, log_det = spline(moved.T, self._shapes(kept, given), self.bound)
        return torch.cat((kept, moved.T), 1), log_det.sum(0)

    def inverse(self, z: Tensor, given: Tensor) -> Tensor:
        """x."""
        kept, moved = z.split(self.sizes, 1)
        return torch.cat((kept, spline_inverse(moved.T, self._shapes(kept, given), self.bound).T), 1)

    def _shapes(self, kept: Tensor, given: Tensor) -> Tensor:
        shapes: Tensor = self.net(torch.cat((kept, given), 1)).T
        return shapes.reshape(self.sizes[1], 3 * self.bins - 1, -1)


class Autoregressive(nn.Module):
    """Each group of numbers goes through splines shaped by the groups before it and by ``given``; the inverse takes ``passes`` turns."""

    def __init__(self, size: int, given_size: int, settings: Flow) -> None:
        super().__init__()
        self.transform = MaskedAutoregressiveTransform(
            size,
            given_size,
            passes=settings.passes,
            univariate=partial(MonotonicRQSTransform, bound=settings.bound),
            shapes=[(settings.bins,), (settings.bins,), (settings.bins - 1,)],
            hidden_features=(settings.hidden,) * settings.layers,
            activation=nn.SiLU,
        )

    def forward(self, x: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """z and ln|dz/dx|."""
        z, log_det = self.transform(given).call_and_ladj(x)
        return z, log_det

    def inverse(self, z: Tensor, given: Tensor) -> Tensor:
        """x."""
        x: Tensor = self.transform(given).inv(z)
        return x


class FlowModel(ConditionalModel):
    """See ``Flow``."""

    def __init__(self, settings: Flow, target_size: int, given_size: int) -> None:
        super().__init__()
        self.target_size, self.given_size, self.noise_size = target_size, given_size, target_size
        self.body, features = body_of(settings.body, given_size)
        self.feature_size = features if settings.body is not None else None
        self.affine = Affine(target_size, features, settings) if settings.affine else None
        step = Coupling if settings.passes == 2 or target_size == 1 else Autoregressive
        self.mixings = nn.ModuleList(Mixing(target_size, settings.randperm, settings.linear) for _ in range(settings.transforms))
        self.splines = nn.ModuleList(step(target_size, features, settings) for _ in range(settings.transforms))

    def forward(self, given: Tensor) -> FlowDistribution:
        return self.head(self.features(given))

    def features(self, given: Tensor) -> Tensor:
        made: Tensor = self.body(given)
        return made

    def head(self, features: Tensor) -> FlowDistribution:
        return FlowDistribution(self, features)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The negative mean log density."""
        yield self, -self(given).log_prob(target).mean()

    @property
    def steps(self) -> list[tuple[Mixing, Coupling | Autoregressive]]:
        """Mixings and splines, from the data to the noise."""
        found = []
        for mixing, step in zip(self.mixings, self.splines, strict=True):
            assert isinstance(mixing, Mixing) and isinstance(step, (Coupling, Autoregressive))
            found.append((mixing, step))
        return found


class FlowDistribution(Distribution):
    """p(target | given) of a flow."""

    def __init__(self, model: FlowModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor) -> Tensor:
        for mixing, step in reversed(self.model.steps):
            noise = mixing.inverse(step.inverse(noise, self.given))
        return noise if self.model.affine is None else self.model.affine.inverse(noise, self.given)

    def log_prob(self, target: Tensor) -> Tensor:
        total = torch.zeros_like(target[:, 0])
        if self.model.affine is not None:
            target, total = self.model.affine(target, self.given)
        for mixing, step in self.model.steps:
            target, mixing_log_det = mixing(target)
            target, spline_log_det = step(target, self.given)
            total = total + mixing_log_det + spline_log_det
        return total + normal_log_prob(target)
