"""Lists of pulses: a user's own in any format, and what is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable

from cloudchamber.studies.bolometer.glitches.columns import GLITCHES
from cloudchamber.studies.bolometer.glitches.lists import read_list

NAMES = ("bolometer_0", "bolometer_1")


@pytest.mark.parametrize("name", ["list.ecsv", "list.fits", "list.vot"])
def test_units_and_names_are_taken_as_the_file_states_them(name: str, tmp_path: Path) -> None:
    table = QTable({"detector": [1, 0, 1], "time_s": [0.3, 0.1, 0.2] * units.min, "amplitude_w": [3.0, 1.0, 2.0] * units.aW})
    table.write(tmp_path / name, format={"vot": "votable", "fits": "fits", "ecsv": "ascii.ecsv"}[name.split(".")[1]])
    found = read_list(tmp_path / name, NAMES)
    assert np.allclose(found["time_s"], [6, 12, 18]) and found["detector"].tolist() == [0, 1, 1]
    assert np.allclose(found["amplitude_w"], [1e-18, 2e-18, 3e-18], atol=0) and found["family"].tolist() == [0, 0, 0]


def test_a_list_of_text_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("detector,mjd,amplitude_w,family\nbolometer_1,51544.5,2e-16,slow\nbolometer_0,51544.25,1e-16,long\n")
    found = read_list(tmp_path / "a.csv", NAMES)
    assert found["time_s"].tolist() == [21_600, 43_200] and [GLITCHES[code] for code in found["family"]] == ["long", "slow"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("detector,time_s\n0,1\n", "has no column 'amplitude_w'"),
        ("detector,amplitude_w\n0,1e-16\n", "has no column 'time_s'"),
        ("detector,time_s,amplitude_w\n0,nan,1e-16\n", "NaN"),
        ("detector,time_s,amplitude_w\n0,1,-1e-16\n", "amplitude_w"),
        ("detector,time_s,amplitude_w\n2,1,1e-16\n", "no detector 2 in data of 2"),
        ("detector,time_s,amplitude_w\nbolometer_7,1,1e-16\n", "no detector 'bolometer_7'"),
        ("detector,time_s,amplitude_w,family\n0,1,1e-16,muon\n", "muon"),
        ("detector,time_s,amplitude_w [dB(mW)]\n0,1,-160\n", "a logarithm"),
        ("detector,time_s [m],amplitude_w\n0,1,1e-16\n", "another kind of quantity"),
        ("detector,time_s,amplitude_w\n0,1,1e-16\n1,1,1e-16\n0,1,1e-16\n", "1 of its 3 pulses stand in it twice"),
    ],
)
def test_what_is_no_list_is_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=told.replace("(", r"\(").replace(")", r"\)")):
        read_list(tmp_path / "bad.csv", NAMES)


@pytest.mark.parametrize("name", ["answers.csv", "answers.fits"])
def test_of_answers_only_pulses_count(name: str, tmp_path: Path) -> None:
    table = QTable({"detector": [1, 0], "time_s": [0.3, 0.1] * units.s, "amplitude_w": [3.0, 1.0] * units.W, "probability": [0.5, 0.51]})
    table.write(tmp_path / name)
    assert read_list(tmp_path / name, NAMES)["detector"].tolist() == [0]


def test_dates_are_no_times_of_data_without_a_date(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("detector,mjd,amplitude_w\n0,51544.5,2e-16\n")
    with pytest.raises(ValueError, match="the data do not tell theirs: give time_s"):
        read_list(tmp_path / "a.csv", NAMES, dated=False)


def test_other_places_are_refused(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "none.csv", "there is no list"), (tmp_path, "is no event store"), (tmp_path / "a.dat", "cannot tell how to read")):
        (tmp_path / "a.dat").write_text("")
        with pytest.raises(ValueError, match=told):
            read_list(path, NAMES)
