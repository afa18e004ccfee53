"""``validate`` of a stream's pieces: somebody's windows beside those that a run and the simulator make at their conditions."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.study import find_study
from cloudchamber.workflow import validate
from cloudchamber.workflow.against import is_stream


@pytest.fixture(scope="module")
def tod(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "tod.h5"
    main(["stream", "bolometer", str(path), "--duration", "200s", "--start", "2012-03-05", "--seed", "9"])
    return path


def test_a_converted_stream_is_like_the_model_s(tod: Path, tmp_path: Path) -> None:
    main(["convert", "bolometer", str(tod), "--format", "stream", "--out", str(tmp_path / "mine"), "--read.samples", "300"])
    assert is_stream("bolometer", find_study("bolometer"), tmp_path / "mine", None, None)
    found = validate("bolometer", tmp_path / "mine", n=50, rate_hz=156.25, out=tmp_path / "report")
    assert found.n == 50 and set(found.others) == {"simulator"} and not found.failed and (tmp_path / "report/index.html").exists()
    assert {check.name for check in found.checks} >= {"power spectrum, rms of octaves", "bolometer correlation, rms", "amplitudes, KS"}
    assert not [check for check in found.others["simulator"] if check.verdict == "failed"]


def test_a_stream_of_twice_the_power_fails(tod: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user's own file; by the option's former word."""
    with h5py.File(tod) as file, h5py.File(tmp_path / "mine.h5", "w") as mine:
        mine["tod"] = 2 * file["tod"][:, :30_000]
        mine["tod"].attrs.update({"units": "W", "sampling_rate_hz": 156.25})
    words = (
        "--format",
        "stream",
        "--read.samples",
        "300",
        "--read.phi-mv",
        "500",
        "--read.thickness-um",
        "500",
        "--n",
        "50",
        "--out",
        str(tmp_path / "report"),
        "--json",
    )
    capsys.readouterr()
    main(["validate", "bolometer", "--against", str(tmp_path / "mine.h5"), *words])
    found = json.loads(capsys.readouterr().out)
    assert {check["name"] for check in found["checks"] if check["verdict"] == "failed"} >= {"amplitudes, KS", "amplitudes, W1 / sigma"}


def test_what_cannot_be_compared_is_refused(tod: Path, tmp_path: Path) -> None:
    words = {"file": tod, "format": "stream", "out": tmp_path / "report"}
    with pytest.raises(ValueError, match=r"holds 29 pieces: 40 are needed at least"):
        validate("bolometer", **words)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"without floor, compare and protocol"):
        validate("bolometer", **words, compare=("bolometer/events",))  # type: ignore[arg-type]
    with h5py.File(tmp_path / "mine.h5", "w") as mine:
        mine["tod"] = np.ones((2, 1000))
        mine["tod"].attrs["units"] = "W"
    words |= {"file": tmp_path / "mine.h5"}
    with pytest.raises(ValueError, match=r"mine.h5' does not tell its sampling rate: give --rate-hz"):
        validate("bolometer", **words, read={"samples": 20})  # type: ignore[arg-type]
    for lacking, read in (("phi_mv", {}), ("thickness_um", {"phi_mv": 500.0})):
        with pytest.raises(ValueError, match=rf"the events have no {lacking}: windows are compared at their phi"):
            validate("bolometer", **words, read={"samples": 20, **read}, rate_hz=156.25)  # type: ignore[arg-type]
    conditions = {"samples": 20, "phi_mv": 500.0, "thickness_um": 500.0}
    with pytest.raises(ValueError, match=r"windows of 2 bolometers, and the stream's wafer has 12"):
        validate("bolometer", **words, read=conditions, rate_hz=156.25)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"1 Hz cannot be made"):
        validate("bolometer", **words, read=conditions, rate_hz=1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"100 Hz is asked for, and .*tod.h5' says that it is sampled at 156.25 Hz"):
        validate("bolometer", tod, format="stream", rate_hz=100.0, out=tmp_path / "report")
    with pytest.raises(ValueError, match=r"rate_hz is that of a stream's pieces"):
        validate("bolometer", rate_hz=31.25, out=tmp_path / "report")
