"""Networks on a set of directions with energies: `EventAnchors` scans the sky from the set's own members and cannot tell how the sky is turned."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import factorial, prod, sqrt
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

NUMBERS = 6
"""Of one member: x, y, z, ln energy, ln exposure, 1 (all 0 where there is none)."""
_ABSENT = -1e4
_LEAST_KERNEL = 1e-15
_LEAST_NOISE = 0.1
_STEPS = 20_000


@dataclass(frozen=True)
class EventAnchors:
    """Settings of a rotation-invariant network on sets of any length: learned templates, laid in ``angles`` directions at the ``anchors`` highest energies.

    About each anchor the others are summed under Gaussians of ``scales`` widths, ``width_rad`` halved again and again, times polynomials up to ``degree`` (at
    most 3) in the coordinate along a tangent direction, for each of the ``ln_energies`` between which energies are interpolated. A template is a learned sum
    of these, so additive over the members as ln(1 + f (r - 1)) is in a likelihood scan; ``layers`` layers of ``hidden`` numbers score it with the anchor's own
    energy, and the logarithm of the mean exponential score over anchors and directions is what the scan of a likelihood ratio comes to.
    """

    anchors: int = 256
    angles: int = 12
    degree: int = 2
    width_rad: float = 0.48
    scales: int = 4
    ln_energies: tuple[float, ...] = (-0.25, 0.1, 0.45, 0.85)
    hidden: int = 32
    layers: int = 2
    size: int = 4

    def build(self, given_size: int = NUMBERS) -> EventAnchorsBody:
        """The network for members of ``given_size`` numbers, which must be 6."""
        return EventAnchorsBody(self, given_size)


class EventAnchorsBody(nn.Module):
    """See ``EventAnchors``: (events, longest * 6) to (events, size).

    Each feature is in units of its own fluctuation under isotropy at the anchor's exposure, so that the length of the set and the exposure drop out to first
    order. The first tangent direction of an anchor is the gradient of the data there, not a direction of the coordinates: turning the sky changes nothing.
    A member enters its features through its presence alone as far as gradients go: presence times gradient is its relevance.
    """

    exponents: Tensor
    multinomial: Tensor
    expected: Tensor
    inverse_noise: Tensor
    ln_energies: Tensor
    circle: Tensor

    def __init__(self, settings: EventAnchors, given_size: int) -> None:
        super().__init__()
        if given_size != NUMBERS:
            raise ValueError(f"EventAnchors reads {NUMBERS} numbers a member (x, y, z, ln energy, ln exposure, presence), got {given_size}; check the codec")
        if min(settings.anchors, settings.angles, settings.scales, settings.hidden, settings.layers, settings.size) < 1 or not 1 <= settings.degree <= 3:
            raise ValueError(f"EventAnchors needs anchors, angles, scales, hidden, layers and size of at least 1 and a degree of 1 to 3, got {settings}")
        nodes = settings.ln_energies
        if len(nodes) < 2 or any(low >= high for low, high in pairwise(nodes)):
            raise ValueError(f"ln_energies must hold at least 2 rising values, got {nodes}")
        self.anchors, self.degree, self.size = settings.anchors, settings.degree, settings.size
        self.scales, self.width_rad, self.nodes = settings.scales, settings.width_rad, len(nodes)
        exponents = monomials(settings.degree)
        self.terms = [int((exponents.sum(1) == d).sum()) for d in range(settings.degree + 1)]
        expected, noise = isotropic_moments(settings.degree, [settings.width_rad / 2**k for k in range(settings.scales)])
        angles = torch.arange(settings.angles) * (2 * torch.pi / settings.angles)
        self.register_buffer("exponents", torch.from_numpy(exponents), persistent=False)
        self.register_buffer("multinomial", torch.tensor([factorial(sum(e)) / prod(map(factorial, e)) for e in exponents.tolist()]), persistent=False)
        self.register_buffer("expected", torch.from_numpy(expected / noise).float(), persistent=False)
        self.register_buffer("inverse_noise", torch.from_numpy(1 / noise[exponents.sum(1)]).float(), persistent=False)
        self.register_buffer("ln_energies", torch.tensor(nodes), persistent=False)
        self.register_buffer("circle", torch.stack((angles.cos(), angles.sin()), 1), persistent=False)
        features = settings.scales * len(nodes)
        self.template = nn.ParameterList(
            nn.Parameter(torch.randn(features, settings.hidden) / sqrt(features * (settings.degree + 1))) for _ in range(settings.degree + 1)
        )
        self.of_anchor = nn.Linear(len(nodes) + 1, settings.hidden)
        hidden = [layer for _ in range(settings.layers - 1) for layer in (nn.Linear(settings.hidden, settings.hidden), nn.ReLU())]
        self.score = nn.Sequential(nn.ReLU(), *hidden, nn.Linear(settings.hidden, settings.size))

    def forward(self, given: Tensor) -> Tensor:
        members = given.unflatten(1, (-1, NUMBERS))
        where, presence = members[..., :5].detach(), members[..., 5]
        # as many absent members as anchors, so that a short set has them all
        candidates = F.pad(members.detach(), (0, 0, 0, self.anchors))
        ranked = torch.where(candidates[..., 5] > 0, candidates[..., 3], _ABSENT)
        chosen = candidates.gather(1, ranked.topk(self.anchors, 1).indices[..., None].expand(-1, -1, NUMBERS))
        anchors, there = chosen[..., :5], chosen[..., 5]
        moments, total = self.moments(where, presence, anchors)
        along = self.powers(self.directions(anchors[..., :3], moments.detach())) * self.multinomial
        template = torch.cat([part @ weight for part, weight in zip(moments.split(self.terms, 2), self.template, strict=True)], 2)
        root = anchors[..., 4:].mul(0.5).exp()
        isotropic = torch.stack([part @ weight for part, weight in zip(total.unbind(1), self.template, strict=True)]).sum(0)
        kind = self.of_anchor(torch.cat((self.hats(anchors[..., 3]), anchors[..., 4:]), 2))
        scores = self.score(along @ template + (kind - root * isotropic[:, None])[:, :, None])
        scores = scores + (_ABSENT * (1 - there))[:, :, None, None]
        count = there.sum(1, keepdim=True).clamp_min(1) * along.shape[2]
        return cast(Tensor, scores.flatten(1, 2).logsumexp(1) - count.log())

    def moments(self, where: Tensor, presence: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Sums over members about each anchor (events, anchors, monomials, features) and what isotropy expects of each degree (events, degrees, features)."""
        x = where[..., :3]
        share = self.hats(where[..., 3]) * presence[..., None]
        # held, or presence times gradient would sum to nothing: the ratio does not change when all members count double
        share = share / share.detach().square().sum(1, keepdim=True).sqrt().clamp_min(_LEAST_NOISE)
        flux = share * where[..., 4:].neg().exp()
        numbers = (self.powers(x)[..., None] * flux[:, :, None]).flatten(2)
        kernel = ((anchors[..., :3] @ x.transpose(1, 2) - 1) / self.width_rad**2).exp_()
        sums = [kernel @ numbers]
        for _ in range(self.scales - 1):
            kernel = kernel.square_() if sums[-1].grad_fn is None else kernel.square()
            # smaller ones squared are numbers that processors are ten times as slow with; beside the anchor's own 1 these are nothing
            kernel.clamp_min_(_LEAST_KERNEL).square_()
            sums.append(kernel @ numbers)
        found = torch.stack(sums, 2).unflatten(3, (sum(self.terms), -1)).transpose(2, 3)
        found = found * self.inverse_noise[..., None] * anchors[..., 4, None, None, None].mul(0.5).exp()
        return found.flatten(3), (self.expected[..., None] * share.sum(1)[:, None, None]).flatten(2)

    def directions(self, anchors: Tensor, moments: Tensor) -> Tensor:
        """Tangent directions (events, anchors, angles, 3), evenly spaced from the first moment's under the widest Gaussian, which rounding hurts least."""
        gradient = moments[:, :, 1:4, : self.nodes].sum(3)
        # twice, as rounding leaves a part of the far larger radial component
        for _ in range(2):
            gradient = gradient - (gradient * anchors).sum(2, keepdim=True) * anchors
            gradient = gradient / gradient.norm(dim=2, keepdim=True).clamp_min(1e-20)
        first = gradient
        a, b = anchors.unbind(2), first.unbind(2)
        second = torch.stack((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]), 2)
        return self.circle[:, :1] * first[:, :, None] + self.circle[:, 1:] * second[:, :, None]

    def powers(self, vectors: Tensor) -> Tensor:
        """Monomials x^i y^j z^k of (..., 3) vectors, (..., monomials)."""
        ladder = [vectors]
        for _ in range(self.degree - 1):
            ladder.append(ladder[-1] * vectors)
        powers = F.pad(torch.stack(ladder, -1), (1, 0), value=1.0)
        x, y, z = (powers[..., axis, :].index_select(-1, self.exponents[:, axis]) for axis in range(3))
        return x * y * z

    def hats(self, ln_energy: Tensor) -> Tensor:
        """Weights of linear interpolation between ``ln_energies``, (..., nodes), constant beyond the ends; they sum to 1."""
        low, high = self.ln_energies[:-1], self.ln_energies[1:]
        passed = ((ln_energy[..., None] - low) / (high - low)).clamp(0, 1)
        return F.pad(passed, (1, 0), value=1.0) - F.pad(passed, (0, 1))


def monomials(degree: int) -> np.ndarray:
    """Exponents of x, y and z up to ``degree``, by rising degree: (monomials, 3)."""
    return np.array([(i, j, d - i - j) for d in range(degree + 1) for i in range(d, -1, -1) for j in range(d - i, -1, -1)])


def isotropic_moments(degree: int, widths_rad: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and root of the mean square, of exp(-(1 - cos r) / s^2) (sin r cos phi)^d over the sphere: each (degrees, widths).

    The mean of cos^d phi over the circle is (d - 1)!! / d!! for even d, and 0 for odd d.
    """
    distance = (np.arange(_STEPS) + 0.5) * (np.pi / _STEPS)
    sine, weight = np.sin(distance), np.sin(distance) * np.pi / (2 * _STEPS)
    circle = {0: 1.0, 2: 1 / 2, 4: 3 / 8, 6: 5 / 16}
    gaussian = np.exp((np.cos(distance) - 1) / np.square(widths_rad)[:, None])
    mean = [circle.get(d, 0.0) * (gaussian * sine**d) @ weight for d in range(degree + 1)]
    square = [circle[2 * d] * (gaussian * sine**d) ** 2 @ weight for d in range(degree + 1)]
    return np.array(mean), np.sqrt(square)
