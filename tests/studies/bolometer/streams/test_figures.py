"""Figures of a stream's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloudchamber.formats.recording import open_recording
from cloudchamber.studies.bolometer.streams.data import WaferStream
from cloudchamber.studies.bolometer.streams.figures import stream_page
from cloudchamber.studies.bolometer.streams.sun import Sun
from cloudchamber.workflow import stream


def test_data_and_theory_meet(tmp_path: Path) -> None:
    made = stream("bolometer", tmp_path / "tod.h5", duration="400s", start="2012-03-01", settings={"sun": {"phi_mv": 400.0}}, detectors="3,0")
    facts, figures = stream_page(WaferStream(sun=Sun(phi_mv=400.0)), open_recording(made.path), 1)
    assert set(figures) == {"A stretch of data", "Power spectrum", "Amplitudes", "Heights", "Correlations", "The solar cycle"}
    data, theory = (line.get_ydata() for line in figures["Power spectrum"].axes[0].lines)
    assert abs(np.log(np.median(np.asarray(data) / np.asarray(theory)))) < 0.1
    assert facts["phi (MV)"] == "400 (given)" and 180 < float(facts["hits a second at the start"]) < 250
