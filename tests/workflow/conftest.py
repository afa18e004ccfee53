"""Makes ``running`` importable; the stores and runs that several files ask for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cloudchamber import workflow

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def decays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of decays."""
    folder = tmp_path_factory.mktemp("toy") / "data"
    workflow.simulate("toy", folder, n=1000, seed=3, block_events=250)
    return folder


@pytest.fixture(scope="session")
def run(decays: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learned them."""
    folder = tmp_path_factory.mktemp("toy") / "run"
    workflow.train("toy", decays, folder, seed=5)
    return folder


@pytest.fixture(scope="session")
def classes(hits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells bursts from noise."""
    folder = tmp_path_factory.mktemp("sets") / "classes"
    workflow.train("toy_sets", hits, folder, seed=5)
    return folder


@pytest.fixture(scope="session")
def time(hits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that answers with a number."""
    folder = tmp_path_factory.mktemp("sets") / "time"
    workflow.train("toy_sets", hits, folder, "time", seed=5, overrides={"fit": {"epochs": 2}})
    return folder
