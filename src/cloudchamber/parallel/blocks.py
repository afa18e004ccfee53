"""A block of events: simulated from its own random numbers, written by whoever can reach the store."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table, events_in, take
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import JointSimulator, Simulator


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

    def __str__(self) -> str:
        return f"block {self.number}, events {self.first} to {self.stop - 1}"


def part_of(theta: Table | None, block: Block) -> Table | None:
    """The block's own events of a table of all."""
    return None if theta is None else take(theta, slice(block.first, block.stop))


def simulate_block(simulator: Simulator, seed: int, block: Block, theta: Table | None = None) -> Table:
    """The checked theta and x of one block, from the block's own random numbers; RuntimeError says which block broke down."""
    schema = simulator.schema
    words: tuple[int | str, ...] = (*block.words, block.number)
    try:
        if theta is None and isinstance(simulator, JointSimulator):
            theta, x = simulator.joint(block.events, rng(seed, "theta", *words))
            return {**check_table(theta, schema.theta), **check_table(x, schema.x)}
        theta = check_table(simulator.prior(block.events, rng(seed, "theta", *words)) if theta is None else theta, schema.theta)
        return {**theta, **check_table(simulator.simulate(theta, rng(seed, "x", *words)), schema.x)}
    except RuntimeError as error:
        raise RuntimeError(f"{block}: {error}") from error


@dataclass(frozen=True)
class Destination:
    """A store that workers write into where they see its folder; elsewhere they send the block back."""

    writer: StoreWriter
    mark: str = field(default_factory=lambda: f".shared-{secrets.token_hex(8)}")

    def __enter__(self) -> Destination:
        for left in self.writer.folder.glob(".shared-*"):
            left.unlink(missing_ok=True)
        (self.writer.folder / self.mark).touch()
        return self

    def __exit__(self, *error: object) -> None:
        (self.writer.folder / self.mark).unlink(missing_ok=True)

    def take(self, block: Block, table: Table | None) -> int:
        """Write a block that was sent back; gives its number of events."""
        if table is not None:
            self.writer.write_block(block.number, table)
            return events_in(table)
        return block.events


@dataclass(frozen=True)
class BlockJob:
    """All that a worker needs to make a block."""

    destination: Destination
    simulator: Simulator
    seed: int
    block: Block
    theta: Table | None

    def done(self) -> Table | None:
        """Simulate: None once the block is written, else the block itself."""
        table = simulate_block(self.simulator, self.seed, self.block, self.theta)
        writer = self.destination.writer
        if not (writer.folder / self.destination.mark).exists():
            return table
        writer.write_block(self.block.number, table)
        return None

    def __str__(self) -> str:
        return f"{self.block}, seed {self.seed}"
