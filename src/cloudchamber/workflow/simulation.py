"""Simulate events block by block, in as many processes as wanted, into an event store or memory."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cloudchamber.formats.tables import read_table
from cloudchamber.progress import Progress, quiet
from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table, concatenate, digest, events_in, take
from cloudchamber.store.read import Store
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import Simulator, Study, find_study, make_simulator, simulator_settings

BLOCK_EVENTS = 1000
LIVE_EVENTS = 200
MOST_IN_FLIGHT = 1000


class WorkerLostError(RuntimeError):
    """A worker process died, of a kill or of too little memory."""


@dataclass(frozen=True)
class Block:
    """The events ``first`` to ``stop``, simulated with random numbers of their own; ``words`` keep blocks of the same number apart."""

    number: int
    first: int
    stop: int
    words: tuple[str, ...] = ()

    @property
    def events(self) -> int:
        """The number of events."""
        return self.stop - self.first


@dataclass(frozen=True)
class Simulated:
    """What one call of ``simulate`` did: the events it made, out of all in the folder, and its time."""

    folder: Path
    events: int
    new_events: int
    seconds: float

    @property
    def rate(self) -> float:
        """New events per second."""
        return self.new_events / self.seconds if self.seconds > 0 else 0.0


def simulate(
    study: Study | str,
    out: Path | str,
    n: int | None = None,
    *,
    seed: int = 1,
    simulator: str | None = None,
    settings: Mapping[str, Any] | None = None,
    workers: int = 1,
    block_events: int = BLOCK_EVENTS,
    executor: Executor | None = None,
    theta: Table | Path | str | None = None,
    progress: Progress = quiet,
    partial: bool = False,
) -> Simulated:
    """Simulate ``n`` events of a study into the event store ``out``; after an interruption the same call makes the missing blocks only.

    The events depend on ``seed``, ``simulator``, ``settings``, ``theta`` and ``block_events``, not on ``workers`` or the ``executor`` (processes where none
    is given; its workers write into ``out``, so on a cluster that is a shared folder).
    ``theta``, a table or a file of it, replaces the prior: one event each; ``partial`` takes what there is of a store that lacks blocks.
    """
    study = find_study(study) if isinstance(study, str) else study
    model = make_simulator(study, simulator, settings)
    if isinstance(theta, (str, Path)):
        theta = read_table(Path(theta), study, own_first=False, partial=partial)
    if theta is not None:
        theta = check_table(theta, model.schema.theta, extra=True)
        n = events_in(theta)
    if n is None or n < 1 or block_events < 1 or workers < 1:
        raise ValueError(f"events, events in a block and workers must be at least 1, got n={n}, block_events={block_events}, workers={workers}")
    described = {**simulator_settings(model), "block_events": block_events, **({"theta_digest": digest(theta)} if theta is not None else {})}
    first = next(iter(study.simulators))
    words, count = stream_words(model, theta, None if simulator in (None, first) else simulator, block_events), -(-n // block_events)
    start, made = time.perf_counter(), 0
    # an absolute path, because a cluster's workers start in folders of their own
    with StoreWriter(
        Path(out).resolve(), model.schema, simulator or first, described, seed, events=n, blocks=count, order="random" if theta is None else "given"
    ) as writer:
        # a store that holds more keeps its last block's length
        stop = max(n, writer.dataset.events or 0)
        blocks = [Block(block, block_events * block, min(block_events * (block + 1), stop), words) for block in writer.missing(count)]
        total = sum(block.events for block in blocks)
        for events in _write_blocks(writer, model, seed, blocks, theta, workers, executor):
            made += events
            progress(made, total, "")
    return Simulated(Path(out), n, made, time.perf_counter() - start)


def stream_words(simulator: Simulator, theta: Table | None = None, name: str | None = None, block_events: int = BLOCK_EVENTS) -> tuple[str, ...]:
    """What keeps the random numbers of simulations of one seed apart.

    The simulator's ``name`` where it is not the study's first, settings other than its defaults, the whole ``theta`` that was given, and unusual blocks.
    """
    settings = simulator_settings(simulator)
    try:
        changed = _changes(settings, simulator_settings(type(simulator)()))
    except (TypeError, ValueError):
        changed = settings
    return (
        *([f"simulator {name}"] if name is not None else []),
        *([f"settings {json.dumps(changed, sort_keys=True)}"] if changed else []),
        *([f"theta {digest(theta)}"] if theta is not None else []),
        *([f"blocks of {block_events}"] if block_events != BLOCK_EVENTS else []),
    )


def _changes(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from the defaults; of parts of the same kind only what differs in them."""
    changed = {}
    for name, value in settings.items():
        default = defaults.get(name)
        if name not in defaults or value != default:
            alike = isinstance(value, dict) and isinstance(default, dict) and set(value) == set(default) and value.get("kind") == default.get("kind")
            changed[name] = _changes(value, default) if alike and default is not None else value
    return changed


def live_events(simulator: Simulator, n: int, seed: int, workers: int = 1, theta: Table | None = None, purpose: str = "truth") -> Table:
    """``n`` events of theta and x in memory; ``purpose`` keeps them apart from a store's events of the same seed."""
    theta = None if theta is None else check_table(theta, simulator.schema.theta)
    words = (purpose, *stream_words(simulator, theta))
    blocks = [Block(number, first, min(first + LIVE_EVENTS, n), words) for number, first in enumerate(range(0, n, LIVE_EVENTS))]
    if workers == 1:
        return concatenate([simulate_block(simulator, seed, block, _part(theta, block)) for block in blocks])
    with TemporaryDirectory() as folder, StoreWriter(folder, simulator.schema, purpose, {}, seed) as writer:
        for _ in _write_blocks(writer, simulator, seed, blocks, theta, workers, None):
            pass
        return Store(folder).read()


def simulate_block(simulator: Simulator, seed: int, block: Block, theta: Table | None = None) -> Table:
    """The checked theta and x of one block, from the block's own random numbers."""
    schema = simulator.schema
    words: tuple[int | str, ...] = (*block.words, block.number)
    theta = check_table(simulator.prior(block.events, rng(seed, "theta", *words)) if theta is None else theta, schema.theta)
    return {**theta, **check_table(simulator.simulate(theta, rng(seed, "x", *words)), schema.x)}


def write_block(writer: StoreWriter, simulator: Simulator, seed: int, block: Block, theta: Table | None) -> int:
    """Simulate and write one block; gives its number of events. RuntimeError, with the block's number, where the simulator breaks down."""
    try:
        table = simulate_block(simulator, seed, block, theta)
    except RuntimeError as error:
        raise RuntimeError(f"block {block.number}, events {block.first} to {block.stop - 1}: {error}") from error
    writer.write_block(block.number, table)
    return block.events


def _part(theta: Table | None, block: Block) -> Table | None:
    return None if theta is None else take(theta, slice(block.first, block.stop))


def _write_blocks(
    writer: StoreWriter, simulator: Simulator, seed: int, blocks: Sequence[Block], theta: Table | None, workers: int, executor: Executor | None
) -> Iterator[int]:
    """Events of each block as it is done. Workers write the files themselves: one that is killed while it sends a large result would hang the pool."""
    if executor is not None:
        yield from _in_flight(executor, ((writer, simulator, seed, block, _part(theta, block)) for block in blocks))
    elif workers == 1 or len(blocks) < 2:
        for block in blocks:
            yield write_block(writer, simulator, seed, block, _part(theta, block))
    else:
        # spawned, not forked: threads of numba and BLAS do not survive a fork
        pool = ProcessPoolExecutor(min(workers, len(blocks)), multiprocessing.get_context("spawn"), initializer=_end_with_parent, initargs=(os.getpid(),))
        try:
            yield from _write_blocks(writer, simulator, seed, blocks, theta, workers, pool)
        except BrokenProcessPool as error:
            raise WorkerLostError(
                "a worker process was killed (out of memory?); finished blocks are kept: "
                "run the same command again to make the rest, with fewer workers if memory is short"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent(parent: int) -> None:
    """Have a worker end soon after the process that started it: one that is killed cannot tell its workers to stop."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_flight(executor: Executor, jobs: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    """Results of ``write_block`` as they come, with a limited number of blocks handed in: each may carry its part of theta."""
    running: set[Future[int]] = set()
    queue = iter(jobs)
    while True:
        while len(running) < MOST_IN_FLIGHT and (job := next(queue, None)) is not None:
            running.add(executor.submit(write_block, *job))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
