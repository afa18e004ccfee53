"""Conditional variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution, fixed_noise, normal_log_prob
from cloudchamber.nn.mlp import MLP


@dataclass(frozen=True)
class Vae:
    """Settings of a conditional VAE with a Gaussian decoder.

    ``variance``: "shared", one learned number for each target entry, or "event", given by the decoder for each event.
    ``beta`` weighs the divergence from the prior in training.

    References: Kingma and Welling (2014), arXiv:1312.6114; Sohn et al. (2015), NeurIPS 28; Higgins et al. (2017), ICLR (beta).
    """

    latent: int = 8
    hidden: int = 256
    layers: int = 2
    variance: Literal["shared", "event"] = "shared"
    beta: float = 1.0

    def build(self, target_size: int, given_size: int) -> VaeModel:
        """The model for so many numbers."""
        return VaeModel(self, target_size, given_size)


class VaeModel(ConditionalModel):
    """See ``Vae``. The noise is the latent code, then the decoder's own noise."""

    def __init__(self, settings: Vae, target_size: int, given_size: int) -> None:
        super().__init__()
        self.settings = settings
        self.target_size, self.given_size, self.noise_size = target_size, given_size, settings.latent + target_size
        self.encoder = MLP(target_size + given_size, 2 * settings.latent, settings.hidden, settings.layers)
        self.decoder = MLP(settings.latent + given_size, target_size * (2 if settings.variance == "event" else 1), settings.hidden, settings.layers)
        self.log_deviation = nn.Parameter(torch.zeros(target_size)) if settings.variance == "shared" else None

    def decode(self, latent: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and ln of the deviation of the target, both (events, target)."""
        out = self.decoder(torch.cat((latent, given), 1))
        if self.log_deviation is not None:
            return out, self.log_deviation.expand_as(out)
        mean, log_deviation = out.chunk(2, 1)
        return mean, log_deviation.clamp(-7.0, 7.0)

    def forward(self, given: Tensor) -> VaeDistribution:
        return VaeDistribution(self, given)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The negative evidence lower bound, with the prior's part weighted by beta."""
        yield self, self._loss(target, given, torch.randn(len(target), self.settings.latent, device=target.device), self.settings.beta)

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        """The negative evidence lower bound (beta = 1)."""
        return self._loss(target, given, fixed_noise(target, self.settings.latent), 1.0)

    def _loss(self, target: Tensor, given: Tensor, noise: Tensor, beta: float) -> Tensor:
        centre, log_width = self.encoder(torch.cat((target, given), 1)).chunk(2, 1)
        mean, log_deviation = self.decode(centre + noise * log_width.exp(), given)
        reconstruction = normal_log_prob((target - mean) * (-log_deviation).exp()) - log_deviation.sum(1)
        divergence = 0.5 * (centre.square() + (2 * log_width).exp() - 1 - 2 * log_width).sum(1)
        loss: Tensor = (beta * divergence - reconstruction).mean()
        return loss


class VaeDistribution(Distribution):
    """p(target | given) of a VAE: a latent code from the prior, then the decoder's Gaussian. Its density has only a bound."""

    def __init__(self, model: VaeModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor) -> Tensor:
        latent, own = noise.split((self.model.settings.latent, self.model.target_size), 1)
        mean, log_deviation = self.model.decode(latent, self.given)
        drawn: Tensor = mean + log_deviation.exp() * own
        return drawn
