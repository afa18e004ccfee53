"""Sets as flat numbers: chunks and streams of different widths hold the same events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cloudchamber.models.recipe import Recipe
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.store.read import Store
from cloudchamber.study import find_study
from cloudchamber.train import encoded as encoding
from cloudchamber.train.batches import StreamBatches, TensorBatches
from cloudchamber.train.encoded import Encoded, largest_sets


@pytest.fixture
def source(hits: Path) -> Encoded:
    recipe: Recipe = find_study("toy_sets").recipe("classes")
    store = Store(hits)
    sample = store.read()
    given, target = store.schema.select(recipe.given), store.schema.select(recipe.target)
    codecs = recipe.given_codec.build(given), recipe.target_codec.build(target)
    codecs[0].fit(to_tensors(sample, given), {})
    codecs[1].fit(to_tensors(sample, target), to_tensors(sample, given))
    return Encoded.of(store, recipe, codecs, sample)


def test_an_event_is_as_large_as_the_largest_set(source: Encoded) -> None:
    most = int(np.diff(source.store.read(["time_us"])["time_us"].offsets).max())
    assert source.event_bytes == 4 * (2 + 3 * most)
    assert source.size(np.arange(10, 20)) == 10 * source.event_bytes
    assert len(largest_sets({"a": np.arange(5)})["a"]) == 1


def test_chunks_are_filled_up_to_the_widest(source: Encoded, monkeypatch: pytest.MonkeyPatch) -> None:
    target, given = source.in_memory(np.arange(100))
    monkeypatch.setattr(encoding, "CHUNK_BYTES", 7 * source.event_bytes)
    assert source.chunk(50) == 7
    small = source.in_memory(np.arange(100))
    torch.testing.assert_close(small, (target, given), rtol=0, atol=0)
    assert len(given) == 100 and given.shape[1] == 3 * int(np.diff(source.store.read(["time_us"], slice(0, 100))["time_us"].offsets).max())


def test_what_does_not_fit_is_streamed_with_the_same_events(source: Encoded) -> None:
    source = replace(source, recipe=replace(source.recipe, fit=replace(source.recipe.fit, batch_size=32)))
    part = np.delete(np.arange(20, 121), 50)
    memory, streamed = source.batches(part, 1, source.size(part)), source.batches(part, 1, source.size(part) - 1)
    assert isinstance(memory, TensorBatches) and isinstance(streamed, StreamBatches) and memory.steps == streamed.steps == 4

    def hits_of(batches: TensorBatches | StreamBatches) -> list[float]:
        return sorted(float(event.sum()) for _, given in batches.epoch(1) for event in given)

    np.testing.assert_allclose(hits_of(memory), hits_of(streamed), rtol=1e-4, atol=1e-4)
    assert len({given.shape[1] for _, given in streamed.epoch(1)}) > 1
