"""What is told of a stream's pulses, by the command line too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cloudchamber.cli import main
from cloudchamber.formats.csv import read_csv
from cloudchamber.schema import whole
from cloudchamber.studies.bolometer.glitches.findings import GlitchFinder
from cloudchamber.workflow import infer, stream


def test_infer_lists_a_stream_s_pulses_and_compares_them(tmp_path: Path) -> None:
    stream("bolometer", tmp_path / "tod.h5", duration="5min", start="2010-01-01", stream="planck", settings={"noise_w": 5e-17}, truth=tmp_path / "hits")
    words = ("--format", "glitches", "--read.truth", str(tmp_path / "hits"), "--out", str(tmp_path / "found"))
    main(["infer", "bolometer", str(tmp_path / "tod.h5"), *words])
    table = whole(read_csv(tmp_path / "found" / "answers.csv"))
    sure = table["probability"] > 0.5
    assert np.mean(table["true_family"][sure] != "none") > 0.97 and np.mean(table["family"] == table["true_family"]) > 0.85
    right = sure & (table["true_family"] != "none")
    pulls = (table["amplitude_w"] - table["true_height_w"])[right] / table["amplitude_error_w"][right]
    assert 0.6 < np.mean(np.abs(pulls) < 1) < 0.78
    facts = json.loads((tmp_path / "found" / "findings.json").read_text())["facts"]
    assert "by the matched filter at the same purity" in facts["found of them"]
    page = (tmp_path / "found" / "index.html").read_text()
    assert all(title in page for title in ("A stretch of data", "Heights", "Completeness and purity"))
    # an answer is a list, too
    again = infer("bolometer", tmp_path / "tod.h5", tmp_path / "again", format="glitches", read={"truth": tmp_path / "found" / "answers.csv", "threshold": 5.0})
    assert float(str(again.facts["pulses among what is found"])[:6]) > 0.99


def test_families_that_a_list_does_not_tell_are_not_made_up(tmp_path: Path) -> None:
    stream("bolometer", tmp_path / "tod.h5", duration="3min", start="2010-01-01", stream="planck", settings={"noise_w": 5e-17}, detectors="0")
    infer("bolometer", tmp_path / "tod.h5", tmp_path / "found", format="glitches")
    rows = [line.split(",") for line in (tmp_path / "found" / "answers.csv").read_text().splitlines()]
    kept = [rows[0].index(name) for name in ("detector", "time_s", "amplitude_w")]
    (tmp_path / "list.csv").write_text("\n".join(",".join(row[place] for place in kept) for row in rows) + "\n")
    found = infer("bolometer", tmp_path / "tod.h5", tmp_path / "again", format="glitches", read={"truth": tmp_path / "list.csv"})
    assert found.facts["families right"] == "not known: the list tells no families"
    table = whole(read_csv(tmp_path / "again" / "answers.csv"))
    assert set(table["true_family"]) <= {"none", "not told"} and np.mean(table["true_family"] == "not told") > 0.9


def test_without_answers_there_is_nothing_to_tell() -> None:
    found = GlitchFinder().findings()
    assert not found.facts and not found.figures
