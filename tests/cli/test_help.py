"""At 80 columns every command explains itself in whole words, with types that a user knows."""

from __future__ import annotations

import re

import pytest

from cloudchamber.cli import COMMANDS, main
from cloudchamber.cli.help import first_sentence, tidy
from cloudchamber.study import find_study, study_names

SETTINGS = [
    *(["simulate", study, "--simulator", name] for study in study_names() for name in find_study(study).simulators),
    *(["train", study, "--recipe", name] for study in study_names() for name in find_study(study).recipes),
]
LINES = [[], *([name] for name in COMMANDS), *SETTINGS]


def helped(words: list[str], columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def words_of(text: str) -> set[str]:
    return set(re.sub(r"--{9,}|\\\n", " ", text).split())


@pytest.mark.parametrize("words", LINES, ids=lambda words: " ".join(words) or "no command")
def test_help_fits(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    narrow, wide = (helped(words, columns, monkeypatch, capsys) for columns in (80, 2000))
    assert max(map(len, narrow.splitlines())) <= 80
    assert words_of(narrow) <= words_of(wide) | {"#"}, "a word is broken"
    assert ("{None}" not in narrow and "(default: )" not in narrow and "(default: None)" not in narrow) or any("." in word for word in words_of(narrow))


def test_one_word_for_one_thing() -> None:
    """An option that two commands have takes the same kind of value, and words that were given up stay so."""
    from typing import get_type_hints

    kinds: dict[str, object] = {}
    for name, command in COMMANDS.items():
        for option, kind in get_type_hints(command).items():
            plain = str(kind).replace(" | None", "")
            if option not in ("outside", "out_format", "sampler"):
                assert kinds.setdefault(option, plain) == plain or option in ("n", "out", "runs"), f"--{option} of {name} is {plain}, elsewhere {kinds[option]}"
    gone = {"limit", "against", "events", "kind", "answers_as", "format_from", "format_to", "num_nodes"}
    assert not gone & set(kinds)


def test_tidy() -> None:
    assert (
        tidy("│ --a {None}|INT  more │\n\n\nword " + 5 * "1234567890 ", 30, ())
        == "│ --a None|INT    more │\n\nword 1234567890 1234567890\n1234567890 1234567890\n1234567890\n"
    )
    assert tidy("$ cloudchamber one two three four  # why", 25, ()) == "# why\n$ cloudchamber one two \\\n    three four\n"
    assert tidy("usage: x {a,b}", 80, ("a", "b")) == "usage: x COMMAND ...\n"
    assert first_sentence("Make it: so.\n\n    More.") == "Make it."
