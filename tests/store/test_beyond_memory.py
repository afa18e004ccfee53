"""A store ten times larger than the memory that its reader may have: the kernel's limit on memory holds while every event comes once, shuffled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.schema import Column, Ragged, Schema
from cloudchamber.store import StoreWriter

RECORDS = {
    "station_x_m": Column(ragged=True),
    "start_ns": Column(ragged=True, dtype="float64"),
    "waveform": Column(shape=(2, 256), ragged=True, dtype="uint16"),
}
BLOCK_EVENTS, MEGABYTE = 2000, 1024**2
READ = """
import json, resource, sys
from pathlib import Path
import numpy as np
from cloudchamber.store import Store, stream

def allocated():
    return 1024 * next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))

folder, limit, options = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
store = Store(folder)
store.read(events=slice(0, 1))
soft = allocated() + limit
# what a process allocates, its threads' stacks and maps of its own included
resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))
seen, sums, order = np.zeros(len(store), int), 0, []
for batch in stream(store, None, 128, 1, 0, **options):
    np.add.at(seen, batch["number"], 1)
    lengths = np.diff(batch["waveform"].offsets)
    assert (batch["waveform"].values[:, 1, 255] == np.repeat(batch["number"], lengths) % 4096).all()
    sums += int(batch["waveform"].values[:, 0, 0].sum(dtype=np.int64))
    order.append(int(batch["number"][0]))
print(json.dumps({"once": bool((seen == 1).all()), "sum": sums, "rising": float(np.mean(np.diff(order) > 0))}))
"""


def write(folder: Path, events: int) -> tuple[int, int]:
    """A store of 4 to 14 records an event, each with its event's number as the last sample; bytes on disk, and the sum of all first samples."""
    noise, total = np.random.default_rng(1).integers(0, 12, (20_000, 2, 256)).astype(np.uint16), 0
    with StoreWriter(folder, Schema(theta={"number": Column(dtype="int64")}, x=RECORDS), "toy", {}, 0) as writer:
        for block in range(events // BLOCK_EVENTS):
            draw = np.random.default_rng([2, block])
            lengths = draw.integers(4, 15, BLOCK_EVENTS)
            offsets, number = np.concatenate([[0], np.cumsum(lengths)]), block * BLOCK_EVENTS + np.arange(BLOCK_EVENTS)
            waveform = noise[draw.integers(0, len(noise), offsets[-1])]
            waveform[:, 1, 255] = np.repeat(number, lengths) % 4096
            total += int(waveform[:, 0, 0].sum(dtype=np.int64))
            columns = {"station_x_m": draw.normal(size=offsets[-1]), "start_ns": draw.normal(size=offsets[-1]), "waveform": waveform}
            writer.write_block(block, {"number": number} | {name: Ragged(values, offsets) for name, values in columns.items()})
    return sum(file.stat().st_size for file in folder.iterdir()), total


def read(folder: Path, limit: int, **options: int) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", READ, str(folder), str(limit), json.dumps(options)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=3000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux's RLIMIT_DATA counts what a process maps")
def test_a_store_ten_times_larger_than_memory(tmp_path: Path) -> None:
    size, total = write(tmp_path, 40_000)
    limit = 34 * MEGABYTE
    assert size > 10 * limit
    found = read(tmp_path, limit, buffer_events=320, block_events=64)
    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout)
    assert answer["once"] and answer["sum"] == total and 0.2 < answer["rising"] < 0.8
    # the limit is real: buffers twenty times larger do not fit into it
    refused = read(tmp_path, limit, buffer_events=6400, block_events=64)
    assert refused.returncode != 0 and "MemoryError" in refused.stderr


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux's RLIMIT_DATA counts what a process maps")
def test_a_million_events_in_900_megabytes(tmp_path: Path) -> None:
    size, total = write(tmp_path, 1_000_000)
    assert size > 9000 * MEGABYTE / 1.05
    found = read(tmp_path, 900 * MEGABYTE)
    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout)
    assert answer["once"] and answer["sum"] == total and 0.2 < answer["rising"] < 0.8
