from __future__ import annotations

from cloudchamber.meant import meant


def test_a_near_word_is_told_and_a_far_one_not() -> None:
    assert meant("enrgy", ["energy", "zenith"]) == " (did you mean 'energy'?)"
    assert meant("charge", {"energy": 1}) == meant("charge", []) == ""
