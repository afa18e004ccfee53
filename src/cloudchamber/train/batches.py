"""Batches of (target, given), from memory or from a stream of tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from cloudchamber.rng import rng
from cloudchamber.schema import Table


class Batches(Protocol):
    """Gives each epoch's (target, given) pairs; ``epoch(n)`` is the same whenever it is asked for."""

    @property
    def steps(self) -> int:
        """The number of batches in an epoch."""
        ...

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch: target (batch, target_size), given (batch, given_size)."""
        ...


class TensorBatches:
    """Shuffled batches of ``target`` (events, target_size) and ``given`` (events, given_size) in memory.

    Every event comes once an epoch, in batches whose sizes differ by one at most, so that no batch is too small for a mean.
    """

    def __init__(self, target: Tensor, given: Tensor, batch_size: int, seed: int) -> None:
        if len(target) == 0 or len(target) != len(given):
            raise ValueError(f"target and given need the same number of events, at least one; got {len(target)} and {len(given)}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.target, self.given, self.seed = target, given, seed
        self.steps = math.ceil(len(target) / batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch, in an order that only ``seed`` and ``number`` decide."""
        order = rng(self.seed, "epoch", number).permutation(len(self.target))
        for chosen in np.array_split(order, self.steps):
            index = torch.from_numpy(chosen).to(self.target.device)
            yield self.target[index], self.given[index]


class StreamBatches:
    """Batches from a stream of tables larger than memory.

    ``stream(epoch)`` iterates over ``steps`` tables, one a batch; ``encode(table)`` gives their (target, given).
    """

    def __init__(self, stream: Callable[[int], Iterator[Table]], encode: Callable[[Table], tuple[Tensor, Tensor]], steps: int) -> None:
        if steps < 1:
            raise ValueError(f"a stream needs at least one batch an epoch, got steps={steps}")
        self.stream, self.encode, self.steps = stream, encode, steps

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch; ValueError where the stream gives more or fewer than ``steps``."""
        count = 0
        for table in self.stream(number):
            count += 1
            if count > self.steps:
                break
            yield self.encode(table)
        if count != self.steps:
            given = f"more than {self.steps}" if count > self.steps else str(count)
            raise ValueError(f"epoch {number}: the stream gave {given} batches, steps={self.steps} promised; set steps to what the stream gives")
