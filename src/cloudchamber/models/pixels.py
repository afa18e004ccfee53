"""A classifier of every place of an event: of each pixel of an image, or each entry of a column of categories with a shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.heads import BodySettings, one_hot_draw


@dataclass(frozen=True)
class PixelClasses:
    """Settings: how many ``classes`` each place has.

    The features that ``body`` makes of the given numbers, or without one those numbers, are (channels, places), an image's channels first; the same
    network of one hidden layer, or a linear map with ``hidden=0``, tells the classes of each place from the channels there.
    """

    classes: int
    hidden: int = 32
    body: BodySettings | None = None

    def build(self, target_size: int, given_size: int) -> PixelModel:
        """The model for so many numbers: one for each class of each place."""
        return PixelModel(self, target_size, given_size)


class PixelModel(ConditionalModel):
    """See ``PixelClasses``. There is a number of noise for each place."""

    states_classes = True

    def __init__(self, settings: PixelClasses, target_size: int, given_size: int) -> None:
        super().__init__()
        if settings.classes < 2 or target_size % settings.classes:
            raise ValueError(f"classes must be at least 2 and divide the target's {target_size} numbers, got {settings.classes}")
        self.classes, self.places = settings.classes, target_size // settings.classes
        self.target_size, self.given_size, self.noise_size = target_size, given_size, self.places
        self.body: nn.Module = nn.Identity() if settings.body is None else settings.body.build(given_size)
        features = given_size if settings.body is None else cast(int, self.body.size)
        if features % self.places:
            raise ValueError(f"{features} features are no whole number of channels for {self.places} places")
        channels = features // self.places
        first = [nn.Linear(channels, settings.hidden), nn.SiLU()] if settings.hidden else []
        self.net = nn.Sequential(*first, nn.Linear(settings.hidden or channels, settings.classes))

    def forward(self, given: Tensor) -> PixelDistribution:
        channels = self.body(given).unflatten(1, (-1, self.places))
        return PixelDistribution(self.net(channels.transpose(1, 2)).log_softmax(-1))

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The cross-entropy of a place."""
        yield self, -self(given).log_prob(target).mean() / self.places


class PixelDistribution(Distribution):
    """Log probabilities of the classes of each place, (events, places, classes); the places are independent."""

    def __init__(self, log_probability: Tensor) -> None:
        self.log_probability = log_probability

    def sample(self, noise: Tensor) -> Tensor:
        """One-hot draws, (events, places x classes)."""
        places, classes = self.log_probability.shape[1:]
        drawn = one_hot_draw(self.log_probability.exp().reshape(-1, classes), noise.reshape(-1))
        return drawn.reshape(-1, places * classes)

    def log_prob(self, target: Tensor) -> Tensor:
        """ln of the probability of all places together."""
        one_hot = target.unflatten(1, self.log_probability.shape[1:])
        if not bool((one_hot.sum(-1) == 1).all()):
            raise ValueError("a classifier of pixels learns the one-hot classes of a single category column; each place must have one 1")
        return (one_hot * self.log_probability).sum((1, 2))

    def mean(self) -> Tensor:
        """The class probabilities, (events, places x classes)."""
        return self.log_probability.exp().flatten(1)

    def probabilities(self) -> Tensor:
        return self.log_probability.exp()
