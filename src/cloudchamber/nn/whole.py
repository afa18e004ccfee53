"""Whole numbers as a network can learn them: spread over normal numbers by their own frequencies, and back without loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MOST_STEPS = 1024
"""A column of more values is cut into so many steps; within one all values are alike frequent."""
LARGEST = 2**24
"""Larger whole numbers have no exact float32."""
EDGE = 1e-6
NODES, MOST_INTEGRATED = 64, 4
"""Probabilities are means over so many places within the values' steps, of so many numbers at most."""


class WholeNumbers(nn.Module):
    """Whole numbers (events, size) to normal ones and back.

    The value k takes the normal numbers between the quantiles at which the training data's cumulative frequencies reach k and k + 1: all alike, a draw that is
    rounded down is a whole number, and what a network learns without any knowledge is the frequencies themselves.
    """

    edges: Tensor
    cumulative: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("edges", torch.arange(MOST_STEPS + 1.0).repeat(size, 1))
        self.register_buffer("cumulative", torch.ones(size, MOST_STEPS + 1))

    def fit(self, values: Tensor) -> None:
        """Take the frequencies of ``values`` (events, size)."""
        for entry in range(self.size):
            sorted_values = values[:, entry].double().sort().values
            low, high = int(sorted_values[0]), int(sorted_values[-1])
            if high - low < MOST_STEPS:
                steps = torch.arange(low, high + 2, dtype=torch.float64)
            else:
                places = torch.linspace(0, len(sorted_values) - 1, MOST_STEPS).long()
                steps = torch.cat((sorted_values[places], sorted_values[-1:] + 1)).unique()
            below = torch.searchsorted(sorted_values, steps).double()
            # a value that chance left out between others may still come
            share = (below + 0.5 * torch.arange(len(steps))) / (len(sorted_values) + 0.5 * (len(steps) - 1))
            beyond = MOST_STEPS + 1 - len(steps)
            self.edges[entry] = torch.cat((steps, steps[-1] + torch.arange(1, beyond + 1)))
            self.cumulative[entry] = torch.cat((share, torch.ones(beyond)))

    def encode(self, values: Tensor, within: Tensor) -> Tensor:
        """Normal numbers of ``values``, those within 0 to 1 of the step that ``within`` (events, size) says."""
        low, high = self._between(values)
        return torch.special.ndtri((low + within * (high - low)).clamp(EDGE, 1 - EDGE))

    def decode(self, normal: Tensor) -> Tensor:
        """Whole numbers."""
        # the normal distribution's integral in words that ONNX knows
        share = (0.5 * (1 + torch.erf(normal / math.sqrt(2)))).clamp(EDGE, 1 - EDGE)
        step = (share[..., None] >= self.cumulative).sum(-1).clamp(1, MOST_STEPS) - 1
        low, high = self._at(self.cumulative, step), self._at(self.cumulative, step + 1)
        first, after = self._at(self.edges, step), self._at(self.edges, step + 1)
        place = (share - low) / (high - low).clamp_min(1e-12) * (after - first)
        return torch.minimum(first + place.floor(), after - 1)

    def log_share(self, values: Tensor) -> Tensor:
        """ln of the frequency of each of ``values``, (events, size); -infinity where it never came."""
        low, high = self._between(values)
        return (high - low).log()

    def _between(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The cumulative frequencies below and up to each value."""
        return self._below(values), self._below(values + 1)

    def _below(self, values: Tensor) -> Tensor:
        step = (values[..., None] >= self.edges).sum(-1).clamp(1, MOST_STEPS) - 1
        first, after = self._at(self.edges, step), self._at(self.edges, step + 1)
        low, high = self._at(self.cumulative, step), self._at(self.cumulative, step + 1)
        return low + ((values - first) / (after - first)).clamp(0, 1) * (high - low)

    @staticmethod
    def _at(table: Tensor, step: Tensor) -> Tensor:
        return table.expand(len(step), *table.shape).gather(-1, step[..., None])[..., 0]


def places(numbers: int) -> Tensor:
    """Where to look within the steps of so many whole numbers, (places, numbers): evenly spread."""
    if numbers > MOST_INTEGRATED:
        raise ValueError(f"log_prob sums over the steps of at most {MOST_INTEGRATED} whole numbers an event, there are {numbers}: draw instead")
    if numbers == 1:
        return ((torch.arange(NODES) + 0.5) / NODES)[:, None]
    return torch.quasirandom.SobolEngine(numbers, scramble=True, seed=1).draw(4 * NODES)


def standard_log_density(normal: Tensor) -> Tensor:
    """Of each row of normal numbers, (events,)."""
    return -0.5 * (normal.square() + math.log(2 * math.pi)).sum(1)
