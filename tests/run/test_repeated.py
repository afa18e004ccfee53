"""Events that a file holds twice are found, and what says too little to be told apart is not."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.run.repeated import Repeats
from cloudchamber.schema import Column, Ragged, Table, take

IMAGES = {"light": Column((10,))}


def seen(*chunks: Table, columns: dict[str, Column]) -> Repeats:
    repeats = Repeats()
    for chunk in chunks:
        repeats.see(chunk, columns)
    return repeats


def test_an_event_of_an_earlier_chunk_is_named() -> None:
    table = {"light": np.random.default_rng(1).normal(size=(20, 10)).astype(np.float32)}
    found = seen(table, take(table, np.array([3, 5])), columns=IMAGES)
    assert (found.events, found.repeated, found.named) == (22, 2, "event 20 is event 3")
    with pytest.raises(ValueError, match=r"'a.h5': 2 of 22 events are an earlier one again \(event 20 is event 3\)"):
        found.refuse("'a.h5'")
    few = seen(*[{"light": np.random.default_rng(seed).normal(size=(100, 10))} for seed in (2, 3)], take(table, np.array([3, 3])), columns=IMAGES)
    assert few.repeated == 1
    few.refuse("one in 202 is let pass")


def test_what_says_little_may_repeat() -> None:
    random = np.random.default_rng(2)
    counts = {"light": np.zeros((50, 10)) + (random.random((50, 1)) < 0.5)}
    rounded = {"a": random.normal(size=500).round(2), "b": np.full(500, 1.23456789)}
    assert not seen(counts, columns=IMAGES).repeated
    assert not seen(rounded, columns={"a": Column(), "b": Column()}).repeated


def test_sets_repeat_as_a_whole() -> None:
    values = np.random.default_rng(3).normal(size=12)
    hits = Ragged(np.concatenate([values, values[:6], values[6:11]]), np.array([0, 6, 12, 18, 23]))
    found = seen({"hits": hits}, columns={"hits": Column(ragged=True)})
    assert (found.repeated, found.named) == (1, "event 2 is event 0")
