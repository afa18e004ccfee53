"""Ten times the events cost no more memory: converting, sampling into a file, answering a file's events."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloudchamber.cli import main

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells its memory there")

SCRIPT = """
import sys, threading, time
from cloudchamber.cli import main

peak = 0
def watch():
    # what is mapped of files the system may drop
    global peak
    while True:
        with open("/proc/self/status") as status:
            peak = max(peak, next(int(line.split()[1]) for line in status if line.startswith("RssAnon")))
        time.sleep(0.01)

threading.Thread(target=watch, daemon=True).start()
main(sys.argv[1:])
print("peak", peak)
"""
ROOM_MB = 24
"""Less than half of what ten times the showers take."""


def peak_mb(*words: object) -> float:
    # large arrays in places of their own: this counts what the program keeps, not the holes in the heap
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "1000000"}
    done = subprocess.run([sys.executable, "-c", SCRIPT, *map(str, words)], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) / 1024


@pytest.fixture(scope="module")
def showers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores of 2,000 and 20,000 showers, 10 and 100 MB."""
    place = tmp_path_factory.mktemp("memory")
    for events in (2000, 20_000):
        main(["simulate", "airshower", str(place / str(events)), "--simulator", "parametrised", "--n", str(events), "--workers", "1"])
    return place


@pytest.mark.parametrize("suffix", [".h5", ".parquet"])
def test_converting(showers: Path, tmp_path: Path, suffix: str) -> None:
    few, many = (peak_mb("convert", "airshower", showers / events, "--out", tmp_path / f"{events}{suffix}") for events in ("2000", "20000"))
    assert many < few + ROOM_MB
    few, many = (peak_mb("convert", "airshower", tmp_path / f"{events}{suffix}", "--out", tmp_path / f"{events}-back.h5") for events in ("2000", "20000"))
    assert many < few + ROOM_MB


def test_streaming(tmp_path: Path) -> None:
    """7 and 69 MB."""
    words = ("--start", "2030-01-01", "--settings.block-samples", 50_000)
    few, many = (peak_mb("stream", "toy", tmp_path / f"{days}.h5", "--duration", f"{days}d", *words) for days in (1, 10))
    assert many < few + ROOM_MB


@pytest.mark.slow
def test_sampling_into_a_file(tmp_path: Path) -> None:
    few, many = (peak_mb("sample", "airshower", tmp_path / f"{events}.h5", "--n", events) for events in (20_000, 100_000))
    assert many < few + 3 * ROOM_MB


@pytest.mark.slow
def test_answering_a_file(tmp_path: Path) -> None:
    for events in (2000, 20_000):
        main(["simulate", "surface_array", str(tmp_path / str(events)), "--n", str(events), "--seed", "9"])
    words = [("infer", "surface_array", tmp_path / str(events), "--out", tmp_path / f"out{events}", "--draws", 20) for events in (2000, 20_000)]
    few, many = (peak_mb(*each) for each in words)
    assert many < few + 3 * ROOM_MB
