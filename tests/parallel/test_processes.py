from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from cloudchamber.parallel.processes import Processes

NO_GUARD = """
from cloudchamber.workflow import simulate
simulate("airshower", "store", n=20, seed=1, simulator="parametrised", workers=2, block_events=10)
"""


def test_a_job_that_ends_its_process_is_tried_again_then_named() -> None:
    with Processes(1, retries=1) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 3).result()
        assert pool.submit(abs, -2).result() == 2


def test_fresh_processes_share_nothing() -> None:
    with Processes(1, retries=0, fresh=True) as pool:
        assert len({pool.submit(os.getpid).result() for _ in range(2)}) == 2


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "no_guard.py").write_text(NO_GUARD)
    done = subprocess.run([sys.executable, "no_guard.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and 'put what it does below `if __name__ == "__main__":`' in done.stderr
    assert not list((tmp_path / "store").glob("shard-*"))
    (tmp_path / "guarded.py").write_text(NO_GUARD.replace("simulate(", 'if __name__ == "__main__":\n    simulate('))
    assert subprocess.run([sys.executable, "guarded.py"], cwd=tmp_path, timeout=120).returncode == 0
