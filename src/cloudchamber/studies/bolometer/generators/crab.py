"""Networks of the Cosmic Rays Artificial Background (CRAB), layer by layer as its authors list them.

A bolometer's data come of 100 latent numbers. Lengths double twice in the generator, and are halved and divided by five in the discriminator, so they must be
multiples of 20. Not public, and chosen here: the slope of the activations (Keras' 0.3), and the generator's last "normalisation", which has no parameters and
is the codec's scale.

References: G. Cavallotto and S. Della Torre, Extending cosmic ray background using generative adversarial networks, ML4ASTRO2, Catania 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL, FIRST_KERNEL, SLOPE, EPSILON = 10, 20, 0.3, 1e-5
SHORTEST = 20


@dataclass(frozen=True)
class CrabNetworks:
    """Generator and discriminator of one bolometer's ``length`` samples. Neither looks at the given numbers."""

    length: int = 1060
    latent: int = 100

    def check(self, target_size: int) -> None:
        """One bolometer's samples must be the target."""
        if target_size != self.length:
            raise ValueError(f"CrabNetworks of {self.length} samples don't fit bolometers of {target_size}: set their length to that of the windows")
        if self.length < SHORTEST or self.length % SHORTEST:
            raise ValueError(f"CrabNetworks need a length of a multiple of {SHORTEST} samples, got {self.length}")

    def generator(self, code_size: int, target_size: int) -> nn.Module:
        """From the first ``latent`` numbers of the code."""
        if code_size < self.latent:
            raise ValueError(f"CrabNetworks of {self.latent} latent numbers need as many of the model, got {code_size}")
        return CrabGenerator(self.latent, self.length)

    def injected(self, generator: nn.Module) -> int:
        """None."""
        return 0

    def draw(self, generator: nn.Module, code: Tensor, injected: Tensor) -> Tensor:
        """From the latent numbers alone."""
        drawn: Tensor = generator(code[:, : self.latent])
        return drawn

    def critic(self, target_size: int, given_size: int) -> nn.Module:
        """Of the samples."""
        return CrabDiscriminator(self.length)

    def score(self, critic: nn.Module, target: Tensor, given: Tensor) -> Tensor:
        """Of the samples alone."""
        answer: Tensor = critic(target)
        return answer[:, 0]

    def constrainer(self, target_size: int, numbers: int) -> nn.Module:
        """There is none."""
        raise ValueError("CrabNetworks have no constrainers: leave them out")


class CrabGenerator(nn.Module):
    """(windows, latent) to (windows, length)."""

    def __init__(self, latent: int, length: int) -> None:
        super().__init__()
        self.dense = nn.Linear(latent, length // 4)
        self.layers = nn.ModuleList([_Up(1, 8, 1), _Up(8, 16, 2), _Up(16, 32, 2)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels) for channels in (8, 16, 32))
        self.depthwise = nn.Conv1d(32, 32, KERNEL, groups=32, bias=False)
        self.pointwise = nn.Conv1d(32, 1, 1)

    def forward(self, latent: Tensor) -> Tensor:
        features = F.leaky_relu(self.dense(latent), SLOPE)[:, None]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            features = norm(F.leaky_relu(layer(features), SLOPE))
        out: Tensor = self.pointwise(self.depthwise(F.pad(features, (4, 5))))
        return F.leaky_relu(out[:, 0], SLOPE)


class CrabDiscriminator(nn.Module):
    """(windows, length) to a logit (windows, 1)."""

    def __init__(self, length: int) -> None:
        super().__init__()
        sizes = ((1, 8, FIRST_KERNEL, 1), (8, 8, KERNEL, 1), (8, 16, KERNEL, 2), (16, 32, KERNEL, 5))
        self.strides, self.kernels = [stride for *_, stride in sizes], [kernel for _, _, kernel, _ in sizes]
        self.layers = nn.ModuleList(nn.Conv1d(before, after, kernel, stride) for before, after, kernel, stride in sizes)
        self.norms = nn.ModuleList(_ChannelNorm(after) for _, after, _, _ in sizes)
        self.dense = nn.Linear(32 * (length // 10), 1)

    def forward(self, samples: Tensor) -> Tensor:
        features = samples[:, None]
        for layer, norm, kernel, stride in zip(self.layers, self.norms, self.kernels, self.strides, strict=True):
            around = kernel - stride
            features = norm(F.leaky_relu(layer(F.pad(features, (around // 2, around - around // 2))), SLOPE))
        out: Tensor = self.dense(features.flatten(1))
        return out


class _ChannelNorm(nn.Module):
    """Layer norm over the channels of (windows, channels, length): torch's own wants them last, and is slow for so few."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        centred = features - features.mean(1, keepdim=True)
        scale = (centred.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        return centred * (scale * self.weight[:, None]) + self.bias[:, None]


class _Up(nn.Module):
    """A transposed convolution that gives ``stride`` times the length."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.layer = nn.ConvTranspose1d(before, after, KERNEL, stride, padding=(KERNEL - stride) // 2)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.layer(features)
        return out[..., : self.stride * features.shape[-1]]


def layer_parameters(network: nn.Module) -> dict[str, int]:
    """Trainable numbers of each layer, by its name."""
    found: dict[str, int] = {}
    for name, parameter in network.named_parameters():
        layer = name.rsplit(".", 1)[0]
        found[layer] = found.get(layer, 0) + (parameter.numel() if parameter.requires_grad else 0)
    return found


def trainable(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(layer_parameters(network).values())
