"""Options by the words that they had before."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudchamber.cli import COMMANDS, main
from cloudchamber.cli.former import FORMER, former_words, todays


def test_former_words_become_those_of_today() -> None:
    words = ["convert", "toy", "a.csv", "--format-from=csv", "--out", "--format-to", "hdf5"]
    assert todays(words) == ["convert", "toy", "a.csv", "--format=csv", "--out", "--out-format", "hdf5"]
    assert list(former_words(words)) == [("--format-from", "--format"), ("--format-to", "--out-format")]
    kept = ["infer", "run", "a.csv", "--format", "csv", "--limit", "3"]
    assert todays(kept) == kept and not list(former_words(kept)) and todays([]) == []


@pytest.mark.parametrize("command", FORMER)
def test_the_words_of_today_are_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command in COMMANDS
    with pytest.raises(SystemExit):
        main([command, *(["toy"] if command in ("train", "tune") else []), "--help"])
    shown = capsys.readouterr().out
    for former, today in FORMER[command].items():
        assert f"{today} " in shown or today == "--fit.epochs"
        assert f"{former} " not in shown or former == "--format"


def test_a_former_word_is_taken_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("lifetime_us,kind\n1.5,muon\n")
    main(["convert", "toy", str(tmp_path / "a.txt"), "--out", str(tmp_path / "b.h5"), "--format-from", "csv"])
    shown = capsys.readouterr()
    assert "1 events" in shown.out and "note: --format-from is --format now" in shown.err and (tmp_path / "b.h5").exists()
