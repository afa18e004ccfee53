"""The network of flow matching on windows of all bolometers: patches of time, and convolutions over them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from cloudchamber.models.matching import TIME_FEATURES


@dataclass(frozen=True)
class WindowVelocity:
    """Settings: ``patch`` samples of all bolometers are a place of ``width`` features; each of the ``blocks`` sees ``kernel`` places.

    Each block is a convolution feature by feature along time, then a network at each place, scaled and shifted by time and condition.

    References: Liu et al. (2022), A ConvNet for the 2020s, arXiv:2201.03545; Peebles and Xie (2023), arXiv:2212.09748 (scale, shift, gates of zero).
    """

    bolometers: int = 12
    patch: int = 4
    width: int = 96
    blocks: int = 6
    kernel: int = 9
    hidden: int = 64

    def build(self, target_size: int, given_size: int) -> nn.Module:
        """The network of windows of so many numbers, whole patches of each bolometer."""
        if self.kernel % 2 == 0 or target_size % (self.bolometers * self.patch):
            raise ValueError(
                f"WindowVelocity needs an odd kernel, and a target of bolometers * patch * places numbers, "
                f"got kernel={self.kernel} and {target_size} for {self.bolometers} * {self.patch}"
            )
        return _Network(self, given_size)


class _Block(nn.Module):
    def __init__(self, settings: WindowVelocity) -> None:
        super().__init__()
        width = settings.width
        self.along = nn.Conv1d(width, width, settings.kernel, padding=settings.kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.first, self.second = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.told = nn.Linear(settings.hidden, 3 * width)
        nn.init.zeros_(self.told.weight)
        nn.init.zeros_(self.told.bias)

    def forward(self, features: Tensor, told: Tensor) -> Tensor:
        """``features`` (events, width, places), ``told`` (events, hidden)."""
        scale, shift, gate = self.told(told)[:, None].chunk(3, 2)
        inside = self.norm(self.along(features).transpose(1, 2)) * (1 + scale) + shift
        changed: Tensor = (gate * self.second(F.silu(self.first(inside)))).transpose(1, 2)
        return features + changed


class _Network(nn.Module):
    """(target, given and time) to a velocity, both flat."""

    def __init__(self, settings: WindowVelocity, given_size: int) -> None:
        super().__init__()
        self.bolometers = settings.bolometers
        numbers = settings.bolometers * settings.patch
        self.into = nn.Conv1d(settings.bolometers, settings.width, settings.patch, settings.patch)
        self.told = nn.Sequential(nn.Linear(given_size + TIME_FEATURES, settings.hidden), nn.SiLU(), nn.Linear(settings.hidden, settings.hidden), nn.SiLU())
        self.blocks = nn.ModuleList(_Block(settings) for _ in range(settings.blocks))
        self.norm = nn.LayerNorm(settings.width)
        self.out = nn.Linear(settings.width, numbers)
        self.gate = nn.Linear(settings.hidden, 1)
        for layer in (self.out, self.gate):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, target: Tensor, given: Tensor) -> Tensor:
        signal = target.unflatten(1, (self.bolometers, -1))
        told = self.told(given)
        features = self.into(signal)
        for block in self.blocks:
            features = block(features, told)
        # (events, places, bolometers * patch) to (events, bolometers, samples)
        drawn: Tensor = self.out(self.norm(features.transpose(1, 2))).unflatten(2, (self.bolometers, -1)).permute(0, 2, 1, 3).flatten(2)
        return (drawn + self.gate(told)[:, None] * signal).flatten(1)
