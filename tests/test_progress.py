"""Who is told nothing hears nothing, and whoever listens hears of all the work."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudchamber import workflow
from cloudchamber.progress import quiet


def test_quiet_tells_nobody(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    quiet(3, 10, "on the way")
    workflow.simulate("toy", tmp_path / "data", n=50, seed=1, progress=quiet)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("command", [workflow.simulate, workflow.train, workflow.tune, workflow.validate, workflow.sample, workflow.infer, workflow.demo])
def test_commands_as_functions_are_quiet_unless_asked(command: Callable[..., Any]) -> None:
    assert inspect.signature(command).parameters["progress"].default is quiet


def test_a_listener_hears_of_all_the_work(tmp_path: Path) -> None:
    heard: list[tuple[int, int, str]] = []
    workflow.simulate("toy", tmp_path / "data", n=100, seed=1, block_events=25, progress=lambda *told: heard.append(told))
    assert [(done, total) for done, total, _ in heard][-1] == (100, 100)
    assert [done for done, _, _ in heard] == sorted(done for done, _, _ in heard) and len(heard) >= 4
    assert all(isinstance(text, str) for _, _, text in heard)
