from __future__ import annotations

import pytest

from cloudchamber.cli.own import own_studies


def test_files_among_the_words() -> None:
    words = ["simulate", "--study", "a.py", "mine", "out", "--study=b.py", "--n", "3"]
    assert own_studies(words) == (["simulate", "mine", "out", "--n", "3"], ["a.py", "b.py"])
    assert own_studies(["list"]) == (["list"], [])


@pytest.mark.parametrize("words", [["list", "--study"], ["list", "--study="], ["list", "--study", "--json"]])
def test_a_file_is_missing(words: list[str]) -> None:
    with pytest.raises(ValueError, match="--study needs the Python file"):
        own_studies(words)
