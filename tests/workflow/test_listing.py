"""What ``list`` finds."""

from __future__ import annotations

from cloudchamber import workflow


def test_list_shows_what_is_there() -> None:
    [toy] = [study for study in workflow.list_studies() if study.name == "toy"]
    assert toy.recipes == ("flow", "matching") and toy.packaged == () and "times" in toy.formats
