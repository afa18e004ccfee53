"""Blocks appear complete or not at all, and an interrupted store resumes to the same bytes."""

from __future__ import annotations

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Column, Ragged, Schema, Table
from cloudchamber.store import Store, StoreWriter

SCHEMA = Schema(
    theta={"energy_ev": Column(unit="eV", dtype="float64", low=1e15, high=1e20), "primary": Column(categories=("proton", "iron"))},
    x={"profile": Column(shape=(200,), unit="particles"), "hits_m": Column(shape=(2,), unit="m", ragged=True)},
)
SETTINGS = {"step_g_cm2": 10.0, "model": "Sibyll23d", "edges": (0, 1)}
SEED = 7
BLOCKS = 4
EVENTS = 300


def make_block(block: int, events: int = EVENTS) -> Table:
    """A block of made-up events that depends on the seed and the block alone."""
    draw = rng(SEED, "block", block)
    lengths = draw.integers(0, 5, events)
    profile = draw.normal(1.0, 0.1, (events, 200)) * (np.arange(200) < draw.integers(80, 200, events)[:, None])
    return {
        "energy_ev": 10 ** draw.uniform(17, 19, events),
        "primary": draw.integers(0, 2, events),
        "profile": profile.astype(np.float32),
        "hits_m": Ragged(draw.normal(size=(lengths.sum(), 2)).astype(np.float32), np.concatenate([[0], np.cumsum(lengths)])),
    }


def writer(folder: Path) -> StoreWriter:
    return StoreWriter(folder, SCHEMA, "toy", SETTINGS, SEED)


def files(folder: Path) -> dict[str, bytes]:
    """All but the lock, which has nothing to do with the events."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name not in (".lock", ".holder.json")}


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a store that nothing interrupted."""
    folder = tmp_path_factory.mktemp("complete")
    with writer(folder) as store:
        for block in store.missing(BLOCKS):
            store.write_block(block, make_block(block))
    return files(folder)


def test_files_of_a_store(complete: dict[str, bytes]) -> None:
    assert list(complete) == ["dataset.json", *(f"shard-{block:06d}.h5" for block in range(BLOCKS))]
    data = json.loads(complete["dataset.json"])
    assert (data["simulator"], data["seed"], data["settings"]["step_g_cm2"], data["format_version"]) == ("toy", SEED, 10.0, 2)
    assert Schema.from_json(data["schema"]) == SCHEMA


def test_missing_blocks_and_any_order(tmp_path: Path, complete: dict[str, bytes]) -> None:
    with writer(tmp_path) as store:
        assert store.missing(BLOCKS) == [0, 1, 2, 3]
        store.write_block(2, make_block(2))
    store = writer(tmp_path)
    assert store.missing(BLOCKS) == [0, 1, 3]
    assert store.missing(2) == [0, 1]
    for block in (3, 0, 1):
        store.write_block(block, make_block(block))
    assert store.missing(BLOCKS) == []
    assert files(tmp_path) == complete


def test_a_pickled_writer_writes_beside_its_parent(tmp_path: Path) -> None:
    store = writer(tmp_path)
    pickle.loads(pickle.dumps(store)).write_block(1, make_block(1))
    assert store.missing(2) == [0]


def run_child(folder: Path, prologue: str = "") -> subprocess.Popen[bytes]:
    """Write all missing blocks in another process, after ``prologue``."""
    code = f"""
import importlib.util, os, resource, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("toy_store", {str(Path(__file__))!r})
toy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toy)
{prologue}
with toy.writer(Path({str(folder)!r})) as store:
    for block in store.missing(toy.BLOCKS):
        store.write_block(block, toy.make_block(block))
"""
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, stderr=subprocess.PIPE)


HALF_WRITTEN = """
sync = os.fsync
def die(handle):
    path = os.readlink(f"/proc/self/fd/{handle}")
    if path.rsplit("/", 1)[-1].startswith(".shard-000002"):
        os.truncate(path, 20_000)
        os.kill(os.getpid(), signal.SIGKILL)
    sync(handle)
os.fsync = die
"""
NOT_RENAMED = """
rename = Path.replace
def die(path, target):
    if "shard-000002" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, target)
Path.replace = die
"""


@pytest.mark.parametrize("moment", [HALF_WRITTEN, NOT_RENAMED], ids=["half written", "not renamed"])
def test_kill_9_while_writing_then_resume_gives_the_same_bytes(tmp_path: Path, complete: dict[str, bytes], moment: str) -> None:
    child = run_child(tmp_path, moment)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    left = list(tmp_path.glob(".shard-000002.h5.*.tmp.h5"))
    assert len(left) == 1
    assert (left[0].stat().st_size == 20_000) == (moment == HALF_WRITTEN)
    assert Store(tmp_path).blocks == [0, 1]
    with writer(tmp_path) as store:
        assert not list(tmp_path.glob("*.tmp*"))
        assert store.missing(BLOCKS) == [2, 3]
        for block in store.missing(BLOCKS):
            store.write_block(block, make_block(block))
    assert files(tmp_path) == complete


def test_kill_9_at_any_moment_then_resume_gives_the_same_bytes(tmp_path: Path, complete: dict[str, bytes]) -> None:
    child = run_child(tmp_path)
    while not list(tmp_path.glob("*shard-*")) and child.poll() is None:
        time.sleep(1e-4)
    child.kill()
    child.communicate(timeout=60)
    again = run_child(tmp_path)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 0, said.decode()
    assert files(tmp_path) == complete


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 8}, "seed: 7 there, 8 now"),
        ({"simulator": "other"}, "simulator: toy there, other now"),
        ({"settings": {**SETTINGS, "model": "EPOS"}}, "setting 'model': Sibyll23d there, EPOS now"),
        ({"settings": {**SETTINGS, "extra": 1}}, "setting 'extra': absent there, 1 now"),
        ({"schema": Schema(SCHEMA.theta, {"profile": SCHEMA.x["profile"]})}, "schema column 'hits_m' of x"),
        (
            {"schema": Schema({**SCHEMA.theta, "energy_ev": Column(dtype="float64", unit="GeV", low=1e15, high=1e20)}, SCHEMA.x)},
            "schema column 'energy_ev' of theta",
        ),
    ],
    ids=["seed", "simulator", "setting", "new setting", "column gone", "other unit"],
)
def test_resume_refuses_another_dataset_and_says_what_differs(tmp_path: Path, change: dict, named: str) -> None:
    writer(tmp_path)
    arguments = {"schema": SCHEMA, "simulator": "toy", "settings": SETTINGS, "seed": SEED} | change
    with pytest.raises(ValueError, match="holds another dataset") as error:
        StoreWriter(tmp_path, **arguments)
    assert named in str(error.value)
    assert str(error.value).count(" there, ") == 1


def test_resume_accepts_better_words_in_the_schema(tmp_path: Path) -> None:
    writer(tmp_path).write_block(0, make_block(0))
    words = Schema(SCHEMA.theta, {**SCHEMA.x, "profile": Column(shape=(200,), unit="particles", doc="charged particles")})
    assert StoreWriter(tmp_path, words, "toy", SETTINGS, SEED).missing(2) == [1]


def test_shard_of_another_dataset_is_refused(tmp_path: Path) -> None:
    other = StoreWriter(tmp_path / "other", SCHEMA, "toy", SETTINGS, seed=8)
    other.write_block(1, make_block(1))
    store = writer(tmp_path / "mine")
    (tmp_path / "other/shard-000001.h5").rename(tmp_path / "mine/shard-000001.h5")
    with pytest.raises(ValueError, match=r"shard-000001.h5 belongs to another dataset"):
        store.missing(2)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"energy_ev": np.full(EVENTS, 1e21)}, ValueError, r"'energy_ev': 1e\+21 in event 0 is outside"),
        ({"primary": np.zeros(EVENTS - 1, int)}, ValueError, "'primary' has 299 events"),
        ({"profile": np.full((EVENTS, 200), np.nan)}, ValueError, "'profile' holds 60000 NaN"),
        ({"profile": np.zeros((EVENTS, 100))}, ValueError, r"'profile' must have shape \(events, 200\)"),
        ({"hits_m": np.zeros((EVENTS, 2))}, TypeError, "'hits_m' is ragged"),
        ({"hits": 1}, ValueError, "unknown column 'hits'"),
    ],
)
def test_a_bad_table_writes_nothing(tmp_path: Path, change: dict, error: type[Exception], words: str) -> None:
    store = writer(tmp_path)
    with pytest.raises(error, match=words):
        store.write_block(0, make_block(0) | change)
    assert list(files(tmp_path)) == ["dataset.json"]


def test_negative_and_fractional_blocks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="block number must not be negative, got -1"):
        writer(tmp_path).write_block(-1, make_block(0))
    with pytest.raises(TypeError):
        writer(tmp_path).write_block(1.5, make_block(0))  # type: ignore[arg-type]


def test_disk_full_names_the_file_and_keeps_the_rest(tmp_path: Path, complete: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    store = writer(tmp_path)
    store.write_block(0, make_block(0))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device.*make room.*shard-000001.h5") as error:
            store.write_block(1, make_block(1))
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(tmp_path / "shard-000001.h5")
    assert list(files(tmp_path)) == ["dataset.json", "shard-000000.h5"]
    Store(tmp_path).verify()
    for block in store.missing(BLOCKS):
        store.write_block(block, make_block(block))
    assert files(tmp_path) == complete


def test_a_real_file_size_limit(tmp_path: Path) -> None:
    """The kernel refuses the bytes: what a quota does."""
    writer(tmp_path).write_block(0, make_block(0))
    child = run_child(tmp_path, "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))")
    _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    assert f"{tmp_path}/shard-000001.h5" in said.decode()
    assert "File too large" in said.decode()
    assert list(files(tmp_path)) == ["dataset.json", "shard-000000.h5"]
    Store(tmp_path).verify()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    store = writer(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=r"shard-000000.h5"):
            store.write_block(0, make_block(0))
    finally:
        tmp_path.chmod(0o700)


def test_profiles_take_less_room_than_raw(complete: dict[str, bytes]) -> None:
    assert len(complete["shard-000000.h5"]) < 0.75 * make_block(0)["profile"].nbytes
