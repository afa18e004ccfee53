"""Conditional generative adversarial networks: Wasserstein with gradient penalty, and cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cloudchamber.models.base import ConditionalModel, Distribution, fixed_noise
from cloudchamber.models.gan_networks import DenseNetworks, GanNetworks


@dataclass(frozen=True)
class Gan:
    """Settings of a conditional GAN.

    ``networks`` are its generator, critic and constrainers. A batch is split into ``critic_steps`` parts, one for each turn of the critic; then the
    generator takes its turn at the conditions of the last. With the cross-entropy, generated events have the weight ``synthetic`` in the critic's loss, the
    critic is told 1 - ``smoothing`` of real events, and the generator aims at 1 - ``generator_smoothing``.

    ``constrainers`` name networks that learn to tell some of the given numbers (their places) from an event. The generator's loss has ``constraint`` times
    the difference of their squared errors on generated and on real events; without names there are none.

    References: Gulrajani et al. (2017), arXiv:1704.00028 (Wasserstein with ``penalty``); Goodfellow et al. (2014), arXiv:1406.2661, and
    Salimans et al. (2016), arXiv:1606.03498, section 3.4 (one-sided label ``smoothing``); Erdmann et al. (2019), Comput. Softw. Big Sci. 3, 4
    (constrainers).
    """

    loss: Literal["wasserstein", "cross_entropy"] = "wasserstein"
    networks: GanNetworks = field(default_factory=DenseNetworks)
    latent: int = 32
    critic_steps: int = 5
    penalty: float = 10.0
    smoothing: float = 0.1
    generator_smoothing: float = 0.0
    synthetic: float = 1.0
    constrainers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    constraint: float = 1.0

    def build(self, target_size: int, given_size: int) -> GanModel:
        """The model for so many numbers."""
        if self.critic_steps < 1:
            raise ValueError(f"critic_steps must be at least 1, got {self.critic_steps}")
        if not self.synthetic > 0:
            raise ValueError(f"synthetic must be above 0, got {self.synthetic}")
        if self.loss == "wasserstein" and (self.synthetic != 1 or self.generator_smoothing):
            raise ValueError("synthetic and generator_smoothing belong to the cross-entropy: a critic that weighs the two unequally has no best score")
        self.networks.check(target_size)
        for name, places in self.constrainers.items():
            if not places or not all(0 <= place < given_size for place in places):
                raise ValueError(f"constrainer '{name}' needs places among the {given_size} given numbers, from 0 on, got {list(places)}")
        return GanModel(self, target_size, given_size)


class GanModel(ConditionalModel):
    """See ``Gan``. The noise is the latent code, then the noise to inject."""

    def __init__(self, settings: Gan, target_size: int, given_size: int) -> None:
        super().__init__()
        self.settings = settings
        self.target_size, self.given_size = target_size, given_size
        networks = settings.networks
        self.generator = networks.generator(settings.latent + given_size, target_size)
        self.noise_size = settings.latent + networks.injected(self.generator)
        self.critic = networks.critic(target_size, given_size)
        self.constrainers = nn.ModuleDict({name: networks.constrainer(target_size, len(places)) for name, places in settings.constrainers.items()})

    def score(self, target: Tensor, given: Tensor) -> Tensor:
        """The critic's answer, (events,): high for events that look real."""
        return self.settings.networks.score(self.critic, target, given)

    def forward(self, given: Tensor) -> GanDistribution:
        return GanDistribution(self, given)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The critic ``critic_steps`` times, each constrainer once, then the generator."""
        for real, condition in zip(_turns(target, self.settings.critic_steps), _turns(given, self.settings.critic_steps), strict=True):
            yield self.critic, self._critic_loss(real, condition)
        for name, constrainer in self.constrainers.items():
            yield constrainer, self._constrainer_error(name, target, given)
        fake = self.generate(torch.randn(len(condition), self.noise_size, device=target.device), condition)
        score = self.score(fake, condition)
        loss = -score.mean() if self.settings.loss == "wasserstein" else _cross_entropy(score, 1 - self.settings.generator_smoothing)
        for name in self.constrainers:
            with torch.no_grad():
                error = self._constrainer_error(name, real, condition)
            loss = loss + self.settings.constraint * (self._constrainer_error(name, fake, condition) - error).abs()
        yield self.generator, loss

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        """The energy distance between (given, target) and (given, generated); unbiased, so it may fall a little below 0."""
        if len(target) < 2:
            return target.new_zeros(())  # a left-over single event has no pair and weighs next to nothing
        fake = self.generate(fixed_noise(target, self.noise_size), given)
        return energy_distance(torch.cat((given, target), 1), torch.cat((given, fake), 1))

    def _constrainer_error(self, name: str, target: Tensor, given: Tensor) -> Tensor:
        """The mean squared error of the given numbers that a constrainer tells."""
        told: Tensor = self.constrainers[name](target)
        return (told - given[:, list(self.settings.constrainers[name])]).square().mean()

    def _critic_loss(self, real: Tensor, given: Tensor) -> Tensor:
        with torch.no_grad():
            fake = self.generate(torch.randn(len(real), self.noise_size, device=real.device), given)
        # one pass for both costs less than two
        real_score, fake_score = self.score(torch.cat((real, fake)), torch.cat((given, given))).chunk(2)
        if self.settings.loss == "cross_entropy":
            return _cross_entropy(real_score, 1 - self.settings.smoothing) + self.settings.synthetic * F.softplus(fake_score).mean()
        share = torch.rand(len(real), 1, device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_()
        [gradient] = torch.autograd.grad(self.score(between, given).sum(), between, create_graph=True)
        penalty = (gradient.square().sum(1) + 1e-12).sqrt() - 1
        return fake_score.mean() - real_score.mean() + self.settings.penalty * penalty.square().mean()


class GanDistribution(Distribution):
    """What the generator draws; no density."""

    def __init__(self, model: GanModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor) -> Tensor:
        latent, injected = noise[:, : self.model.settings.latent], noise[:, self.model.settings.latent :]
        return self.model.settings.networks.draw(self.model.generator, torch.cat((latent, self.given), 1), injected)


def _cross_entropy(score: Tensor, label: float) -> Tensor:
    """Mean cross-entropy of scores (events,) with one label."""
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, label))


def _turns(values: Tensor, turns: int) -> tuple[Tensor, ...]:
    """``values`` in exactly so many parts, the whole in place of an empty one: processes whose shares differ by an event take as many turns."""
    parts = values.chunk(turns)
    if len(parts) < turns:
        parts = tuple(part if len(part) else values for part in values.tensor_split(turns))
    return parts


def energy_distance(first: Tensor, second: Tensor) -> Tensor:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| of two samples (events, size) of one length, pairs of the same row left out.

    References: Szekely and Rizzo (2013), J. Stat. Plan. Inference 143, 1249, eq. 1.
    """
    events = len(first)
    if len(second) != events or events < 2:
        raise ValueError(f"the energy distance needs two samples of the same length >= 2, got {events} and {len(second)}")

    def apart(a: Tensor, b: Tensor) -> Tensor:
        distance = torch.cdist(a, b)
        return (distance.sum() - distance.diagonal().sum()) / (events * (events - 1))

    return 2 * apart(first, second) - apart(first, first) - apart(second, second)
