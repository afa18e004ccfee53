"""At 80 columns every command explains itself in whole words, with types that a user knows."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

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
    assert "{None}" not in narrow and "(default: )" not in narrow


def test_one_word_for_one_thing() -> None:
    """An option that two commands have takes the same kind of value, and words that were given up stay so."""
    kinds: dict[str, set[object]] = {}
    for command in COMMANDS.values():
        for option, kind in get_type_hints(command).items():
            kinds.setdefault(option, set()).update(set(get_args(kind) or (kind,)) - {type(None)})
    # choices differ by command; --data is a place of its own or an option; --runs of upgrade are folders
    several = {option for option, found in kinds.items() if len(found) > 1}
    assert several <= {"outside", "out_format", "sampler", "options", "runs", "compare", "source"}
    assert not {"limit", "against", "events", "kind", "answers_as", "format_from", "format_to", "num_nodes"} & set(kinds)


def test_tidy() -> None:
    assert tidy("--a {None}|INT  more", 30, ()) == "--a None|INT    more\n"
    assert tidy("word\n\n\n" + 3 * "1234567890 ", 25, ()) == "word\n\n1234567890 1234567890\n1234567890\n"
    assert tidy("$ cloudchamber one --two three --four  # why", 28, ()) == "# why\n$ cloudchamber one \\\n    --two three --four\n"
    assert tidy("usage: x {a,b}", 80, ("a", "b")) == "usage: x COMMAND ...\n"
    assert first_sentence("Make it: so.\n\n    More.") == "Make it."
