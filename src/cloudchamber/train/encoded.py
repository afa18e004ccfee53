"""A store's events as flat numbers for a network: in memory where they fit, else encoded batch by batch from a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.schema import Ragged, Schema, Table, take
from cloudchamber.store.read import Store
from cloudchamber.store.stream import stream

if TYPE_CHECKING:
    from torch import Tensor

    from cloudchamber.models.recipe import Recipe
    from cloudchamber.nn.codec import Codec
    from cloudchamber.train.batches import Batches

CHUNK_EVENTS = 16_384
CHUNK_BYTES = 2**28
"""Events are encoded in chunks of at most so many events and bytes."""


@dataclass(frozen=True)
class Encoded:
    """The events of a store as a recipe's networks see them, (target, given), about ``event_bytes`` each; ``codecs`` are those of given and target.

    ``raw_bytes`` is what an event fills on the way, as columns padded to the largest set.
    """

    store: Store
    recipe: Recipe
    codecs: tuple[Codec, Codec]
    event_bytes: int
    raw_bytes: int

    @classmethod
    def of(cls, store: Store, recipe: Recipe, codecs: tuple[Codec, Codec], sample: Table) -> Encoded:
        """The size of an event is that of the largest set of ``sample``."""
        from cloudchamber.nn.tensors import to_tensors

        largest = largest_sets(sample)
        parts = encode(store.schema, largest, recipe, codecs)
        columns = to_tensors(largest, store.schema.select((*recipe.given, *recipe.target))).values()
        return cls(store, recipe, codecs, 4 * sum(part.shape[1] for part in parts), sum(values[0].nbytes for values in columns))

    def size(self, part: np.ndarray) -> int:
        """Bytes that the events ``part`` of the store fill."""
        return len(part) * self.event_bytes

    def batches(self, part: np.ndarray, seed: int, memory: float) -> Batches:
        """Batches of the events ``part`` (rising numbers) from memory if it fits into ``memory`` bytes, else from a stream."""
        from cloudchamber.train.batches import StreamBatches, TensorBatches

        batch_size, columns = self.recipe.fit.batch_size, (*self.recipe.given, *self.recipe.target)
        if self.size(part) <= memory:
            return TensorBatches(*self.in_memory(part), batch_size, seed)

        def epoch(number: int) -> Iterator[Table]:
            return stream(self.store, columns, batch_size, seed, number, events=part, buffer_events=self.chunk(2 * CHUNK_EVENTS))

        return StreamBatches(epoch, lambda table: encode(self.store.schema, table, self.recipe, self.codecs), -(-len(part) // batch_size))

    def in_memory(self, part: np.ndarray) -> tuple[Tensor, Tensor]:
        """The whole ``part``, read in chunks so that the raw columns are never in memory as a whole; zeros fill up narrower chunks of sets."""
        columns = (*self.recipe.given, *self.recipe.target)
        edges = [*range(0, len(part), self.chunk(CHUNK_EVENTS)), len(part)]
        target: Tensor | None = None
        given: Tensor | None = None
        for low, high in pairwise(edges):
            table = self.store.read_events(columns, part[low:high])
            parts = encode(self.store.schema, table, self.recipe, self.codecs)
            events, rows = len(part), slice(low, high)
            target, given = _filled(target, events, rows, parts[0]), _filled(given, events, rows, parts[1])
        assert target is not None and given is not None
        return target, given

    def chunk(self, events: int) -> int:
        """``events``, or fewer where these are large."""
        return max(1, min(events, CHUNK_BYTES // max(self.event_bytes, self.raw_bytes)))


def _filled(whole: Tensor | None, events: int, rows: slice, part: Tensor) -> Tensor:
    """``whole``, (events, width), with ``part`` in its ``rows``; made when first needed and made anew where ``part`` is wider.

    Collecting the parts and joining them would take the memory twice.
    """
    import torch

    if whole is None or part.shape[1] > whole.shape[1]:
        wider = torch.zeros(events, part.shape[1])
        if whole is not None:
            wider[: rows.start, : whole.shape[1]] = whole[: rows.start]
        whole = wider
    whole[rows, : part.shape[1]] = part
    return whole


def largest_sets(table: Table) -> Table:
    """The events of ``table`` that hold the largest sets, or the first one."""
    largest = {int(np.argmax(np.diff(values.offsets))) for values in table.values() if isinstance(values, Ragged)}
    return take(table, np.array(sorted(largest or {0})))


def encode(schema: Schema, table: Table, recipe: Recipe, codecs: tuple[Codec, Codec]) -> tuple[Tensor, Tensor]:
    """Flat (target, given) of a table."""
    import torch

    from cloudchamber.nn.tensors import to_tensors

    given = to_tensors(table, schema.select(recipe.given))
    target = to_tensors(table, schema.select(recipe.target))
    with torch.no_grad():
        return codecs[1].encode(target, given).float(), codecs[0].encode(given, {}).float()
