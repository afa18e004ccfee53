"""``convert``: chunk by chunk, whatever does not fit into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.formats.tables import write_table
from cloudchamber.schema import events_in
from cloudchamber.store.read import Store
from cloudchamber.study import find_study
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


def test_convert_between_store_and_formats(decays: Path, tmp_path: Path) -> None:
    assert workflow.convert("toy", decays, tmp_path / "a.times").events == 1000
    workflow.simulate("toy", tmp_path / "more", 1000, seed=4)
    workflow.convert("toy", tmp_path / "more", tmp_path / "b.times")
    done = workflow.convert("toy", [tmp_path / "a.times", tmp_path / "b.times"], tmp_path / "store")
    assert done.columns == ("lifetime_us", "decay_time_us") and done.absent == ("kind", "light")
    back = Store(tmp_path / "store").read()
    assert events_in(back) == 2000
    both = np.concatenate([Store(each).read()["decay_time_us"] for each in (decays, tmp_path / "more")])
    np.testing.assert_allclose(np.sort(back["decay_time_us"]), np.sort(both))
    with pytest.raises(ValueError, match="no format 'rooot' to read; 'toy' has: times"):
        workflow.convert("toy", tmp_path / "a.times", tmp_path / "b.h5", format="rooot")
    (tmp_path / "broken.h5").write_bytes(b"not hdf5")
    with pytest.raises(ValueError, match="not a readable HDF5 file"):
        workflow.convert("toy", tmp_path / "broken.h5", tmp_path / "c.h5")


def test_convert_a_table_of_another_detector(tmp_path: Path) -> None:
    study, light = find_study("toy"), np.arange(12.0).reshape(3, 4)
    table = {"lifetime_us": np.ones(3), "kind": np.array([0, 1, 1]), "decay_time_us": np.ones(3), "light": light}
    for suffix in (".h5", ".csv"):
        write_table(tmp_path / f"four{suffix}", table, study)
        workflow.convert("toy", tmp_path / f"four{suffix}", tmp_path / f"store{suffix[1:]}")
        back = Store(tmp_path / f"store{suffix[1:]}")
        assert back.schema.x["light"].shape == (4,)
        np.testing.assert_array_equal(np.sort(back.read()["light"], axis=0), light)
    assert workflow.convert("toy", tmp_path / "storeh5", tmp_path / "again").absent == ()
    write_table(tmp_path / "three.h5", {**table, "light": light[:, :3]}, study)
    with pytest.raises(ValueError, match=r"four\.h5' and .*three\.h5' hold columns of different shapes"):
        workflow.convert("toy", [tmp_path / "three.h5", tmp_path / "four.h5"], tmp_path / "both")


def test_a_store_tells_that_it_drops_a_models_mark(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["sample", str(run), str(tmp_path / "marked.h5"), "--n", "50", "--outside", "flag"])
    main(["convert", "toy", str(tmp_path / "marked.h5"), "--out", str(tmp_path / "store")])
    assert "left out: in_domain, false for 0 of the events" in " ".join(capsys.readouterr().out.split())
    main(["convert", "toy", str(tmp_path / "marked.h5"), "--out", str(tmp_path / "kept.csv")])
    assert "left out" not in capsys.readouterr().out and "in_domain" in (tmp_path / "kept.csv").read_text().splitlines()[0]
