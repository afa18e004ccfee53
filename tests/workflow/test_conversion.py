"""``convert``: chunk by chunk, whatever does not fit into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.store.read import Store
from cloudchamber.workflow import conversion


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("convert") / "data"
    workflow.simulate("toy", folder, 5500, seed=3)
    return folder


def contents(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.iterdir() if path.suffix == ".h5"}


def test_events_that_wait_on_disk_come_in_the_same_order(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["convert", "toy", str(data), "--out", str(tmp_path / "memory")])
    # what an interrupted conversion had left
    left = tmp_path / "disk" / conversion.INCOMING
    left.mkdir(parents=True)
    (left / "events-000000.h5").write_bytes(b"half")
    monkeypatch.setattr(conversion, "IN_MEMORY_BYTES", 60_000)
    main(["convert", "toy", str(data), "--out", str(tmp_path / "disk")])
    assert contents(tmp_path / "memory") == contents(tmp_path / "disk") and len(contents(tmp_path / "disk")) == 6
    assert not left.exists()
    one, back = Store(data).read(), Store(tmp_path / "disk").read()
    np.testing.assert_array_equal(np.sort(one["decay_time_us"]), np.sort(back["decay_time_us"]))
    assert Store(tmp_path / "disk").dataset.order == "random" and not np.array_equal(one["decay_time_us"], back["decay_time_us"])


@pytest.mark.parametrize("suffix", [".h5", ".csv", ".parquet"])
def test_chunks_make_one_file(data: Path, tmp_path: Path, suffix: str) -> None:
    main(["convert", "toy", str(data), "--out", str(tmp_path / f"all{suffix}")])
    main(["convert", "toy", str(tmp_path / f"all{suffix}"), "--out", str(tmp_path / "back.h5")])
    main(["convert", "toy", str(tmp_path / "back.h5"), "--out", str(tmp_path / "store")])
    again = tmp_path / "again"
    main(["convert", "toy", str(data), "--out", str(again)])
    np.testing.assert_array_equal(Store(tmp_path / "store").read()["light"], Store(again).read()["light"])
