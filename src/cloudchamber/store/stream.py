"""Stream a store that is larger than memory in shuffled batches, with one thread that reads ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table, concatenate, events_in
from cloudchamber.store.read import Store

Range: TypeAlias = tuple[int, int]
BUFFER_EVENTS, BUFFER_BYTES = 32_768, 192 * 1024**2


def stream(
    store: Store,
    columns: Sequence[str] | None,
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    block_events: int = 512,
    buffer_events: int | None = None,
    shuffle: bool = True,
    events: tuple[int, int] | None = None,
) -> Generator[Table, None, None]:
    """Batches of one epoch: every event of ``events`` (first, stop; default: all) exactly once, ``batch_size`` each, the last one perhaps smaller.

    Blocks of ``block_events`` neighbours come in random order into a buffer of at most ``buffer_events`` (or one block), and each buffer is shuffled.
    By default a buffer holds 32,768 events, or less where they would take more than 192 MB.
    The order depends on ``seed``, ``epoch`` and the arguments alone. Two buffers are in memory. An error while reading is raised here; stopping early ends
    the thread.
    """
    names = list(store.schema.columns if columns is None else store.schema.select(columns))
    if not names:
        raise ValueError(f"name at least one column; the store has: {', '.join(store.schema.columns)}")
    if buffer_events is None:
        buffer_events = max(1, min(BUFFER_EVENTS, int(BUFFER_BYTES / max(store.event_bytes(names), 1.0))))
    for name, number in (("batch_size", batch_size), ("block_events", block_events), ("buffer_events", buffer_events)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    first, stop = events or (0, store.n_events)
    if not 0 <= first < stop <= store.n_events:
        raise ValueError(f"events ({first}, {stop}) must rise within the store's {store.n_events} events")
    blocks = list(_blocks(store, block_events, first, stop))
    generator = rng(seed, "stream", epoch) if shuffle else None
    if generator is not None:
        blocks = [blocks[i] for i in generator.permutation(len(blocks))]
    return _batches(store, names, list(_buffers(blocks, buffer_events)), batch_size, generator)


def _blocks(store: Store, block_events: int, first: int, stop: int) -> Iterator[Range]:
    """Neighbouring events, cut within each shard at multiples of ``block_events`` from its start, so that they fall on whole HDF5 chunks."""
    for start, end in pairwise(int(offset) for offset in store.offsets):
        for edge in range(start, end, block_events):
            low, high = max(edge, first), min(edge + block_events, end, stop)
            if low < high:
                yield low, high


def _buffers(blocks: list[Range], buffer_events: int) -> Iterator[list[Range]]:
    """Blocks that fill one buffer each, in the order of the file within it; a block larger than the buffer stands alone."""
    buffer: list[Range] = []
    filled = 0
    for low, high in blocks:
        if buffer and filled + high - low > buffer_events:
            yield sorted(buffer)
            buffer, filled = [], 0
        buffer.append((low, high))
        filled += high - low
    yield sorted(buffer)


def _batches(
    store: Store, names: list[str], buffers: list[list[Range]], batch_size: int, generator: np.random.Generator | None
) -> Generator[Table, None, None]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-stream") as reader:
        pending = reader.submit(store.read_ranges, names, buffers[0])
        rest: list[Table] = []
        for following in [*buffers[1:], None]:
            table = pending.result()
            if following is not None:
                pending = reader.submit(store.read_ranges, names, following)
            count, positions = events_in(table), _positions(table)
            order = np.arange(count) if generator is None else generator.permutation(count)
            # events that did not fill the last batch of one buffer open the first batch of the next
            start = -events_in(rest[0]) if rest else 0
            for edge in range(start, count, batch_size):
                batch = _take(table, positions, order[max(edge, 0) : edge + batch_size])
                if rest:
                    batch, rest = concatenate([*rest, batch]), []
                if events_in(batch) < batch_size and following is not None:
                    rest = [batch]
                else:
                    yield batch


def _positions(table: Table) -> dict[str, Ragged]:
    """For each ragged column the positions of its values; columns whose events have the same lengths share them, so that a batch looks them up once."""
    positions: dict[str, Ragged] = {}
    for name, values in table.items():
        if isinstance(values, Ragged):
            same = next((each for each in positions.values() if np.array_equal(each.offsets, values.offsets)), None)
            positions[name] = Ragged(np.arange(values.offsets[-1]), values.offsets) if same is None else same
    return positions


def _take(table: Table, positions: dict[str, Ragged], index: np.ndarray) -> Table:
    """The events of ``table`` at ``index``."""
    chosen = {key: each[index] for key, each in {id(each): each for each in positions.values()}.items()}
    batch: Table = {}
    for name, values in table.items():
        if isinstance(values, Ragged):
            places = chosen[id(positions[name])]
            batch[name] = Ragged(values.values[places.values], places.offsets)
        else:
            batch[name] = values[index]
    return batch
