"""Every event once an epoch, in an order that the seed fixes, with bounded memory and no thread left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cloudchamber.schema import Column, Ragged, Schema, concatenate, events_in
from cloudchamber.store import Store, StoreWriter, stream

COUNTS = (300, 70, 1, 512, 117)
TOTAL = sum(COUNTS)
SCHEMA = Schema(theta={"number": Column(dtype="int64")}, x={"image": Column(shape=(40,)), "hits": Column(ragged=True)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    with StoreWriter(folder, SCHEMA, "toy", {}, 0) as writer:
        first = 0
        for block, events in enumerate(COUNTS):
            number = np.arange(first, first + events)
            lengths = number % 4
            hits = Ragged(np.repeat(number, lengths), np.concatenate([[0], np.cumsum(lengths)]))
            writer.write_block(block, {"number": number, "image": np.repeat(number[:, None], 40, axis=1), "hits": hits})
            first += events
    return folder


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(folder)


def numbers(store: Store, seed: int = 1, epoch: int = 0, **options) -> np.ndarray:
    return np.concatenate([batch["number"] for batch in stream(store, ["number"], 32, seed, epoch, **options)])


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("store-stream")]


@pytest.mark.parametrize("block_events", [1, 7, 64, 5000])
@pytest.mark.parametrize("buffer_events", [1, 100, 5000])
@pytest.mark.parametrize("batch_size", [1, 33, 128, 5000])
def test_every_event_once_in_full_batches(store: Store, block_events: int, buffer_events: int, batch_size: int) -> None:
    batches = list(stream(store, ["number"], batch_size, 1, 0, block_events=block_events, buffer_events=buffer_events, events=(250, 700)))
    assert sorted(np.concatenate([batch["number"] for batch in batches])) == list(range(250, 700))
    sizes = [events_in(batch) for batch in batches]
    assert set(sizes[:-1]) <= {batch_size}
    assert 1 <= sizes[-1] <= batch_size


def test_columns_stay_together(store: Store) -> None:
    whole = concatenate(list(stream(store, None, 50, 1, 0, block_events=16, buffer_events=200)))
    assert list(whole) == ["number", "image", "hits"]
    assert sorted(whole["number"]) == list(range(TOTAL))
    np.testing.assert_array_equal(whole["image"], np.repeat(whole["number"][:, None], 40, axis=1).astype(np.float32))
    for number, hits in zip(whole["number"], whole["hits"], strict=True):
        assert hits.tolist() == [number] * (number % 4)


def test_the_seed_and_the_epoch_fix_the_order(store: Store, folder: Path) -> None:
    order = numbers(store, block_events=16, buffer_events=128)
    np.testing.assert_array_equal(order, numbers(Store(folder), block_events=16, buffer_events=128))
    assert (order != numbers(store, epoch=1, block_events=16, buffer_events=128)).mean() > 0.9
    assert (order != numbers(store, seed=2, block_events=16, buffer_events=128)).mean() > 0.9


def test_the_order_is_well_mixed(store: Store) -> None:
    order = numbers(store, block_events=8, buffer_events=256)
    assert stats.spearmanr(order, np.arange(TOTAL)).pvalue > 1e-6
    # neighbours in the file are no longer neighbours in the stream: chance gives 2 of 1000
    assert (np.abs(np.diff(order)) == 1).sum() < 60


def test_without_shuffling_the_file_order_comes_back(store: Store) -> None:
    np.testing.assert_array_equal(numbers(store, shuffle=False, block_events=16, buffer_events=100), np.arange(TOTAL))


@pytest.mark.parametrize("block_events", [None, 1, 7, 64, 5000])
@pytest.mark.parametrize("buffer_events", [1, 100, 5000])
def test_chosen_events_once_in_full_batches(store: Store, block_events: int | None, buffer_events: int) -> None:
    chosen = np.flatnonzero(np.random.default_rng(0).random(TOTAL) < 0.4)
    batches = list(stream(store, None, 33, 1, 0, block_events=block_events, buffer_events=buffer_events, events=chosen))
    whole = concatenate(batches)
    np.testing.assert_array_equal(np.sort(whole["number"]), chosen)
    assert {events_in(batch) for batch in batches[:-1]} == {33}
    for number, image, hits in zip(whole["number"], whole["image"], whole["hits"], strict=True):
        assert set(image) == {number} and hits.tolist() == [number] * (number % 4)
    again = np.concatenate([b["number"] for b in stream(store, ["number"], 33, 1, 0, block_events=block_events, buffer_events=buffer_events, events=chosen)])
    np.testing.assert_array_equal(whole["number"], again)


def test_all_events_by_number_come_as_all_events(store: Store) -> None:
    np.testing.assert_array_equal(numbers(store, events=np.arange(TOTAL), block_events=64), numbers(store, block_events=64))
    np.testing.assert_array_equal(numbers(store, events=np.arange(250, 700), shuffle=False), np.arange(250, 700))


def spread_of_batch_means(folder: Path, order: str, batch_size: int, **options: int) -> tuple[float, int]:
    """Chi-square of the means of full batches of a sorted column against random batches, and its degrees of freedom."""
    events = 60_000
    if not (folder / "dataset.json").exists():
        with StoreWriter(folder, Schema(x={"a": Column(dtype="float64")}), "toy", {}, 0, order=order) as writer:
            for block in range(6):
                writer.write_block(block, {"a": np.arange(events).reshape(6, -1)[block] / events})
    means = [batch["a"].mean() for batch in stream(Store(folder), None, batch_size, 3, 0, **options) if events_in(batch) == batch_size]
    # drawn without replacement
    variance = 1 / 12 / batch_size * (events - batch_size) / (events - 1)
    return float(((np.array(means) - 0.5) ** 2).sum() / variance), len(means)


def test_batches_of_a_sorted_store_are_random_even_with_a_small_buffer(tmp_path: Path) -> None:
    found, batches = spread_of_batch_means(tmp_path, "unknown", 512, buffer_events=512)
    assert batches == 117
    assert 1e-6 < stats.chi2.cdf(found, batches - 1) < 1 - 1e-6
    # blocks of 512 are what made the spread large
    blocks, _ = spread_of_batch_means(tmp_path, "unknown", 512, buffer_events=512, block_events=512)
    assert blocks / batches > 100


@pytest.mark.parametrize("batch_size", [128, 512])
def test_batches_of_a_sorted_store_are_nearly_random_by_default(tmp_path: Path, batch_size: int) -> None:
    found, batches = spread_of_batch_means(tmp_path, "given", batch_size)
    inflation = 1 + 1 / 8
    assert stats.chi2.sf(found / inflation, batches - 1) > 1e-6
    assert stats.chi2.cdf(found, batches - 1) > 1e-6


def test_independent_neighbours_stay_together(tmp_path: Path) -> None:
    """Then whole chunks are read, as ever."""
    found, batches = spread_of_batch_means(tmp_path, "random", 512, buffer_events=512)
    assert found / batches > 100


def test_training_and_validation_share_no_event(store: Store) -> None:
    split = 900
    train, validation = numbers(store, events=(0, split)), numbers(store, events=(split, TOTAL))
    assert sorted(train) == list(range(split))
    assert sorted(validation) == list(range(split, TOTAL))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"block_events": 0}, "block_events must be at least 1"),
        ({"buffer_events": -1}, "buffer_events must be at least 1"),
        ({"events": (0, 1001)}, "within the store's 1000 events"),
        ({"events": (5, 5)}, "must rise"),
        ({"events": np.array([3, 1000])}, "event 1000 is outside the store's 0 to 999"),
        ({"events": np.array([3, 3])}, "must rise, each once: 3 follows 3"),
        ({"events": np.arange(0)}, "holds no event number"),
        ({"columns": ["energy"]}, "no column 'energy'"),
        ({"columns": []}, "name at least one column; the store has: number, image, hits"),
    ],
)
def test_wrong_questions_are_refused_at_once(store: Store, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stream(store, **{"columns": ["number"], "batch_size": 8, "seed": 1, "epoch": 0} | options)


def test_one_thread_that_ends_with_the_epoch(store: Store) -> None:
    seen = {len(reading_threads()) for _ in stream(store, None, 64, 1, 0, block_events=16, buffer_events=64)}
    assert seen == {1}
    assert reading_threads() == []


def test_stopping_early_ends_the_thread(store: Store) -> None:
    for _ in stream(store, None, 10, 1, 0, block_events=16, buffer_events=64):
        assert len(reading_threads()) == 1
        break
    assert reading_threads() == []


def test_an_error_of_the_consumer_ends_the_thread(store: Store) -> None:
    batches = stream(store, None, 10, 1, 0, block_events=16, buffer_events=64)
    with pytest.raises(ZeroDivisionError):
        for batch in batches:
            _ = events_in(batch) / 0
    batches.close()
    assert reading_threads() == []


def test_an_error_while_reading_ahead_is_raised_in_the_consumer(store: Store, tmp_path: Path) -> None:
    for path in store.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "shard-000003.h5"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    seen = 0
    with pytest.raises(ValueError, match=r"shard-000003.h5 does not match its checksum"):
        for batch in stream(Store(tmp_path), ["number"], 10, 1, 0, buffer_events=64, shuffle=False):
            seen += events_in(batch)
    assert 300 <= seen < 400
    assert reading_threads() == []


def test_memory_stays_near_two_buffers(tmp_path: Path) -> None:
    """96 MB through buffers of 4 MB; a process of its own, so that its peak is the stream's."""
    megabyte_events = 1024
    with StoreWriter(tmp_path, Schema(x={"image": Column(shape=(256,))}), "toy", {}, 0) as writer:
        for block in range(12):
            writer.write_block(block, {"image": np.random.default_rng(block).random((8 * megabyte_events, 256), dtype=np.float32)})
    code = f"""
from pathlib import Path
from cloudchamber.store import Store, stream
def peak():
    # ru_maxrss would count the parent's memory at the fork
    return next(int(line.split()[1]) / 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
store = Store({str(tmp_path)!r})
store.read(events=slice(0, 1))
before, events = peak(), 0
for batch in stream(store, None, 256, 1, 0, block_events=256, buffer_events=4 * {megabyte_events}):
    events += len(batch["image"])
assert events == 96 * {megabyte_events}, events
assert peak() - before < 24, (before, peak())
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, timeout=120)
