"""What a block costs beyond its own work, by where it is done: python benchmarks/executors.py"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cloudchamber.parallel.executors import run

SHOWER_SECONDS = 1 / 123
"""Of the air-shower hybrid, one core (the study's README)."""


def nothing(number: int) -> int:
    """A block without work."""
    return number


def seconds_a_job(jobs: int, executor: str | None, workers: int) -> float:
    """Beyond what the first job, with the start of the workers, takes."""
    results = run(nothing, range(jobs), executor, workers, ordered=True)
    next(results)
    start = time.perf_counter()
    for _ in results:
        pass
    return (time.perf_counter() - start) / (jobs - 1)


def seconds_a_shard(shards: int) -> tuple[float, float]:
    """To write a shard of one event, and to open a store of so many of them, each."""
    from cloudchamber import workflow
    from cloudchamber.store.read import Store

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        workflow.simulate("airshower", Path(folder) / "store", shards, simulator="parametrised", block_events=1)
        written = time.perf_counter()
        Store(Path(folder) / "store")
        return (written - start) / shards, (time.perf_counter() - written) / shards


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    for name, executor, workers in (("this process", None, 1), ("processes", "processes", 2), ("dask", "dask", 1), ("dask", "dask", 2)):
        cost = seconds_a_job(options.jobs, executor, workers)
        print(f"{name}, {workers} worker(s): {1e3 * cost:.3f} ms a block, {cost / (1000 * SHOWER_SECONDS):.2%} of a block of 1000 hybrid showers", flush=True)
    write, find = seconds_a_shard(options.jobs)
    print(f"store: {1e3 * write:.2f} ms to write a shard of one event, {1e3 * find:.2f} ms to find each when a store is opened")


if __name__ == "__main__":
    main()
