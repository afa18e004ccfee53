from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cloudchamber import cache
from cloudchamber.cache import building, cache_folder, run_builder


def test_it_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCHAMBER_CACHE", str(tmp_path))
    assert cache_folder("mine") == tmp_path / "mine"
    monkeypatch.delenv("CLOUDCHAMBER_CACHE")
    assert cache_folder("mine") == Path.home() / ".cache" / "cloudchamber" / "mine"


def test_of_many_one_builds(tmp_path: Path) -> None:
    path, built = tmp_path / "deep" / "table.npz", list[int]()

    def ensure(number: int) -> None:
        with building(path) as missing:
            if missing:
                built.append(number)
                path.touch()

    threads = [threading.Thread(target=ensure, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    with building(path) as missing:
        assert not missing


def test_a_builder_that_fails_is_told() -> None:
    assert run_builder("python -m cloudchamber", "list", "--json") and not run_builder("python -m cloudchamber", "nonsense")


@pytest.mark.slow
def test_a_read_only_install_without_a_home_compiles(tmp_path: Path) -> None:
    """The package lies on a read-only mount, as in a container."""
    package = Path(cache.__file__).parents[1]
    python = "import cloudchamber as cc; s = cc.find_study('surface_array').simulator; s.simulate(s.prior(1, cc.rng(1)), cc.rng(2))"
    script = (
        f'mount --bind {package} {package} && mount -o remount,ro,bind {package} && cd / && HOME=/proc/1/nope TMPDIR={tmp_path} {sys.executable} -c "{python}"'
    )
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("mounts are not allowed here")
    environment = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR")} | {"PYTHONPATH": str(package)}
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("cloudchamber-numba-*/*"))
