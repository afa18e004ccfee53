"""What is built once and kept: below ``CLOUDCHAMBER_CACHE``, or ``~/.cache/cloudchamber``."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path


def cache_folder(name: str) -> Path:
    """Where a study keeps what it builds."""
    return Path(os.environ.get("CLOUDCHAMBER_CACHE", Path.home() / ".cache" / "cloudchamber")) / name


def keep_compiled() -> None:
    """Let numba keep what it compiles in the temporary folder where neither the package's folder nor the user's cache may be written, as in a container."""
    if "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK):
        return
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    if os.access(next(place for place in (user, *user.parents) if place.exists()), os.W_OK):
        return
    os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"cloudchamber-numba-{os.getuid()}")
    if "numba" in sys.modules:
        sys.modules["numba"].config.reload_config()


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

    return subprocess.run([sys.executable, *command.split()[1:], *options]).returncode == 0
