"""What a store is meant to hold, what it lacks, and who may write into it."""

from __future__ import annotations

import gc
import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cloudchamber.atomic import FolderInUseError
from cloudchamber.schema import Column, Ragged, Schema
from cloudchamber.store import Store, StoreWriter

SCHEMA = Schema(x={"a": Column(), "hits": Column(ragged=True)})
BLOCK = 10


def opened(folder: Path, events: int | None = None, seed: int = 0, **options: Any) -> StoreWriter:
    blocks = None if events is None else -(-events // BLOCK)
    return StoreWriter(folder, SCHEMA, "toy", {"block_events": BLOCK}, seed, **{"events": events, "blocks": blocks} | options)


def fill(writer: StoreWriter, blocks: list[int], events: int = BLOCK) -> None:
    for block in blocks:
        writer.write_block(block, {"a": np.full(events, block), "hits": Ragged(np.zeros(events), np.arange(events + 1))})


def test_a_store_says_what_it_is_meant_to_hold(tmp_path: Path) -> None:
    with opened(tmp_path, 40, order="random") as writer:
        fill(writer, [0, 2, 3])
    store = Store(tmp_path)
    assert (store.n_intended, store.dataset.blocks, store.dataset.order, store.missing_blocks) == (40, 4, "random", [1])
    with pytest.raises(ValueError) as error:
        store.refuse_gaps()
    assert str(error.value) == (
        f"'{tmp_path}' holds 3 of 4 blocks (block 1 is missing): run the same command that made it again, or use what is there with --partial (partial=True)"
    )
    store.refuse_gaps(partial=True)
    with opened(tmp_path, 40) as writer:
        fill(writer, writer.missing(4))
    Store(tmp_path).refuse_gaps()
    assert Store(tmp_path).dataset.order == "random"


def test_an_unknown_number_counts_up_to_the_highest_block(tmp_path: Path) -> None:
    with opened(tmp_path) as writer:
        fill(writer, [1, 9])
    store = Store(tmp_path)
    assert (store.n_intended, store.missing_blocks, store.dataset.order) == (None, [0, *range(2, 9)], "unknown")
    with pytest.raises(ValueError, match=r"holds 2 of 10 blocks \(blocks 0, 2, 3, 4, 5 and 3 others are missing\)"):
        store.refuse_gaps()


@pytest.mark.parametrize("events", [None, 40])
def test_a_store_without_events_is_refused_even_in_part(tmp_path: Path, events: int | None) -> None:
    opened(tmp_path, events).close()
    for partial in (False, True):
        with pytest.raises(ValueError, match="holds no events"):
            Store(tmp_path).refuse_gaps(partial)


def test_a_store_grows_and_keeps_its_shards(tmp_path: Path) -> None:
    with opened(tmp_path, 20) as writer:
        fill(writer, [0, 1])
    identity = Store(tmp_path).dataset.identity
    opened(tmp_path, 35).close()
    store = Store(tmp_path)
    assert (store.n_intended, store.missing_blocks, store.blocks, store.dataset.identity) == (35, [2, 3], [0, 1], identity)


@pytest.mark.parametrize(("there", "asked", "events"), [([0], 15, 15), ([0, 1], 15, 40), ([3], 20, 40), ([0, 1], 20, 20), ([], 10, 10)])
def test_fewer_are_intended_only_where_no_event_is_beyond(tmp_path: Path, there: list[int], asked: int, events: int) -> None:
    with opened(tmp_path, 40) as writer:
        fill(writer, there)
    with opened(tmp_path, asked) as writer:
        assert writer.dataset.events == events
    assert Store(tmp_path).n_intended == events


def test_a_short_last_block_does_not_grow_and_nothing_changes(tmp_path: Path) -> None:
    with opened(tmp_path, 15) as writer:
        fill(writer, [0])
        fill(writer, [1], 5)
    before = (tmp_path / "dataset.json").read_bytes()
    for asked in (20, 40):
        with pytest.raises(ValueError, match=r"block 1 of .* holds 5 events: only a store of a multiple of 10 can grow"):
            opened(tmp_path, asked)
    assert (tmp_path / "dataset.json").read_bytes() == before
    opened(tmp_path, 15).close()


def test_version_1_is_read_but_not_continued(tmp_path: Path) -> None:
    with opened(tmp_path) as writer:
        fill(writer, [0])
    path = tmp_path / "dataset.json"
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({k: v for k, v in data.items() if k not in ("events", "blocks", "order", "sha256")} | {"format_version": 1}, indent=1) + "\n")
    assert Store(tmp_path).read()["a"].tolist() == [0] * BLOCK
    assert Store(tmp_path).dataset.order == "random"
    with pytest.raises(ValueError, match="made by an earlier version, whose random numbers were others: it can be read, but not continued; simulate into"):
        opened(tmp_path)
    with pytest.raises(ValueError, match="holds another dataset"):
        opened(tmp_path, seed=1)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    with pytest.raises(FolderInUseError, match=f"is being written by 'StoreWriter of toy', process {os.getpid()} on"):
        opened(tmp_path)
    with pytest.raises(ValueError, match="holds another dataset"):
        opened(tmp_path, seed=1)
    writer.close()
    with opened(tmp_path) as second:
        # closing twice leaves the second's lock alone
        writer.close()
        with pytest.raises(FolderInUseError):
            opened(tmp_path)
        fill(second, [0])
    with pytest.raises(ValueError, match="is closed: open another StoreWriter to write block 1"):
        fill(second, [1])
    opened(tmp_path).close()


def test_a_lock_ends_with_its_writer(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    del writer
    gc.collect()
    writer = opened(tmp_path)
    code = f"""
from cloudchamber.store import Store, StoreWriter
writer = StoreWriter({str(tmp_path)!r}, Store({str(tmp_path)!r}).schema, 'toy', {{'block_events': 10}}, 0)
"""
    blocked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert blocked.returncode == 1 and "FolderInUseError" in blocked.stderr
    writer.close()
    # one that is never closed, and ends quietly
    quiet = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert not (tmp_path / ".holder.json").exists()
    killed = subprocess.run([sys.executable, "-c", code + "import os; os.kill(os.getpid(), 9)"], timeout=60)
    assert killed.returncode == -9
    opened(tmp_path).close()


def test_copies_hold_nothing_and_end_nothing(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    copy = pickle.loads(pickle.dumps(writer))
    fill(copy, [1])
    copy.close()
    del copy
    gc.collect()
    with pytest.raises(FolderInUseError):
        opened(tmp_path)
    code = f"""
import gc, os
from cloudchamber.store import Store, StoreWriter
writer = StoreWriter({str(tmp_path)!r} + "/other", Store({str(tmp_path)!r}).schema, "toy", {{}}, 0)
if (child := os.fork()) == 0:
    writer.close()
    del writer
    gc.collect()
    os._exit(0)
os.waitpid(child, 0)
try:
    StoreWriter(writer.folder, writer.dataset.schema, "toy", {{}}, 0)
except RuntimeError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "is being written by 'StoreWriter of toy'" in found.stdout and found.stderr == ""


def test_only_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    with opened(tmp_path):
        host = json.loads((tmp_path / ".holder.json").read_bytes())["host"]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    writers = {"dead": f"{host}-{gone.pid}", "living": f"{host}-{os.getppid()}", "elsewhere": f"{host}x-{gone.pid}"}
    names = {kind: tmp_path / f".shard-000001.h5.{who}-0123abcd.tmp.h5" for kind, who in writers.items()}
    for path in names.values():
        path.write_bytes(b"half")
    with opened(tmp_path) as writer:
        assert {kind for kind, path in names.items() if path.exists()} == {"living", "elsewhere"}
        assert writer.missing(2) == [0, 1]
        names["dead"].write_bytes(b"half")
    assert {kind for kind, path in names.items() if path.exists()} == {"living", "elsewhere"}
    assert Store(tmp_path).blocks == []


def test_files_have_the_ordinary_permissions(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with opened(tmp_path, 10) as writer:
            fill(writer, [0])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) == {"dataset.json", "shard-000000.h5", ".lock", ".holder.json"}
    assert set(modes.values()) == {0o644}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with opened(tmp_path, 10) as writer:
        fill(writer, [0])
    return Store(tmp_path)


def expect_refusal(path: Path, call: Any) -> None:
    with pytest.raises(PermissionError) as error:
        call()
    assert str(error.value) == f"'{path}' may not be read: ask its owner for permission"


def test_a_shard_that_may_not_be_read_is_not_called_broken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = store.folder / "shard-000000.h5", Path.open

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    for call in (lambda: Store(store.folder), store.verify, store.read):
        expect_refusal(path, call)


def test_hdf5_that_may_not_read_is_not_called_broken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Unable to open file")

    monkeypatch.setattr(h5py, "File", refuse)
    expect_refusal(store.folder / "shard-000000.h5", store.read)


def test_a_folder_that_may_not_be_listed_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    expect_refusal(store.folder, lambda: Store(store.folder))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
@pytest.mark.parametrize("name", ["dataset.json", "shard-000000.h5"])
def test_real_permissions(store: Store, name: str) -> None:
    (store.folder / name).chmod(0)
    expect_refusal(store.folder / name, lambda: Store(store.folder).read())
