"""Conditional variational autoencoders: Gaussian, Bernoulli, continuous Bernoulli."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cloudchamber.models.base import ConditionalModel, Distribution, fixed_noise, normal_log_prob
from cloudchamber.models.vae_networks import VaeNetworks
from cloudchamber.nn.mlp import MLP

NEAR = 0.05
"""Nearer to 0 a logit's functions are taken from their series."""


@dataclass(frozen=True)
class Vae:
    """Settings of a conditional VAE.

    ``variance`` of the Gaussian decoder: "shared", one learned number for each target entry, or "event", given by the decoder for each event.
    ``beta`` weighs the divergence from the prior in training. The networks are residual ones of ``hidden`` and ``layers``, or ``networks`` where there are.

    With the likelihood "bernoulli" or "continuous_bernoulli" the target's numbers must lie between 0 and 1. What is drawn then is the decoder's mean, as is
    usual: the first has no density of such numbers, as it lacks the norm that the second has.

    References: Kingma and Welling (2014), arXiv:1312.6114; Sohn et al. (2015), NeurIPS 28; Higgins et al. (2017), ICLR (beta);
    Loaiza-Ganem and Cunningham (2019), NeurIPS 32 (continuous Bernoulli).
    """

    latent: int = 8
    hidden: int = 256
    layers: int = 2
    variance: Literal["shared", "event"] = "shared"
    beta: float = 1.0
    likelihood: Literal["gaussian", "bernoulli", "continuous_bernoulli"] = "gaussian"
    networks: VaeNetworks | None = None

    def build(self, target_size: int, given_size: int) -> VaeModel:
        """The model for so many numbers."""
        if self.likelihood != "gaussian" and self.variance != "shared":
            raise ValueError(f"variance '{self.variance}' belongs to the Gaussian likelihood, not to {self.likelihood}")
        return VaeModel(self, target_size, given_size)


class VaeModel(ConditionalModel):
    """See ``Vae``. The noise is the latent code, then the Gaussian decoder's own noise."""

    def __init__(self, settings: Vae, target_size: int, given_size: int) -> None:
        super().__init__()
        self.settings = settings
        self.gaussian = settings.likelihood == "gaussian"
        self.target_size, self.given_size, self.noise_size = target_size, given_size, settings.latent + (target_size if self.gaussian else 0)
        networks = settings.networks or _Dense(settings.hidden, settings.layers)
        self.encoder = networks.encoder(target_size, given_size, 2 * settings.latent)
        self.decoder = networks.decoder(settings.latent + given_size, target_size, 2 if settings.variance == "event" else 1)
        self.log_deviation = nn.Parameter(torch.zeros(target_size)) if self.gaussian and settings.variance == "shared" else None

    def decode(self, latent: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and ln of the deviation of the Gaussian target, both (events, target)."""
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
        """The negative evidence lower bound (beta = 1); ValueError for numbers that the likelihood cannot have."""
        if not self.gaussian and bool(((target < 0) | (target > 1)).any()):
            raise ValueError(f"the likelihood '{self.settings.likelihood}' takes numbers between 0 and 1: give a codec that makes such")
        return self._loss(target, given, fixed_noise(target, self.settings.latent), 1.0)

    def _loss(self, target: Tensor, given: Tensor, noise: Tensor, beta: float) -> Tensor:
        centre, log_width = self.encoder(torch.cat((target, given), 1)).chunk(2, 1)
        latent = centre + noise * log_width.exp()
        if self.gaussian:
            mean, log_deviation = self.decode(latent, given)
            reconstruction = normal_log_prob((target - mean) * (-log_deviation).exp()) - log_deviation.sum(1)
        else:
            logit = self.decoder(torch.cat((latent, given), 1))
            reconstruction = -F.binary_cross_entropy_with_logits(logit, target, reduction="none").sum(1)
            if self.settings.likelihood == "continuous_bernoulli":
                reconstruction = reconstruction + log_norm(logit).sum(1)
        divergence = 0.5 * (centre.square() + (2 * log_width).exp() - 1 - 2 * log_width).sum(1)
        loss: Tensor = (beta * divergence - reconstruction).mean()
        return loss


class VaeDistribution(Distribution):
    """p(target | given) of a VAE: a latent code from the prior, then the decoder's Gaussian, or its mean. Its density has only a bound."""

    def __init__(self, model: VaeModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor) -> Tensor:
        if not self.model.gaussian:
            logit = self.model.decoder(torch.cat((noise, self.given), 1))
            return mean_of(logit) if self.model.settings.likelihood == "continuous_bernoulli" else F.sigmoid(logit)
        latent, own = noise.split((self.model.settings.latent, self.model.target_size), 1)
        mean, log_deviation = self.model.decode(latent, self.given)
        drawn: Tensor = mean + log_deviation.exp() * own
        return drawn


@dataclass(frozen=True)
class _Dense:
    """Residual networks of plain numbers."""

    hidden: int
    layers: int

    def encoder(self, target_size: int, given_size: int, outputs: int) -> nn.Module:
        return MLP(target_size + given_size, outputs, self.hidden, self.layers)

    def decoder(self, code_size: int, target_size: int, numbers: int) -> nn.Module:
        return MLP(code_size, numbers * target_size, self.hidden, self.layers)


def log_norm(logit: Tensor) -> Tensor:
    """ln of the norm C of the continuous Bernoulli density C p^x (1 - p)^(1 - x), ln p / (1 - p) = ``logit``."""
    near = logit.abs() < NEAR
    safe = torch.where(near, 1.0, logit.abs())
    # C = logit / tanh(logit / 2), as 2 artanh(1 - 2 p) / (1 - 2 p) is in the logit
    return torch.where(near, math.log(2.0) + logit.square() / 12, safe.log() - (safe / 2).tanh().log())


def mean_of(logit: Tensor) -> Tensor:
    """Mean of the continuous Bernoulli distribution."""
    near = logit.abs() < NEAR
    safe = torch.where(near, 1.0, logit)
    return torch.where(near, 0.5 + logit / 12, 1 / (1 - (-safe).exp()) - 1 / safe)
