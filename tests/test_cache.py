from __future__ import annotations

import threading
from pathlib import Path

import pytest

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
