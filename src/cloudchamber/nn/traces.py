"""A network on sets of stations with recorded traces: one encoder for all traces, attention between the stations, one feature vector a set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PRESENT, RECORDED, PLACE, HEIGHT = 0, 1, slice(2, 4), 4
"""Numbers of an element: 1 where there is one, 1 where it has traces, its two coordinates, and the number that a plane is laid through."""
_RIDGE = 1e-3


@dataclass(frozen=True)
class TraceSet:
    """Settings of attention over elements that bring ``traces`` traces of ``samples`` numbers after their other numbers.

    Convolutions with ``channels`` channels, each four times as coarse as the one before, make ``code`` numbers of a trace, the same way for all. Elements of
    ``width`` numbers then go through ``blocks`` blocks of attention with ``heads`` heads. Their mean and means weighted by learned scores make the
    features, and the slopes of ``planes`` planes: each is laid by least squares through one number of the recorded elements, with learned corrections and
    weights. Neither the order nor the number of the elements matters.

    References: Vaswani et al. (2017), arXiv:1706.03762; Xiong et al. (2020), arXiv:2002.04745 (norms before the layers); Lee et al. (2019),
    arXiv:1810.00825 (attention on sets).
    """

    traces: int = 2
    samples: int = 128
    channels: tuple[int, ...] = (16, 32)
    code: int = 32
    width: int = 96
    heads: int = 4
    blocks: int = 3
    planes: int = 8
    size: int = 128

    def build(self, given_size: int) -> TraceSetBody:
        """The network for elements of ``given_size`` numbers, traces included."""
        return TraceSetBody(self, given_size)


class TraceSetBody(nn.Module):
    """See ``TraceSet``: (events, longest * given_size) to (events, size)."""

    def __init__(self, settings: TraceSet, given_size: int) -> None:
        super().__init__()
        self.settings, self.given_size, self.size = settings, given_size, settings.size
        self.plain = given_size - settings.traces * settings.samples
        if self.plain < 5:
            raise ValueError(
                f"an element of {given_size} numbers has no room for {settings.traces} traces of {settings.samples}, two marks, a place and a height"
            )
        if settings.width % settings.heads:
            raise ValueError(f"width {settings.width} must be a multiple of heads, {settings.heads}")
        layers: list[nn.Module] = []
        before, length = 1, settings.samples
        for channels in settings.channels:
            layers += [nn.Conv1d(before, channels, 8, stride=4, padding=2), nn.SiLU()]
            before, length = channels, length // 4
        if length < 1:
            raise ValueError(f"traces of {settings.samples} samples are too short for {len(settings.channels)} convolutions")
        self.encoder = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * length, settings.code), nn.SiLU())
        self.embed = nn.Sequential(
            nn.Linear(self.plain + settings.traces * settings.code, settings.width), nn.SiLU(), nn.Linear(settings.width, settings.width)
        )
        self.blocks = nn.ModuleList(_Block(settings.width, settings.heads) for _ in range(settings.blocks))
        self.norm = nn.LayerNorm(settings.width)
        self.score = nn.Linear(settings.width, settings.heads)
        self.heights = nn.Linear(settings.width, 2 * settings.planes)
        self.out = nn.Sequential(nn.Linear((1 + settings.heads) * settings.width, settings.size - 2 * settings.planes), nn.SiLU())

    def forward(self, given: Tensor) -> Tensor:
        elements = given.unflatten(1, (-1, self.given_size))
        plain, traces = elements.split((self.plain, self.given_size - self.plain), 2)
        there = plain[..., PRESENT] > 0
        x = self.embed(torch.cat((plain, self._codes(traces, plain[..., RECORDED] > 0)), 2))
        mask = torch.where(there, 0.0, -1e9).to(x.dtype)
        for block in self.blocks:
            x = block(x, mask[:, None, None])
        x = self.norm(x) * there[..., None]
        weights = (self.score(x) + mask[..., None]).softmax(1)
        number = there.sum(1).clamp_min(1)[:, None, None]
        means = torch.cat((x.sum(1, keepdim=True) / number, weights.transpose(1, 2) @ x), 1)
        return torch.cat((self.out(means.flatten(1)), self._slopes(x, plain)), 1)

    def _slopes(self, x: Tensor, plain: Tensor) -> Tensor:
        """Slopes of the planes, (events, 2 * planes)."""
        correction, log_weight = self.heights(x).chunk(2, 2)
        height = plain[..., HEIGHT, None] + correction
        weight = torch.where(plain[..., RECORDED, None] > 0, log_weight.clamp(-8, 8).exp(), 0.0)
        weight = weight / weight.sum(1, keepdim=True).clamp_min(1e-6)
        across, along, height = (values - (weight * values).sum(1, keepdim=True) for values in (plain[..., PLACE][..., :1], plain[..., PLACE][..., 1:], height))
        xx, yy = ((weight * values.square()).sum(1) + _RIDGE for values in (across, along))
        xy, xz, yz = ((weight * one * two).sum(1) for one, two in ((across, along), (across, height), (along, height)))
        determinant = xx * yy - xy.square()
        return torch.cat(((yy * xz - xy * yz) / determinant, (xx * yz - xy * xz) / determinant), 1)

    def _codes(self, traces: Tensor, recorded: Tensor) -> Tensor:
        """(events, longest, traces * code); elements without a record get zeros, and cost nothing but in an exported graph, whose work is fixed."""
        size = self.settings.traces * self.settings.code
        if torch.jit.is_tracing():
            every = self.encoder(traces.reshape(-1, 1, self.settings.samples)).reshape(-1, recorded.shape[1], size)
            return torch.where(recorded[..., None], every, 0.0)
        codes = traces.new_zeros(*recorded.shape, size)
        codes[recorded] = self.encoder(traces[recorded].reshape(-1, 1, self.settings.samples)).reshape(-1, size).to(codes.dtype)
        return codes


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = self.qkv(self.before(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, mask)
        x = x + self.joined(mixed.transpose(1, 2).flatten(2))
        found: Tensor = x + self.inner(self.between(x))
        return found
