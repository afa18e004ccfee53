"""A class and numbers together: for each class a mixture of Gaussians, weighted by the probability of the class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.heads import BodySettings, Mixture, MixtureDistribution, MixtureModel, calibrate_tails
from cloudchamber.models.marginals import Marginals


@dataclass(frozen=True)
class LabelledMixture:
    """Settings of p(class, numbers | given) = p(class | given) p(numbers | class, given): the target is one-hot over ``classes``, then the numbers.

    Each class has ``components`` Gaussians with full covariances: what is said of the numbers is a mixture over the classes too. The network is that of
    ``models.heads.Mixture``, and so are the ``tails``.
    """

    classes: int
    components: int = 2
    hidden: int = 128
    layers: int = 1
    body: BodySettings | None = None
    tails: bool = False

    def build(self, target_size: int, given_size: int) -> LabelledMixtureModel:
        """The model for so many numbers."""
        return LabelledMixtureModel(self, target_size, given_size)


class LabelledMixtureModel(ConditionalModel):
    """See ``LabelledMixture``. The noise picks class and component, then the place in it."""

    def __init__(self, settings: LabelledMixture, target_size: int, given_size: int) -> None:
        super().__init__()
        numbers = target_size - settings.classes
        if settings.classes < 2 or numbers < 1:
            raise ValueError(f"needs at least 2 classes and 1 number, got {settings.classes} classes in a target of {target_size}")
        self.target_size, self.given_size, self.noise_size = target_size, given_size, 1 + numbers
        self.classes = settings.classes
        mixture = Mixture(settings.classes * settings.components, "full", settings.hidden, settings.layers, settings.body, settings.tails)
        self.mixture: MixtureModel = mixture.build(numbers, given_size)
        self.feature_size = self.mixture.feature_size

    def forward(self, given: Tensor) -> LabelledMixtureDistribution:
        return self.head(self.features(given))

    def features(self, given: Tensor) -> Tensor:
        return self.mixture.features(given)

    def head(self, features: Tensor) -> LabelledMixtureDistribution:
        return LabelledMixtureDistribution(self.mixture.head(features), self.classes)

    def calibrate(self, held_out: Iterable[tuple[Tensor, Tensor]]) -> None:
        if self.mixture.tails is not None:
            calibrate_tails(self, self.mixture.tails, held_out)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The negative mean log density."""
        yield self, -self(given).log_prob(target).mean()


class LabelledMixtureDistribution(Distribution):
    """A mixture whose components belong to the classes, those of the first class first."""

    def __init__(self, mixture: MixtureDistribution, classes: int) -> None:
        self.mixture, self.classes = mixture, classes

    def probabilities(self) -> Tensor:
        """Of the classes, (events, classes)."""
        return self.mixture.log_weight.unflatten(1, (self.classes, -1)).logsumexp(2).exp()

    def sample(self, noise: Tensor) -> Tensor:
        """One-hot class, then the numbers."""
        pick, numbers = self.mixture.draw(noise)
        return torch.cat((pick.unflatten(1, (self.classes, -1)).sum(2), numbers), 1)

    def marginals(self) -> Marginals | None:
        found = self.mixture.marginals()
        if found is None:
            return None
        label = torch.zeros_like(found.mean[..., :1]).expand(-1, -1, self.classes)
        return Marginals(found.log_weight, torch.cat((label, found.mean), 2), torch.cat((label + 1, found.deviation), 2))

    def log_prob(self, target: Tensor) -> Tensor:
        """ln of the probability of the class times the density of the numbers."""
        label, numbers = target.split((self.classes, target.shape[1] - self.classes), 1)
        return self._of_class(label).log_prob(numbers)

    def pulls(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """``MixtureDistribution.pulls`` of the numbers, components of other classes excluded."""
        label, numbers = target.split((self.classes, target.shape[1] - self.classes), 1)
        return self._of_class(label).pulls(numbers)

    def _of_class(self, label: Tensor) -> MixtureDistribution:
        """The mixture without the components of other classes than the one-hot ``label``."""
        excluded = torch.where(label > 0.5, 0.0, -torch.inf).repeat_interleave(self.mixture.means.shape[1] // self.classes, 1)
        return MixtureDistribution(self.mixture.log_weight + excluded, self.mixture.means, self.mixture.factor, self.mixture.tails)
