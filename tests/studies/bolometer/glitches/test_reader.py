"""Streams read as candidates: the same for any reading, times of the file, and what is no such stream."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table, whole
from cloudchamber.store.read import Store
from cloudchamber.studies.bolometer.glitches import reader
from cloudchamber.studies.bolometer.glitches.reader import read_glitches
from cloudchamber.workflow import simulate, stream

RATE = 180.3737
NOISE = {"noise_w": 5e-17}


@pytest.fixture(scope="module")
def planck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planck")
    stream("bolometer", folder / "tod.h5", duration="3min", start="2010-01-01", stream="planck", settings=NOISE, truth=folder / "hits")
    return folder


@pytest.fixture(scope="module")
def found(planck: Path) -> Table:
    return whole(read_glitches(planck / "tod.h5", truth=planck / "hits"))


def test_a_stream_s_hits_are_found_at_their_times(planck: Path, found: Table) -> None:
    hits = Store(planck / "hits").read()
    real = found["glitch"] > 0
    assert len(real) > 200 and np.mean(real) > 0.8
    assert real.sum() + len(found["missed_height_w"].values) >= len(hits["time_s"]) - 4
    start = np.asarray(found["time_s"] + found["lag_s"])[real]
    nearest = np.abs(start[:, None] - hits["time_s"]).min(axis=1)
    assert nearest.max() < 1e-4
    assert np.allclose(found["mjd"], 51544 + found["time_s"] / 86_400) and np.all(np.diff(found["time_s"]) >= 0)
    assert np.allclose(found["noise_w"], 5e-17, rtol=0.05)


def test_what_is_found_does_not_depend_on_a_beginning_long_before(planck: Path, found: Table, tmp_path: Path) -> None:
    """A file of the same stream that begins later has the same candidates, but near its own ends."""
    stream("bolometer", tmp_path / "late.h5", duration="2min", start="2010-01-01T00:01:00", stream="planck", settings=NOISE)
    late = whole(read_glitches(tmp_path / "late.h5", noise_w=5e-17))
    whole_file = whole(read_glitches(planck / "tod.h5", noise_w=5e-17))
    inside = [(table["time_s"] > 315_619_200 + 75) & (table["time_s"] < 315_619_200 + 178) for table in (late, whole_file)]
    strong = [part & (table["filter_significance"] > 6) for part, table in zip(inside, (late, whole_file), strict=True)]
    one, two = (np.round(table["time_s"][part] * RATE) for part, table in zip(strong, (late, whole_file), strict=True))
    assert len(one) > 60 and len(np.setxor1d(one, two)) <= 0.03 * len(one)


def test_fits_and_hdf5_have_the_same(planck: Path, tmp_path: Path) -> None:
    stream("bolometer", tmp_path / "tod.fits", duration="3min", start="2010-01-01", stream="planck", settings=NOISE)
    one, two = (whole(read_glitches(path, threshold=5.0)) for path in (planck / "tod.h5", tmp_path / "tod.fits"))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_blocks_join(planck: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_file = whole(read_glitches(planck / "tod.h5", threshold=6.0))
    monkeypatch.setattr(reader, "STRETCH", 5000)
    cut = whole(read_glitches(planck / "tod.h5", threshold=6.0))
    one, two = ({(row, round(time * RATE)) for row, time in zip(table["detector"], table["time_s"], strict=True)} for table in (whole_file, cut))
    assert len(one ^ two) <= 0.03 * len(one)


def test_a_store_of_windows_knows_its_hits(tmp_path: Path) -> None:
    simulate("bolometer", tmp_path / "windows", 2, simulator="planck_windows", settings={"samples": 4000, **NOISE}, block_events=2)
    table = whole(read_glitches(tmp_path / "windows"))
    strong = table["filter_significance"] > 15
    assert strong.sum() > 20 and np.mean(table["glitch"][strong] > 0) > 0.9
    real = strong & (table["glitch"] > 0)
    near = np.abs(np.log(table["height_w"][real] / table["filter_height_w"][real]))
    assert np.median(near) < 0.3
    with pytest.raises(ValueError, match="knows its own hits"):
        next(read_glitches(tmp_path / "windows", truth=tmp_path))


def own(path: Path, data: np.ndarray, **attributes: object) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("tod", data=data).attrs.update({"units": "aW", "sampling_rate_hz": RATE, **attributes})
    return path


def test_a_user_s_file_in_other_units(planck: Path, tmp_path: Path) -> None:
    with h5py.File(planck / "tod.h5") as file:
        data = 1e18 * np.asarray(file["tod"][:1], float)
    table = whole(read_glitches(own(tmp_path / "own.h5", data, detectors='[{"name": "a"}]'), threshold=8.0))
    assert table["time_s"].max() < 181 and "mjd" not in table and len(table["time_s"]) > 60
    rounded = whole(read_glitches(tmp_path / "own.h5", threshold=8.0, rate_hz=180.37))
    assert np.all(rounded["rate_hz"] == RATE)
    dated = whole(read_glitches(own(tmp_path / "dated.h5", data, start_time="55197.0", mjd_time=True), threshold=8.0))
    assert np.allclose(dated["time_s"] - table["time_s"], 315_619_200)
    (tmp_path / "list.csv").write_text("detector,time_s,amplitude_w\na,1e9,1e-16\n")
    with pytest.raises(ValueError, match="none of its 1 pulses lies in the time of the data"):
        next(read_glitches(tmp_path / "own.h5", truth=tmp_path / "list.csv"))


QUIET = rng(1).standard_normal((2, 2000))


@pytest.mark.parametrize(
    ("data", "attributes", "options", "told"),
    [
        (np.where(np.arange(2000) == 700, np.nan, QUIET), {}, {}, "bolometer_0 is nan at sample 700: fill gaps"),
        (0 * QUIET, {}, {}, "show no noise"),
        (QUIET[:, :100], {}, {}, "holds 100 samples"),
        (QUIET, {"units": "K"}, {}, "another kind of quantity"),
        (QUIET, {"units": "dB(mW)"}, {}, "a logarithm"),
        (QUIET, {"sampling_rate_hz": 0.0}, {}, "does not tell its sampling rate"),
        (QUIET, {"sampling_rate_hz": "fast"}, {}, "is no number"),
        (QUIET, {}, {"rate_hz": 100.0}, "100 Hz is asked for, and .* says that it is sampled at 180.374 Hz"),
        (QUIET, {}, {"threshold": 1.0}, "threshold: 1 is outside"),
        (QUIET, {}, {"noise_w": -1.0}, "noise-w: -1 is outside"),
        (QUIET, {}, {"truth": Path("nowhere.csv")}, "there is no list of pulses"),
    ],
)
def test_what_is_no_such_stream_is_refused(data: np.ndarray, attributes: dict[str, object], options: dict[str, object], told: str, tmp_path: Path) -> None:
    path = own(tmp_path / "own.h5", data, **attributes)
    with pytest.raises(ValueError, match=told):
        next(read_glitches(path, **options))


def test_a_wafer_s_stream_is_refused(tmp_path: Path) -> None:
    stream("bolometer", tmp_path / "tod.h5", duration="10s", start="2012-03-01")
    with pytest.raises(ValueError, match="shares a wafer's hits"):
        next(read_glitches(tmp_path / "tod.h5"))
