"""What tests of interrupted work share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cloudchamber.store.read import Store

FEW = {"fit": {"epochs": 2}}
PLUGIN = Path(__file__).parents[1] / "plugin"


def same_events(first: Path, second: Path) -> bool:
    one, two = Store(first).read(), Store(second).read()
    return list(one) == list(two) and all(np.array_equal(one[name], two[name]) for name in one)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def command(*words: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PLUGIN), *sys.path])}
    return subprocess.Popen([sys.executable, "-m", "cloudchamber", *map(str, words)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
