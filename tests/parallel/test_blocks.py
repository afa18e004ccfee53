"""Blocks of events: random numbers of their own, and where they are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.parallel.blocks import Block, BlockJob, Destination, part_of, simulate_block
from cloudchamber.schema import Table
from cloudchamber.store.read import Store
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import find_study

TOY = find_study("toy").simulator


def test_number_seed_and_words_keep_blocks_apart() -> None:
    one = Block(1, 20, 40)
    tables = [simulate_block(TOY, *each) for each in ((1, one), (1, Block(2, 20, 40)), (2, one), (1, Block(1, 20, 40, ("peer",))))]
    for i, first in enumerate(tables):
        for second in tables[:i]:
            assert not np.any(first["decay_time_us"] == second["decay_time_us"])
    # where a block begins is no part of its stream
    np.testing.assert_array_equal(simulate_block(TOY, 1, Block(1, 500, 520))["light"], tables[0]["light"])


def test_a_block_takes_its_own_theta_and_is_named_where_it_breaks_down() -> None:
    theta: Table = {"lifetime_us": np.linspace(1, 4, 50), "kind": np.zeros(50, int)}
    block = Block(2, 20, 30)
    mine = part_of(theta, block)
    np.testing.assert_allclose(simulate_block(TOY, 1, block, mine)["lifetime_us"], theta["lifetime_us"][20:30])
    assert part_of(None, block) is None

    class Broken(type(TOY)):  # type: ignore[misc]
        def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
            raise RuntimeError("the tube is dark")

    with pytest.raises(RuntimeError, match="block 2, events 20 to 29: the tube is dark"):
        simulate_block(Broken(), 1, block, mine)


def test_a_block_is_written_where_the_folder_is_seen_and_sent_back_elsewhere(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "a", TOY.schema, "decay", {}, 1) as writer:
        (tmp_path / "a" / ".shared-left").touch()
        destination = Destination(writer)
        job = BlockJob(destination, TOY, 1, Block(0, 0, 10), None)
        sent = job.done()
        assert sent is not None
        with destination:
            assert not (tmp_path / "a" / ".shared-left").exists()
            assert BlockJob(destination, TOY, 1, Block(1, 10, 20), None).done() is None
            assert destination.take(Block(1, 10, 20), None) == 10 and destination.take(Block(0, 0, 10), sent) == 10
    assert Store(tmp_path / "a").n_events == 20 and not list((tmp_path / "a").glob(".shared-*"))
