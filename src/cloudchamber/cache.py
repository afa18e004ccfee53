"""What is built once and kept: below ``CLOUDCHAMBER_CACHE``, or ``~/.cache/cloudchamber``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def cache_folder(name: str) -> Path:
    """Where a study keeps what it builds."""
    return Path(os.environ.get("CLOUDCHAMBER_CACHE", Path.home() / ".cache" / "cloudchamber")) / name


@contextlib.contextmanager
def building(path: Path) -> Iterator[bool]:
    """Whether ``path`` must be built: False where it is there, perhaps since another process has just built it, for which this one waits."""
    from filelock import FileLock

    if path.exists():
        yield False
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        yield not path.exists()


def run_builder(command: str, *options: str) -> bool:
    """Whether a ``python -m`` command succeeded: in a process of its own, which shows its progress, so that it works from notebooks and workers alike."""
    import subprocess
    import sys

    return subprocess.run([sys.executable, *command.split()[1:], *options]).returncode == 0
