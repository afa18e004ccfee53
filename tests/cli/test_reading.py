"""``--read.NAME VALUE``: words of a command line, help, and what reaches a reader."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cloudchamber.cli import COMMANDS, main
from cloudchamber.cli.reading import gathered, read_help
from cloudchamber.study import find_study


def test_read_options_go_together() -> None:
    words = ["convert", "airshower", "--read.dat", "DAT1", "a.long", "--read.zenith-deg=-3", "--out", "b"]
    assert gathered(words) == ["convert", "airshower", "a.long", "--out", "b", "--read.NAME", "dat", "DAT1", "zenith_deg", "-3"]
    assert gathered(["list", "--json"]) == ["list", "--json"]


@pytest.mark.parametrize("words", [["--read.dat"], ["--read.dat", "--out", "b"]])
def test_an_option_needs_a_value(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"--read\.dat needs a value"):
        gathered(["convert", "airshower", *words])


def test_an_option_counts_once() -> None:
    with pytest.raises(ValueError, match=r"--read\.lg-energy-ev is given twice"):
        gathered(["convert", "--read.lg_energy_ev", "17", "--read.lg-energy-ev", "18"])


@pytest.mark.parametrize("command", ["convert", "infer", "sample", "validate", "demo", "simulate"])
def test_help_lists_the_options_of_each_format(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "airshower", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--read.dat (file; corsika7)" in shown and "--read.primary (text; corsika7, corsika8)" in shown
    assert "read" in {f.name for f in dataclasses.fields(COMMANDS[command])}


def test_help_of_a_study_whose_files_tell_all(tmp_path: Path) -> None:
    assert read_help(find_study("toy_sets")).endswith("The formats of 'toy_sets' need nothing.")
    assert "--read.light (file; times)" in read_help(find_study("toy"))
