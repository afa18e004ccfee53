"""One thread for each process, as tests run side by side; the outside package ``tests/plugin/toy_study`` is found as if it were installed.

The air-shower simulator's cache is a folder of its own that holds the small packaged table, so that no test waits for the full one.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudchamber import workflow

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[:0] = [str(Path(__file__).parent / "plugin"), str(Path(__file__).parent)]

from dask_cluster import Cluster  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def small_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``CLOUDCHAMBER_CACHE`` with the packaged interaction table in the full one's place."""
    from cloudchamber.studies.airshower.hybrid.tables import PACKAGED, table_path

    before = os.environ.get("CLOUDCHAMBER_CACHE")
    folder = tmp_path_factory.mktemp("cache")
    os.environ["CLOUDCHAMBER_CACHE"] = str(folder)
    place = table_path("Sibyll23d")
    place.parent.mkdir(parents=True)
    shutil.copyfile(PACKAGED, place)
    yield folder
    if before is None:
        del os.environ["CLOUDCHAMBER_CACHE"]
    else:
        os.environ["CLOUDCHAMBER_CACHE"] = before


@pytest.fixture(autouse=True)
def no_own_studies() -> Iterator[None]:
    """A test knows no studies but the installed ones, and what it registers is forgotten after it."""
    from cloudchamber import study, study_file

    for part in range(2):
        study.restore({})
        study_file._FILES.clear()
        if part == 0:
            yield


@pytest.fixture(scope="session")
def hits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of sets of hits."""
    folder = tmp_path_factory.mktemp("sets") / "data"
    workflow.simulate("toy_sets", folder, n=400, seed=3, block_events=100)
    return folder


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """With two workers."""
    pytest.importorskip("distributed")
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    found.add()
    found.add()
    yield found
    found.close()
