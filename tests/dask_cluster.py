"""A Dask scheduler with workers of its own, for tests of any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path


def environment() -> dict[str, str]:
    """For processes that find what this one does."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}


class Cluster:
    """A scheduler and its workers as processes on the loopback interface; a worker that is killed stays dead."""

    def __init__(self, place: Path) -> None:
        self.place, self.workers = place, list[subprocess.Popen]()
        words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show", "--scheduler-file", str(place / "scheduler.json")]
        self.scheduler = self._start(words, "scheduler.log")
        self.address = self._told("scheduler.log", r"tcp://(127\.0\.0\.1:\d+)")

    def _start(self, words: list[str], log: str) -> subprocess.Popen:
        with (self.place / log).open("wb") as file:
            return subprocess.Popen([sys.executable, "-m", "dask", *words], env=environment(), cwd=self.place, stdout=file, stderr=subprocess.STDOUT)

    def _told(self, log: str, pattern: str) -> str:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if found := re.search(pattern, (self.place / log).read_text()):
                return found[1]
            time.sleep(0.05)
        raise TimeoutError((self.place / log).read_text())

    def add(self) -> subprocess.Popen:
        log = f"worker-{len(self.workers)}.log"
        words = ["worker", f"tcp://{self.address}", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        self.workers.append(self._start(words, log))
        self._told(log, r"(Registered to)")
        return self.workers[-1]

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
