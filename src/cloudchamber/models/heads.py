"""Direct heads for inference: one Gaussian, a mixture of Gaussians, or class probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution, normal_log_prob
from cloudchamber.models.marginals import Marginals
from cloudchamber.models.tails import Tails
from cloudchamber.nn.mlp import MLP


class BodySettings(Protocol):
    """The settings of a network that turns given numbers into features: a frozen dataclass, chosen by the recipe's function."""

    def build(self, given_size: int) -> nn.Module:
        """The network, given (events, n) to features (events, size), with their number as its attribute ``size``.

        For a set, ``given_size`` is the number of numbers an element, and n that times the elements of the longest set of the batch.
        """
        ...


@dataclass(frozen=True)
class Gaussian:
    """Settings of a Gaussian whose mean and covariance a network predicts; "full" learns the Cholesky factor of the covariance.

    With "constant" all events share one learned width a number: least squares, each number weighted by what it leaves.
    """

    covariance: Literal["full", "diagonal", "constant"] = "full"
    hidden: int = 128
    layers: int = 2
    body: BodySettings | None = None

    def build(self, target_size: int, given_size: int) -> MixtureModel:
        """The model for so many numbers."""
        return MixtureModel(Mixture(1, self.covariance, self.hidden, self.layers, self.body), target_size, given_size)


@dataclass(frozen=True)
class Mixture:
    """Settings of a mixture density network, on the features that ``body`` makes of the given numbers, or on these themselves.

    With ``tails`` the noise of each number, common to all components, gets after the fit the width and the tails that held-out events show.

    References: Bishop (1994), Mixture density networks, Aston University NCRG/94/004.
    """

    components: int = 5
    covariance: Literal["full", "diagonal", "constant"] = "full"
    hidden: int = 128
    layers: int = 2
    body: BodySettings | None = None
    tails: bool = False

    def build(self, target_size: int, given_size: int) -> MixtureModel:
        """The model for so many numbers."""
        return MixtureModel(self, target_size, given_size)


class MixtureModel(ConditionalModel):
    """A mixture of ``components`` Gaussians, one being the plain Gaussian head. The noise picks the component, then the place in it."""

    def __init__(self, settings: Mixture, target_size: int, given_size: int) -> None:
        super().__init__()
        if settings.components < 1:
            raise ValueError(f"components must be at least 1, got {settings.components}")
        self.target_size, self.given_size, self.noise_size = target_size, given_size, 1 + target_size
        self.components = settings.components
        self.widths = 0 if settings.covariance == "constant" else target_size
        self.lower = target_size * (target_size - 1) // 2 if settings.covariance == "full" else 0
        self.log_width = nn.Parameter(torch.zeros(target_size)) if settings.covariance == "constant" else None
        self.tails = Tails(target_size) if settings.tails else None
        self.body, features = body_of(settings.body, given_size)
        self.feature_size = features if settings.body is not None else None
        self.net = MLP(features, settings.components * (1 + target_size + self.widths + self.lower), settings.hidden, settings.layers)

    def forward(self, given: Tensor) -> MixtureDistribution:
        return self.head(self.features(given))

    def features(self, given: Tensor) -> Tensor:
        made: Tensor = self.body(given)
        return made

    def head(self, features: Tensor) -> MixtureDistribution:
        size = self.target_size
        out = self.net(features).unflatten(1, (self.components, -1))
        logit, mean, log_diagonal, lower = out.split((1, size, self.widths, self.lower), -1)
        if self.log_width is not None:
            log_diagonal = self.log_width.expand_as(mean)
        factor = log_diagonal.clamp(-10.0, 10.0).exp()[..., None] * torch.eye(size, device=features.device)
        if self.lower:
            rows, columns = torch.tril_indices(size, size, -1, device=features.device)
            place = torch.zeros(self.lower, size * size, device=features.device)
            place[torch.arange(self.lower, device=features.device), rows * size + columns] = 1
            factor = factor + (lower @ place).unflatten(-1, (size, size))
        # Gaussians learn faster, and the tails are theirs that they leave
        return MixtureDistribution(logit[..., 0].log_softmax(1), mean, factor, None if self.training else self.tails)

    def calibrate(self, held_out: Iterable[tuple[Tensor, Tensor]]) -> None:
        if self.tails is not None:
            calibrate_tails(self, self.tails, held_out)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The negative mean log density."""
        yield self, -self(given).log_prob(target).mean()


class MixtureDistribution(Distribution):
    """Log weights (events, components), means (events, components, target), Cholesky factors of the covariances (events, components, target, target);
    of Gaussians, or with ``tails`` of what these make of them."""

    def __init__(self, log_weight: Tensor, means: Tensor, factor: Tensor, tails: Tails | None = None) -> None:
        self.log_weight, self.means, self.factor, self.tails = log_weight, means, factor, tails

    def sample(self, noise: Tensor) -> Tensor:
        return self.draw(noise)[1]

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The component that was picked, one-hot (events, components), and the place in it, (events, target)."""
        pick = one_hot_draw(self.log_weight.exp(), noise[:, 0])
        shaped = noise[:, 1:] if self.tails is None else self.tails(noise[:, 1:])
        place = (self.factor @ shaped[:, None, :, None])[..., 0]
        return pick, ((self.means + place) * pick[..., None]).sum(1)

    def log_prob(self, target: Tensor) -> Tensor:
        pull, log_volume = self._whitened(target)
        log_density = (normal_log_prob(pull) if self.tails is None else self.tails.log_prob(pull)) - log_volume
        return (self.log_weight + log_density).logsumexp(1)

    def pulls(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """How far ``target`` lies from each component's mean, whitened (events, components, target), and ln of what the density of that counts with."""
        pull, log_volume = self._whitened(target)
        return pull, self.log_weight - log_volume

    def _whitened(self, target: Tensor) -> tuple[Tensor, Tensor]:
        pull = torch.linalg.solve_triangular(self.factor, (target[:, None] - self.means)[..., None], upper=False)[..., 0]
        return pull, self.factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def marginals(self) -> Marginals | None:
        # a sum of tailed noises is none of them
        return Marginals(self.log_weight, self.means, self.factor.square().sum(-1).sqrt()) if self.tails is None else None

    def mean(self) -> Tensor:
        return (self.log_weight.exp()[..., None] * self.means).sum(1)


class Whitening(Protocol):
    """A distribution of mixtures that tells how far targets lie from its components."""

    def pulls(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """See ``MixtureDistribution.pulls``."""
        ...


def calibrate_tails(model: ConditionalModel, tails: Tails, held_out: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Fit the ``tails`` of ``model``, whose distributions tell the pulls of a target, to ``held_out`` batches of (target, given)."""
    model.eval()
    with torch.no_grad():
        parts = [cast(Whitening, model(given)).pulls(target) for target, given in held_out]
    pull, log_weight = (torch.cat(each).double() for each in zip(*parts, strict=True))
    tails.fit(pull, log_weight)


@dataclass(frozen=True)
class Categorical:
    """Settings of a classifier of one category column, which the codec hands over one-hot.

    The features that ``body`` makes of the given numbers, or without one those numbers, go through a network of ``layers`` residual blocks; ``layers=0`` is
    one linear map.
    """

    hidden: int = 128
    layers: int = 2
    body: BodySettings | None = None

    def build(self, target_size: int, given_size: int) -> CategoricalModel:
        """The model for so many classes."""
        return CategoricalModel(self, target_size, given_size)


class CategoricalModel(ConditionalModel):
    """See ``Categorical``."""

    states_classes = True

    def __init__(self, settings: Categorical, target_size: int, given_size: int) -> None:
        super().__init__()
        if target_size < 2:
            raise ValueError(f"a classifier needs at least 2 classes, got {target_size}")
        self.target_size, self.given_size, self.noise_size = target_size, given_size, 1
        self.body, features = body_of(settings.body, given_size)
        self.feature_size = features if settings.body is not None else None
        self.net = MLP(features, target_size, settings.hidden, settings.layers) if settings.layers else nn.Linear(features, target_size)

    def logits(self, given: Tensor) -> Tensor:
        """Log probabilities of the classes, up to a constant an event: (events, classes)."""
        found: Tensor = self.net(self.body(given))
        return found

    def forward(self, given: Tensor) -> CategoricalDistribution:
        return self.head(self.features(given))

    def features(self, given: Tensor) -> Tensor:
        made: Tensor = self.body(given)
        return made

    def head(self, features: Tensor) -> CategoricalDistribution:
        return CategoricalDistribution(self.net(features).log_softmax(1))

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The cross-entropy."""
        yield self, -self(given).log_prob(target).mean()


class CategoricalDistribution(Distribution):
    """Log probabilities of the classes, (events, classes)."""

    def __init__(self, log_probability: Tensor) -> None:
        self.log_probability = log_probability

    def sample(self, noise: Tensor) -> Tensor:
        """One-hot draws."""
        return one_hot_draw(self.log_probability.exp(), noise[:, 0])

    def log_prob(self, target: Tensor) -> Tensor:
        """ln of the probability of one-hot ``target``."""
        if not bool((target.sum(1) == 1).all()):
            raise ValueError("a classifier learns the one-hot classes of a single category column; each target row must have one 1")
        return (target * self.log_probability).sum(1)

    def mean(self) -> Tensor:
        """The class probabilities."""
        return self.log_probability.exp()

    def probabilities(self) -> Tensor:
        return self.mean()


def body_of(settings: BodySettings | None, given_size: int) -> tuple[nn.Module, int]:
    """The network before the head, and how many numbers it makes."""
    if settings is None:
        return nn.Identity(), given_size
    body = settings.build(given_size)
    return body, cast(int, body.size)


def one_hot_draw(probability: Tensor, noise: Tensor) -> Tensor:
    """Pick a class for each event, (events, classes) one-hot: the first whose cumulative ``probability`` passes that of the normal ``noise``."""
    uniform = 0.5 * (1 + torch.erf(noise * 0.5**0.5))
    below = (probability.cumsum(1)[:, :-1] < uniform[:, None]).sum(1)
    return (below[:, None] == torch.arange(probability.shape[1], device=noise.device)).to(probability.dtype)
