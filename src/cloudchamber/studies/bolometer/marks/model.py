"""The network of hits: how often they come, what they leave, and what of it each bolometer sees, learned one given the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.flow import Flow
from cloudchamber.models.heads import one_hot_draw
from cloudchamber.models.recipe import ModelSettings
from cloudchamber.nn.mlp import MLP
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.marks.codec import KNOWN
from cloudchamber.studies.bolometer.marks.layout import Layout, Place, rank

CONDITIONS = 2
"""Given numbers before the families: phi and thickness."""
EDGES = 2
"""Numbers that tell how far from the edge a hit is."""
STATES = 2
"""Heights of all bolometers together may be lower by a factor, as those of hits in the frame."""
COARSE = 20
"""Depths are told apart so coarsely where hits are too few for more."""
SHARPNESS = 10.0
"""Logits are so many times the tables' numbers: most depths have one state alone, and an optimiser's step is to bring it near to certain."""
DISTANCES = 3
"""Numbers that tell how far away a hit is."""


@dataclass(frozen=True)
class MarkNetworks:
    """Settings of the networks of a hit's marks, in the order of ``MarksCodec``.

    Arrivals are Poisson's, with a rate that a network has of phi; places are uniform. The deposit's normal number is the ``deposit`` model's, given phi,
    thickness, family and how far from the edge the hit is: there, paths are shorter.
    Each bolometer's height per keV, with its scatter, and its exponentials' shares are two networks' of ``layers`` of ``hidden`` units, given how far away the
    hit is, whether this bolometer is hit, thickness and family; all heights together may be lower where the hit is near the wafer's edge: of ``depths`` equal
    steps from edge to centre each has a probability of its own.
    """

    layout: Layout
    deposit: ModelSettings = Flow(transforms=1, bins=24, hidden=64, layers=2, passes=None, randperm=False, linear=False, affine=True)
    hidden: int = 32
    layers: int = 2
    depths: int = 1000

    def build(self, target_size: int, given_size: int) -> MarkModel:
        """The model for so many numbers."""
        bolometers = self.layout.bolometers
        constants = (target_size - KNOWN) // bolometers - 1
        if given_size != CONDITIONS + len(FAMILIES) or constants < 1 or target_size != KNOWN + bolometers * (1 + constants):
            raise ValueError(
                f"the networks of hits are given phi, thickness and family, {CONDITIONS + len(FAMILIES)} numbers, for {KNOWN} marks and those of {bolometers} "
                f"bolometers; got {given_size} given and {target_size} target numbers"
            )
        return MarkModel(self, given_size, constants)


class Seen(NamedTuple):
    """What bolometers see of hits: ln height and its width (hits, bolometers), ln shares (hits, bolometers, constants); of each state the log
    probability and what it adds to all heights, (hits, states)."""

    mean: Tensor
    log_width: Tensor
    log_share: Tensor
    log_state: Tensor
    lift: Tensor


class MarkModel(ConditionalModel):
    """See ``MarkNetworks``. Its three networks share no weights, so each learns on its own."""

    def __init__(self, settings: MarkNetworks, given_size: int, constants: int) -> None:
        super().__init__()
        self.layout, self.constants, bolometers = settings.layout, constants, settings.layout.bolometers
        self.target_size, self.given_size = KNOWN + bolometers * (1 + constants), given_size
        self.rate = MLP(1, 1, 16, 1)
        self.deposit = settings.deposit.build(1, given_size + EDGES)
        self.heights = Heights(settings, constants)
        # time and place; deposit; state; heights
        self.noise_size = 4 + self.deposit.noise_size + 1 + bolometers

    def forward(self, given: Tensor) -> MarkDistribution:
        return MarkDistribution(self, given)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        """The negative mean log density of time, of the deposit and of heights, these with the cross-entropy of the shares."""
        time, normal, deposit, heights, shares = self.split(target)
        log_rate = self.log_rate(given)
        yield self.rate, (log_rate.exp() * time[:, 0] - log_rate).mean()
        yield self.deposit, -self.deposit(with_edge(given, self.layout.inside(normal))).log_prob(deposit).mean()
        yield self.heights, self.heights.loss(heights, shares, self.layout.place(normal, given[:, CONDITIONS:]), given)

    def validation_loss(self, target: Tensor, given: Tensor) -> Tensor:
        """The sum."""
        return torch.stack([loss for _, loss in self.losses(target, given)]).sum()

    def split(self, flat: Tensor) -> tuple[Tensor, ...]:
        """Time, place, deposit, heights and shares."""
        bolometers = self.layout.bolometers
        return flat.split((1, 3, 1, bolometers, bolometers * self.constants), 1)

    def log_rate(self, given: Tensor) -> Tensor:
        """ln of the rate times the mean waiting time of all training events, (hits,)."""
        found: Tensor = self.rate(given[:, :1])
        return found[:, 0]


def with_edge(given: Tensor, inside: Tensor) -> Tensor:
    """What deposits are given, (hits, given + ``EDGES``): ``inside`` is ``Layout.inside``'s."""
    return torch.cat((given, inside.sqrt()[:, None], 0.3 * (inside + 0.003).log()[:, None]), 1)


class Heights(nn.Module):
    """What each bolometer sees of a hit, by distance and depth."""

    def __init__(self, settings: MarkNetworks, constants: int) -> None:
        super().__init__()
        self.layout = settings.layout
        size = DISTANCES + 3 + len(FAMILIES)
        # apart, as a height's density outweighs the shares' cross-entropy a hundred times
        self.gain = MLP(size, 2, settings.hidden, settings.layers)
        self.share = MLP(size, constants, settings.hidden, settings.layers)
        self.lift = nn.Parameter(torch.linspace(0.0, -1.0, STATES).repeat(len(FAMILIES), 1))
        self.coarse, self.fine = (nn.Parameter(torch.zeros(steps, STATES)) for steps in (COARSE, settings.depths))

    def loss(self, heights: Tensor, shares: Tensor, place: Place, given: Tensor) -> Tensor:
        """The negative mean log density of heights (hits, bolometers), and the cross-entropy of the ``shares``."""
        seen = self(place, given)
        pull = (heights[:, None] - seen.mean[:, None] - seen.lift[..., None]) * (-seen.log_width[:, None]).exp()
        density = (seen.log_state - 0.5 * pull.square().sum(-1)).logsumexp(1) - seen.log_width.sum(1)
        return -(density + (shares.unflatten(1, seen.log_share.shape[1:]) * seen.log_share).sum((1, 2))).mean()

    def forward(self, place: Place, given: Tensor) -> Seen:
        """Of hits at a ``place``."""
        struck = self.layout.one_hot(place.bolometer)
        mean, log_width, log_share = self.at(self.layout.distances_mm(place), struck, given[:, None].expand(-1, self.layout.bolometers, -1))
        log_state, lift = self.lifted(self.layout.depth(place), given[:, CONDITIONS:])
        return Seen(mean, log_width, log_share, log_state, lift)

    def at(self, distance_mm: Tensor, struck: Tensor, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of one bolometer: ln height and its width, (...), and ln shares (..., constants), at (...) distances, ``given`` (..., given)."""
        pitches = distance_mm / self.layout.pitch_mm
        known = torch.stack((pitches / 3, torch.log1p(pitches), (-pitches).exp(), struck, struck * distance_mm, given[..., 1]), -1)
        known = torch.cat((known, given[..., CONDITIONS:]), -1)
        mean, log_width = self.gain(known).unbind(-1)
        return mean, log_width.clamp(-7.0, 3.0), self.share(known).log_softmax(-1)

    def lifted(self, depth: Tensor, family: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities of the states at a depth (hits,) from the wafer's edge, and what each adds, (hits, states)."""
        coarse, fine = (table[(depth * len(table)).long().clamp(0, len(table) - 1)] for table in (self.coarse, self.fine))
        return (SHARPNESS * (coarse + fine)).log_softmax(1), family @ self.lift


class MarkDistribution(Distribution):
    """Hits at some conditions; sampled only, as shares of the exponentials follow from the place."""

    def __init__(self, model: MarkModel, given: Tensor) -> None:
        self.model, self.given = model, given

    def sample(self, noise: Tensor) -> Tensor:
        model = self.model
        time, normal, deposit, state, scatter = noise.split((1, 3, model.deposit.noise_size, 1, model.layout.bolometers), 1)
        waiting = -(1 - rank(time[:, 0])).log() * (-model.log_rate(self.given)).exp()
        seen: Seen = model.heights(model.layout.place(normal, self.given[:, CONDITIONS:]), self.given)
        lift = (one_hot_draw(seen.log_state.exp(), state[:, 0]) * seen.lift).sum(1)
        heights = seen.mean + lift[:, None] + seen.log_width.exp() * scatter
        deposits = model.deposit.generate(deposit, with_edge(self.given, model.layout.inside(normal)))
        return torch.cat((waiting[:, None], normal, deposits, heights, seen.log_share.exp().flatten(1)), 1)
