from __future__ import annotations

from pathlib import Path

import pytest

from cloudchamber import workflow


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
