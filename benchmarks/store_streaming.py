"""Shuffled streaming of station records that do not fit into memory: MB/s and resident memory beside raw reading, h5py, zarr and numpy's memmap.

Every way of reading runs in a process of its own, after the files were dropped from the page cache; "dense" counts an event as an array of 7 x 7 stations, two
layers and 256 samples of uint16, 50 kB, of which the store keeps only the stations with a record. The dense files hold ``--dense-events`` of the same events,
since 1e6 of them fill 50 GB. Blocks of 64 events are shuffled for all dense formats, as training from them would.

$ python benchmarks/store_streaming.py                                   # 1e6 events, 9.4 GB, and 1 GB a dense format
$ python benchmarks/store_streaming.py --events 100000 --python PYTHON_WITH_ZARR
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIDE, LAYERS, BINS = 7, 2, 256
DENSE_BYTES = SIDE * SIDE * LAYERS * BINS * 2
BLOCK_EVENTS, DENSE_BLOCK, BATCH = 10_000, 64, 512


@dataclass(frozen=True)
class Options:
    """How much to write and read."""

    events: int = 1_000_000
    """Events in the store."""
    dense_events: int = 20_000
    """Events in each dense file."""
    folder: Path = Path(tempfile.gettempdir())
    """Where to write; a folder in it is made and removed."""
    seconds: float = 120.0
    """A way of reading stops after this time: its rate is that of what it has read."""
    python: Path = Path(sys.executable)
    """An interpreter that has zarr, for the rows of zarr."""
    keep: bool = False
    """Leave the files, and use those of an earlier run."""


def records(hits: int, random: np.random.Generator) -> np.ndarray:
    """Waveforms (hits, 2, 256) [counts] like those of an array: pedestal with noise, and a pulse of a few particles."""
    time_ns = 20.0 * (np.arange(BINS) - random.integers(15, 60, (hits, 1, 1)))
    pulse = np.where(time_ns > 0, np.exp(-time_ns / random.uniform(45, 400, (hits, 1, 1))), 0) * random.lognormal(3, 1.3, (hits, LAYERS, 1))
    return np.clip(np.round(5.5 + 0.8 * random.normal(size=(hits, LAYERS, BINS)) + pulse), 0, 4095).astype(np.uint16)


def write_store(folder: Path, events: int) -> None:
    """Events of 4 to 14 stations, drawn from 20,000 records."""
    from cloudchamber.schema import Column, Ragged, Schema
    from cloudchamber.store import StoreWriter

    pool = records(20_000, np.random.default_rng(1))
    columns = {name: Column(ragged=True) for name in ("station_x_m", "station_y_m")}
    columns |= {"start_ns": Column(ragged=True, dtype="float64"), "waveform": Column(shape=(LAYERS, BINS), ragged=True, dtype="uint16")}
    with StoreWriter(folder, Schema(theta={"number": Column(dtype="int64")}, x=columns), "benchmark", {"events": events}, 1) as writer:
        for block in writer.missing(-(-events // BLOCK_EVENTS)):
            random = np.random.default_rng([2, block])
            count = min(BLOCK_EVENTS, events - block * BLOCK_EVENTS)
            offsets = np.concatenate([[0], np.cumsum(random.integers(4, 15, count))])
            grid = random.integers(-3, 4, (2, offsets[-1])) * 1200.0
            table = {"number": block * BLOCK_EVENTS + np.arange(count), "station_x_m": Ragged(grid[0], offsets), "station_y_m": Ragged(grid[1], offsets)}
            table["start_ns"] = Ragged(random.uniform(0, 2e4, offsets[-1]), offsets)
            writer.write_block(block, table | {"waveform": Ragged(pool[random.integers(0, len(pool), offsets[-1])], offsets)})


def dense_blocks(store: Path, events: int) -> Iterator[np.ndarray]:
    """The store's first events as (1000, 7, 7, 2, 256) arrays."""
    from cloudchamber.store import Store

    source = Store(store, verify_on_read=False)
    for first in range(0, events, 1000):
        table = source.read(["station_x_m", "station_y_m", "waveform"], slice(first, min(first + 1000, events)))
        lengths = np.diff(table["waveform"].offsets)
        place = [np.round(table[f"station_{axis}_m"].values / 1200).astype(int) + SIDE // 2 for axis in "xy"]
        dense = np.zeros((len(lengths), SIDE, SIDE, LAYERS, BINS), np.uint16)
        dense[np.repeat(np.arange(len(lengths)), lengths), place[0], place[1]] = table["waveform"].values
        yield dense


def write_dense(store: Path, folder: Path, kind: str, events: int) -> None:
    """The dense array as one file, or for zarr as one folder."""
    shape, block = (events, SIDE, SIDE, LAYERS, BINS), (DENSE_BLOCK, SIDE, SIDE, LAYERS, BINS)
    path = folder / kind
    if kind == "memmap":
        target = np.lib.format.open_memmap(path, "w+", np.uint16, shape)
    elif kind.startswith("h5py"):
        import h5py

        target = h5py.File(path, "w").create_dataset("a", shape, np.uint16, chunks=block, compression="lzf" if "lzf" in kind else None)
    else:
        import zarr

        extra = {"compressors": None} if "plain" in kind else {}
        target = zarr.create_array(path, shape=shape, dtype=np.uint16, chunks=block, **extra)
    for number, dense in enumerate(dense_blocks(store, events)):
        target[number * 1000 : number * 1000 + len(dense)] = dense
    if kind == "memmap":
        target.flush()
    elif kind.startswith("h5py"):
        target.file.close()


def read_raw(path: Path, stop: Callable[[int], bool]) -> int:
    """Bytes read one file after another, 8 MB at once into one buffer."""
    buffer, done = bytearray(8 << 20), 0
    for file in sorted(path.glob("shard-*.h5")):
        with file.open("rb", buffering=0) as handle:
            while count := handle.readinto(buffer):
                done += count
        if stop(done):
            break
    return done


def read_store(path: Path, stop: Callable[[int], bool], verify: bool) -> int:
    """Events that came in shuffled batches."""
    from cloudchamber.store import Store, stream

    done = 0
    for batch in stream(Store(path, verify_on_read=verify), ["station_x_m", "station_y_m", "start_ns", "waveform"], BATCH, 1, 0):
        done += len(batch["waveform"])
        if stop(done):
            break
    return done


def read_dense(path: Path, stop: Callable[[int], bool]) -> int:
    """Events that came in shuffled blocks."""
    kind = path.name
    if kind == "memmap":
        source = np.load(path, mmap_mode="r")
    elif kind.startswith("h5py"):
        import h5py

        source = h5py.File(path)["a"]
    else:
        import zarr

        source = zarr.open_array(path, mode="r")
    done = 0
    for block in np.random.default_rng(1).permutation(-(-source.shape[0] // DENSE_BLOCK)):
        done += len(np.array(source[block * DENSE_BLOCK : (block + 1) * DENSE_BLOCK]))
        if stop(done):
            break
    return done


def measure(kind: str, path: Path, seconds: float) -> None:
    """Read for ``seconds`` and print what was read and the memory that it took, as JSON."""
    importlib.import_module("zarr" if "zarr" in kind else "cloudchamber.store")
    start = time.perf_counter()

    def stop(done: int) -> bool:
        return time.perf_counter() - start > seconds

    if kind == "raw":
        done = read_raw(path, stop)
    elif kind.startswith("store"):
        done = read_store(path, stop, verify="verified" in kind)
    else:
        done = read_dense(path, stop)
    wall = time.perf_counter() - start
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    # a memory map's pages of the page cache count as the process's memory, too
    print(json.dumps({"done": done, "seconds": wall, "cpu": time.process_time(), "peak_mb": int(status["VmHWM"].split()[0]) / 1024}))


def drop_from_cache(path: Path) -> None:
    """Ask the kernel to forget the pages of these files."""
    for file in [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]:
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def size_mb(path: Path) -> float:
    """What a file or folder takes, in MB."""
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()) / 1e6


def main(options: Options) -> None:
    """Write, read every way, print the table."""
    folder = options.folder / "store-streaming"
    store = folder / f"store-{options.events}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        start = time.perf_counter()
        write_store(store, options.events)
        on_disk = size_mb(store)
        disk = on_disk * 1e6 / options.events
        wrote = time.perf_counter() - start
        print(f"{options.events} events: {on_disk:.0f} MB on disk, {options.events * DENSE_BYTES / 1e6:.0f} MB dense, written in {wrote:.0f} s")
        print(f"{'':26}{'disk MB/s':>10}{'dense MB/s':>11}{'disk/raw':>10}{'dense/raw':>11}{'CPU s/GB':>10}{'peak MB':>9}")
        raw = None
        kinds = ["raw", "store, verified", "store", "raw again", "memmap", "h5py plain", "h5py lzf", "zarr plain", "zarr zstd"]
        for kind in kinds:
            path, python = store, sys.executable
            if not kind.startswith(("raw", "store")):
                path, python = folder / kind.replace(" ", "-"), str(options.python if "zarr" in kind else sys.executable)
                task = f"write_dense(Path({str(store)!r}), Path({str(folder)!r}), {path.name!r}, {options.dense_events})"
                made = path.exists() or subprocess.run([python, "-c", f"{HEAD}; {task}"], env=environment, capture_output=True).returncode == 0
                if not made:
                    print(f"{kind:26} not installed or no room")
                    continue
            drop_from_cache(path)
            task = f"measure({kind.split(' again')[0]!r}, Path({str(path)!r}), {options.seconds})"
            out = subprocess.run([python, "-c", f"{HEAD}; {task}"], env=environment, capture_output=True, check=True).stdout
            found = json.loads(out)
            events = found["done"] / disk if kind.startswith("raw") else found["done"]
            event_bytes = disk if kind.startswith(("raw", "store")) else size_mb(path) * 1e6 / options.dense_events
            rate, dense = events * event_bytes / found["seconds"] / 1e6, events * DENSE_BYTES / found["seconds"] / 1e6
            raw = raw or rate
            gigabytes = events * DENSE_BYTES / 1e9
            print(f"{kind:26}{rate:10.0f}{dense:11.0f}{rate / raw:10.2f}{dense / raw:11.2f}{found['cpu'] / gigabytes:10.2f}{found['peak_mb']:9.0f}", flush=True)
            if not options.keep and path != store:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


HEAD = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from pathlib import Path; from store_streaming import *"

if __name__ == "__main__":
    import tyro

    main(tyro.cli(Options))
