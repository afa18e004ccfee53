"""Simulate events block by block, in as many processes as wanted, into an event store or memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cloudchamber.atomic import refuse_place
from cloudchamber.formats.options import need_file
from cloudchamber.formats.tables import read_table
from cloudchamber.parallel.blocks import Block, BlockJob, Destination, part_of, simulate_block
from cloudchamber.parallel.executors import Where, check_executor, run
from cloudchamber.progress import Progress, quiet
from cloudchamber.schema import Table, check_table, concatenate, digest, events_in
from cloudchamber.store.read import Store
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import JointSimulator, LimitedSimulator, ReadySimulator, Simulator, Study, find_study, make_simulator, simulator_settings
from cloudchamber.workflow.tasks import MOST_EVENTS, not_negative

BLOCK_EVENTS = 1000
LIVE_EVENTS = 200


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
    executor: Where = None,
    theta: Table | Path | str | None = None,
    progress: Progress = quiet,
    partial: bool = False,
    read: Mapping[str, Any] | None = None,
) -> Simulated:
    """Simulate ``n`` events of a study into the event store ``out``; after an interruption the same call makes the missing blocks only.

    The events depend on ``seed``, ``simulator``, ``settings``, ``theta`` and ``block_events``, not on ``workers`` or the ``executor`` (processes where none
    is given; its workers write into ``out``, so on a cluster that is a shared folder).
    ``theta``, a table or a file of it, replaces the prior: one event each, read by the simulator's columns with the options
    ``read`` of its format; ``partial`` takes what there is of a store that lacks blocks.
    """
    study = find_study(study) if isinstance(study, str) else study
    model = make_simulator(study, simulator, settings)
    need_file(read, theta)
    refuse_place(Path(out))
    if isinstance(model, ReadySimulator):
        model.ready()
    if isinstance(theta, (str, Path)):
        theta = read_table(Path(theta), study, own_first=False, partial=partial, schema=model.schema, read=read)
    if theta is not None:
        theta = check_table(theta, model.schema.theta, extra=True)
        if isinstance(model, LimitedSimulator):
            model.check(theta)
        if n not in (None, events_in(theta)):
            raise ValueError(f"give either n or theta: n is {n}, and theta holds {events_in(theta)} events")
        n = events_in(theta)
    if n is None or n < 1 or block_events < 1 or workers < 1:
        raise ValueError(f"events, events in a block and workers must be at least 1, got n={n}, block_events={block_events}, workers={workers}")
    if n > MOST_EVENTS:
        raise ValueError(f"events must be at most {MOST_EVENTS}, got n={n}")
    not_negative(seed)
    check_executor(executor)
    described = {**simulator_settings(model), "block_events": block_events, **({"theta_digest": digest(theta)} if theta is not None else {})}
    if theta is None and isinstance(model, JointSimulator):
        # stores of versions that drew theta first have other records: they must not be continued
        described["drawn"] = "jointly"
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
        progress(0, total, "")
        for events in _write_blocks(writer, model, seed, blocks, theta, min(workers, max(len(blocks), 1)), executor):
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
        return concatenate([simulate_block(simulator, seed, block, part_of(theta, block)) for block in blocks])
    with TemporaryDirectory() as folder, StoreWriter(folder, simulator.schema, purpose, {}, seed) as writer:
        for _ in _write_blocks(writer, simulator, seed, blocks, theta, workers, None):
            pass
        return Store(folder).read()


def _write_blocks(
    writer: StoreWriter, simulator: Simulator, seed: int, blocks: Sequence[Block], theta: Table | None, workers: int, executor: Where
) -> Iterator[int]:
    """Events of each block as it is done. Workers that see the folder write into it: one that is killed while it sends a large result would hang a pool."""
    with Destination(writer) as destination:
        jobs = (BlockJob(destination, simulator, seed, block, part_of(theta, block)) for block in blocks)
        for job, table in run(BlockJob.done, jobs, executor, workers):
            yield destination.take(job.block, table)
