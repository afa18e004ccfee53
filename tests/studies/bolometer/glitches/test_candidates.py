"""Candidates beside the truth: who is who, and what was missed."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.bolometer.columns import FAMILIES as ALL
from cloudchamber.studies.bolometer.glitches.candidates import Truth, candidates, glitch_codes, matched, missed
from cloudchamber.studies.bolometer.glitches.columns import GLITCHES


def truth(*pulses: tuple[float, int, float, str]) -> Truth:
    sample, detector, height, family = zip(*pulses, strict=True)
    return Truth(np.array(sample), np.array(detector), np.array(height), np.array([GLITCHES.index(name) for name in family]))


def test_the_highest_pulses_choose_first() -> None:
    true = truth((100.2, 0, 1.0, "long"), (101.0, 0, 9.0, "short"), (100.4, 1, 5.0, "slow"), (300.0, 0, 2.0, "long"))
    start, detector = np.array([100.3, 99.0, 306.0]), np.array([0, 0, 0])
    assert matched(start, detector, true).tolist() == [1, 0, -1]


def test_what_was_missed_goes_to_the_candidate_before() -> None:
    told = missed(
        np.array([1, 0, 0]),
        np.array([50.0, 80.0, 20.0]),
        truth((10.0, 0, 1.0, "long"), (70.0, 0, 2.0, "slow"), (90.0, 0, 3.0, "slow"), (55.0, 1, 4.0, "short")),
    )
    assert [each.tolist() for each in told["missed_height_w"]] == [[4.0], [3.0], [1.0, 2.0]]
    assert told["missed_glitch"].values.tolist()[:1] == [GLITCHES.index("short")]
    assert len(missed(np.empty(0, int), np.empty(0), truth((1.0, 0, 1.0, "long")))["missed_height_w"]) == 0


def test_only_pulses_of_one_bolometer_have_a_code() -> None:
    assert glitch_codes(np.array([ALL.index("slow"), ALL.index("long")])).tolist() == [3, 1]
    with pytest.raises(ValueError, match="hits of the family 'wafer'"):
        glitch_codes(np.array([0]))


def test_candidates_of_quiet_data_are_none() -> None:
    from cloudchamber.studies.bolometer.detector import PLANCK

    table = candidates(np.zeros((2, 500)), np.ones(2), PLANCK, 180.0, 5.0, (0, 500), truth((250.0, 0, 1.0, "long")))
    assert len(table["time_s"]) == len(table["glitch"]) == len(table["missed_height_w"]) == 0
