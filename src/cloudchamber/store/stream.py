"""Stream a store that is larger than memory in shuffled batches, with one thread that reads ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table, concatenate, events_in
from cloudchamber.store.read import Store

BUFFER_EVENTS, BUFFER_BYTES = 32_768, 192 * 1024**2
BLOCK_EVENTS = 512
_SMALL_BLOCK = 64


def stream(
    store: Store,
    columns: Sequence[str] | None,
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    block_events: int | None = None,
    buffer_events: int | None = None,
    shuffle: bool = True,
    events: tuple[int, int] | np.ndarray | None = None,
) -> Generator[Table, None, None]:
    """Batches of one epoch: every event of ``events`` exactly once, ``batch_size`` each, the last one perhaps smaller.

    ``events`` is a tuple (first, stop), an array of rising event numbers, or by default all. Blocks of ``block_events`` neighbours come in random order into a
    buffer of at most ``buffer_events`` (or one block), and each buffer is shuffled. By default a buffer holds 32,768 events, or less where they would take
    more than 192 MB, and a block 512, or so few that batches mix where neighbours in the store may be alike.
    The order depends on ``seed``, ``epoch`` and the arguments alone. Two buffers are in memory. An error while reading is raised here; stopping early ends
    the thread.
    """
    names = list(store.schema.columns if columns is None else store.schema.select(columns))
    if not names:
        raise ValueError(f"name at least one column; the store has: {', '.join(store.schema.columns)}")
    if buffer_events is None:
        buffer_events = max(1, min(BUFFER_EVENTS, int(BUFFER_BYTES / max(store.event_bytes(names), 1.0))))
    for name, number in (("batch_size", batch_size), ("block_events", block_events), ("buffer_events", buffer_events)):
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    if block_events is None:
        block_events = _block_events(store, batch_size, buffer_events) if shuffle else BLOCK_EVENTS
    read: Callable[[np.ndarray], Table]
    if isinstance(events, np.ndarray):
        index = store.check_index(events)
        if not len(index):
            raise ValueError("events holds no event number: name at least one")
        blocks, read = _blocks_of(store, block_events, index), partial(_read_index, store, names, index)
    else:
        first, stop = events or (0, store.n_events)
        if not 0 <= first < stop <= store.n_events:
            raise ValueError(f"events ({first}, {stop}) must rise within the store's {store.n_events} events")
        blocks = _blocks(store, block_events, first, stop)
        # many calls for small pieces take longer than reading their neighbours too
        read = partial(_read_ranges, store, names) if block_events >= _SMALL_BLOCK else partial(_read_index, store, names, None)
    generator = rng(seed, "stream", epoch) if shuffle else None
    if generator is not None:
        blocks = blocks[generator.permutation(len(blocks))]
    return _batches(read, _buffers(blocks, buffer_events), batch_size, generator)


def _block_events(store: Store, batch_size: int, buffer_events: int) -> int:
    """Where neighbours are alike, blocks of m in a buffer make the variance of a batch's mean larger by 1 + (m - 1) * batch / buffer: here at most 1/8."""
    return BLOCK_EVENTS if store.dataset.order == "random" else max(1, min(BLOCK_EVENTS, buffer_events // (8 * batch_size)))


def _blocks(store: Store, block_events: int, first: int, stop: int) -> np.ndarray:
    """(blocks, 2): neighbouring events, cut within each shard at multiples of ``block_events`` from its start, so that they fall on whole HDF5 chunks."""
    parts = [np.empty((0, 2), np.int64)]
    for start, end in pairwise(int(offset) for offset in store.offsets):
        lows = np.arange(start, end, block_events)
        parts.append(np.stack([np.maximum(lows, first), np.minimum(np.minimum(lows + block_events, end), stop)], axis=1))
    blocks = np.concatenate(parts)
    return blocks[blocks[:, 0] < blocks[:, 1]]


def _blocks_of(store: Store, block_events: int, index: np.ndarray) -> np.ndarray:
    """(blocks, 2): the same blocks as places in ``index``, without the empty ones."""
    edges = np.flatnonzero(np.diff(store.block_starts(index, block_events))) + 1
    return np.stack([np.append(0, edges), np.append(edges, len(index))], axis=1)


def _buffers(blocks: np.ndarray, buffer_events: int) -> list[np.ndarray]:
    """Blocks that fill one buffer each, in the order of the file within it; a block larger than the buffer stands alone."""
    edges, filled = [0], 0
    for number, size in enumerate((blocks[:, 1] - blocks[:, 0]).tolist()):
        if filled and filled + size > buffer_events:
            edges.append(number)
            filled = 0
        filled += size
    buffers = [blocks[low:high] for low, high in pairwise([*edges, len(blocks)])]
    return [buffer[np.argsort(buffer[:, 0])] for buffer in buffers]


def _read_ranges(store: Store, names: list[str], blocks: np.ndarray) -> Table:
    return store.read_ranges(names, blocks.tolist())


def _read_index(store: Store, names: list[str], index: np.ndarray | None, blocks: np.ndarray) -> Table:
    """The events of blocks of places in ``index``, or of event numbers."""
    lengths = blocks[:, 1] - blocks[:, 0]
    places = np.repeat(blocks[:, 0] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    return store.read_events(names, places if index is None else index[places])


def _batches(
    read: Callable[[np.ndarray], Table], buffers: list[np.ndarray], batch_size: int, generator: np.random.Generator | None
) -> Generator[Table, None, None]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-stream") as reader:
        pending = reader.submit(read, buffers[0])
        rest: list[Table] = []
        for following in [*buffers[1:], None]:
            table = pending.result()
            if following is not None:
                pending = reader.submit(read, following)
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
