"""The command ``stream``: the same bits however it is made, goes on after any end, and refuses what is another's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.atomic import held
from cloudchamber.cli import main
from cloudchamber.formats.recording import open_recording
from cloudchamber.store.read import Store
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.streams.data import WaferStream
from cloudchamber.workflow import stream
from cloudchamber.workflow.streaming import chosen

ASKED = ("toy", "--duration", "3min", "--start", "2030-01-01")


def made(path: Path, *words: str) -> bytes:
    main(["stream", ASKED[0], str(path), *ASKED[1:], *words])
    return path.read_bytes()


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", ["a.h5", "a.fits"])
def test_workers_change_no_bit(name: str, tmp_path: Path) -> None:
    one, two = made(tmp_path / name), made(tmp_path / f"two-{name}", "--workers", "2")
    assert one == two and open_recording(tmp_path / name).done().all()
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, f"two-{name}"]


def test_files_that_overlap_agree(tmp_path: Path) -> None:
    made(tmp_path / "a.h5")
    main(["stream", "toy", str(tmp_path / "b.fits"), "--duration", "1min", "--start", "2030-01-01T00:01:00.1", "--detectors", "right"])
    one, two = open_recording(tmp_path / "a.h5"), open_recording(tmp_path / "b.fits")
    assert two.contents.names == ("right",) and two.rows == (1,)
    stop = two.first + two.samples
    assert np.array_equal(one.read(two.first, stop)[1:], two.read(two.first, stop))


DIE = """
import os, signal, sys
from pathlib import Path
{moment}
from cloudchamber.cli import main
main(["stream", "toy", {path!r}, *{words!r}])
"""
HALF_A_BLOCK = """
write, blocks = os.pwrite, 0
def die(handle, data, offset):
    global blocks
    if len(data) > 1000:
        blocks += 1
    if blocks == 8:
        write(handle, data[:500], offset)
        os.kill(os.getpid(), signal.SIGKILL)
    return write(handle, data, offset)
os.pwrite = die
"""
NOT_MARKED = (
    HALF_A_BLOCK.replace("len(data) > 1000", "len(data) == 1").replace("blocks == 8", "blocks == 3").replace("write(handle, data[:500], offset)", "pass")
)
NOT_RENAMED = """
def die(path, target):
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = die
"""


@pytest.mark.parametrize(("moment", "done"), [(HALF_A_BLOCK, 3), (NOT_MARKED, 2), (NOT_RENAMED, None)], ids=["half a block", "not marked", "not renamed"])
def test_kill_9_then_the_same_command_gives_the_same_bytes(tmp_path: Path, moment: str, done: int | None) -> None:
    whole, path = made(tmp_path / "whole.h5"), tmp_path / "a.h5"
    code = DIE.format(moment=moment, path=str(path), words=ASKED[1:])
    child = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert path.exists() == (done is not None)
    if done is not None:
        assert open_recording(path).done().sum() == done
        with h5py.File(path) as file:
            assert file["tod"].shape == (2, 1800)
    assert made(path) == whole
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.h5", "whole.h5"]


def test_a_file_tells_what_it_is_to_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = made(tmp_path / "a.h5", "--seed", "7", "--settings.light-pe", "3", "--detectors", "right")
    recording = open_recording(tmp_path / "a.h5")
    with (tmp_path / "a.h5").open("r+b") as file:
        os.pwrite(file.fileno(), b"\0", recording.marks_offset + 2)
        os.pwrite(file.fileno(), bytes(40), recording.data_offset + 2500)
    capsys.readouterr()
    main(["stream", "toy", str(tmp_path / "a.h5"), "--json"])
    assert (tmp_path / "a.h5").read_bytes() == whole
    told = json.loads(capsys.readouterr().out)
    assert (told["new_samples"], told["samples"], told["names"], told["identity"]["seed"]) == (300, 1800, ["right"], 7)
    assert "seed goes with a duration and a start" in refused(capsys, "stream", "toy", tmp_path / "a.h5", "--seed", "8")
    assert "of the study 'toy', not of 'bolometer'" in refused(capsys, "stream", "bolometer", tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--seed", "2"), r"seed was 1, is now 2"),
        (("--settings.light-pe", "41"), r"settings.light_pe was 40.0, is now 41.0"),
        (("--detectors", "left"), r"detectors was left, right, is now left"),
        (("--duration", "4min"), r"samples was 1800, is now 2400"),
        (("--start", "2031-01-01"), r"start was 62502.000000000000, is now 62867.000000000000"),
    ],
)
def test_another_stream_s_file_is_refused(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    whole = made(tmp_path / "a.h5")
    options = dict(zip(ASKED[1::2], ASKED[2::2], strict=True)) | {words[0]: words[1]}
    with pytest.raises(SystemExit):
        main(["stream", "toy", str(tmp_path / "a.h5"), *(word for pair in options.items() for word in pair)])
    assert (tmp_path / "a.h5").read_bytes() == whole
    with pytest.raises(ValueError, match=f"a.h5' holds another stream .*{told}.*: give the same, or another file"):
        settings = {"light_pe": 41.0} if "light" in words[0] else None
        named = {key.removeprefix("--"): value for key, value in options.items() if "settings" not in key}
        stream("toy", tmp_path / "a.h5", settings=settings, **(named | {"seed": int(named.get("seed", 1))}))  # type: ignore[arg-type]


def test_a_file_of_the_user_s_that_changed_is_another(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("one")
    words = ("--settings.note", str(tmp_path / "note.txt"))
    made(tmp_path / "a.h5", *words)
    (tmp_path / "note.txt").write_text("two")
    with pytest.raises(ValueError, match=r"holds another stream \(files\..*note.txt was"):
        stream("toy", tmp_path / "a.h5", duration="3min", start="2030-01-01", settings={"note": str(tmp_path / "note.txt")})


def test_a_second_writer_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with held(tmp_path, "stream of toy", "a.h5"):
        assert "a.h5' is being written by 'stream of toy', process" in refused(capsys, "stream", "toy", tmp_path / "a.h5", *ASKED[1:])
        made(tmp_path / "b.h5")


def test_a_full_disk_is_foreseen(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10_000})
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage)
    told = refused(capsys, "stream", "toy", tmp_path / "a.h5", *ASKED[1:])
    assert "and 10,000 (1e-05 GB) are free: give a shorter duration, or another disk" in told and "needs 2" in told
    assert not list(tmp_path.iterdir())


def test_a_disk_that_the_truth_fills_is_foreseen(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A million samples are 8 MB, and their 100,000 decays with a time and two lights each 1.6 MB more."""
    words = ("stream", "toy", tmp_path / "a.h5", "--duration", "100000s", "--start", "2030-01-01")
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 8_500_000}))
    told = refused(capsys, *words, "--truth", tmp_path / "decays")
    assert int(told.split("needs ")[1].split(" bytes")[0].replace(",", "")) == pytest.approx(9.6e6, rel=0.04)
    assert not list(tmp_path.iterdir())


def test_no_page_goes_into_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a.h5", "--truth", str(tmp_path / "decays"))
    for words in (("--report", tmp_path / "decays"), ("--report", tmp_path / "new", "--truth", tmp_path / "new")):
        assert "is the folder of an event store: give the page another one" in refused(capsys, "stream", "toy", tmp_path / "a.h5", *ASKED[1:], *words)


def test_a_link_to_nothing_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.h5").symlink_to(tmp_path / "gone.h5")
    assert "is a link to" in refused(capsys, "stream", "toy", tmp_path / "a.h5", *ASKED[1:])
    assert (tmp_path / "a.h5").is_symlink()


def test_what_made_the_data_is_a_store(tmp_path: Path) -> None:
    made(tmp_path / "a.h5")
    made(tmp_path / "a.h5", "--truth", str(tmp_path / "decays"))
    store, recording = Store(tmp_path / "decays"), open_recording(tmp_path / "a.h5")
    table = store.read()
    sample = np.rint(table["time_s"] * 10).astype(int) - recording.first
    assert np.all(np.diff(sample) > 0) and store.blocks == list(range(6))
    data = recording.read(recording.first, recording.first + 1800)
    assert np.all(data[:, sample] >= table["light"].T * 0.999)


def test_the_page_says_what_the_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["stream", "toy", str(tmp_path / "a.h5"), "--duration", "2min", "--start", "2045-01-01", "--report", str(tmp_path / "page")])
    shown = capsys.readouterr().out
    assert "note: the source is old" in shown and f"report: {tmp_path / 'page/index.html'}" in shown
    page = (tmp_path / "page/index.html").read_text()
    assert all(word in page for word in ("light in a tube", "the source is old", "right", "10 Hz", "the simulator"))


@pytest.mark.parametrize("name", ["a.h5", "a.fits"])
def test_parts_of_a_stream_are_made_by_themselves(name: str, tmp_path: Path) -> None:
    """Three wafers, some detectors of two of them, two workers; then what a kill left of a block."""
    words = ("--duration", "20min", "--start", "2012-07-01", "--settings.wafers", "3", "--settings.detector.decimation", "8", "--detectors", "3,25-26,4")
    main(["stream", "bolometer", str(tmp_path / name), *words, "--workers", "2", "--truth", str(tmp_path / "hits")])
    found, whole = open_recording(tmp_path / name), (tmp_path / name).read_bytes()
    assert found.contents.names == ("wafer_0_bolometer_03", "wafer_2_bolometer_01", "wafer_2_bolometer_02", "wafer_0_bolometer_04")
    stream = WaferStream(wafers=3, detector=Detector(decimation=8))
    assert np.array_equal(found.read(found.first, found.first + 500), stream.make(1, found.first, found.first + 500).values[[3, 25, 26, 4]])
    hits = Store(tmp_path / "hits").read()
    assert np.array_equal(np.unique(hits["wafer"]), [0, 2])
    with (tmp_path / name).open("r+b") as file:
        os.pwrite(file.fileno(), b"\0", found.marks_offset + 1)
        os.pwrite(file.fileno(), bytes(400), found._offset(found.first + found.contents.block_samples + 10))
    main(["stream", "bolometer", str(tmp_path / name), "--report", str(tmp_path / "page")])
    assert (tmp_path / name).read_bytes() == whole and "the 2 bolometers of wafer 0" in (tmp_path / "page/index.html").read_text()


def test_a_file_of_before_a_setting_goes_on(tmp_path: Path) -> None:
    words = ("stream", "bolometer", str(tmp_path / "a.h5"), "--duration", "1s", "--start", "2012-07-01")
    main(list(words))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        told = json.loads(bytes(file["origin"][:]))
        assert told["identity"]["settings"].pop("wafers") == 1
        del file["origin"]
        file["origin"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    main(list(words))
    with pytest.raises(SystemExit):
        main([*words, "--settings.wafers", "2"])


def test_channels_are_chosen_by_place_or_name() -> None:
    assert chosen(None, ("a", "b", "c")) == (0, 1, 2)
    assert chosen("2,a", ("a", "b", "c")) == (2, 0)
    with pytest.raises(ValueError, match="there is no '2-1'"):
        chosen("2-1", ("a", "b", "c"))
