"""What is wrong with a command line is told in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from cloudchamber.parsing import one_line, parse


@dataclass(frozen=True)
class Measure:
    """Measure something."""

    out: Path
    n: int | None = None
    how: Literal["fast", "well"] = "well"


COMMANDS = {"measure": Measure}


def test_words_become_a_command() -> None:
    assert parse(COMMANDS, ["measure", "--out", "a", "--n", "3"]) == Measure(Path("a"), 3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("mesure --out a", "unknown command 'mesure' (did you mean 'measure'?); there are: measure"),
        ("measure", "Missing from tool measure: --out PATH (required); `tool measure --help` shows all"),
        ("measure --out a --n nan", "--n: 'nan' is none of the values that it takes, INT; `tool measure --help` shows all"),
        ("measure --out a --hov well", "Unrecognized options: --hov, well (did you mean --how?); `tool measure --help` shows all"),
        ("measure --out a --how badly", "invalid choice 'badly' for argument '--how'. Expected one of ('fast', 'well'); `tool measure --help` shows all"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError) as error:
        parse(COMMANDS, words.split(), "tool")
    assert str(error.value) == told and capsys.readouterr().err == ""


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(COMMANDS, [], "tool")
    assert ended.value.code == 0 and "measure" in capsys.readouterr().out


def test_a_box_becomes_a_line() -> None:
    assert one_line(" Error\n ------------\n a story.\n ------------\n details\n") == "a story"
    assert one_line("╭─ Error ─╮\n│ a long   │\n│ story.   │\n│ ──────── │\n│ details  │\n╰──────────╯") == "a long story"
