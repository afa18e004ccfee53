"""The page of a stream's file draws what the study knows of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudchamber.cli import main


def test_a_bolometer_s_file_gets_the_study_s_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["stream", "bolometer", str(tmp_path / "tod.h5"), "--duration", "2min", "--start", "2032-07-01", "--detectors", "0-2"]
    main([*words, "--report", str(tmp_path / "page")])
    page = (tmp_path / "page/index.html").read_text()
    for word in ("A stretch of data", "Power spectrum", "Amplitudes", "Heights", "Correlations", "The solar cycle", "a forecast", "bolometer_02"):
        assert word in page, word
    assert "note: phi is 344 MV (a forecast" in capsys.readouterr().out
