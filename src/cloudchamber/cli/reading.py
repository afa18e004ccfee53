"""``--read.NAME VALUE``: options of a file's format, such as a primary that it does not tell. The format checks them: it knows which there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

import tyro

from cloudchamber.cli.arguments import READ
from cloudchamber.formats.options import WORDS, options_of
from cloudchamber.study import Study, find_study, study_names

PREFIX = "--read."


def gathered(words: Sequence[str]) -> list[str]:
    """The words with all read options under one flag at their end; ValueError for one without a value, or given twice."""
    rest, found, place = list[str](), dict[str, str](), 0
    while place < len(words):
        word = words[place]
        place += 1
        if not word.startswith(PREFIX):
            rest.append(word)
            continue
        flag, equals, value = word.partition("=")
        if not equals:
            if place == len(words) or words[place].startswith("--"):
                raise ValueError(f"{flag} needs a value; `cloudchamber {words[0]} STUDY --help` lists the options of the study's formats")
            value, place = words[place], place + 1
        name = flag.removeprefix(PREFIX).replace("-", "_")
        if name in found:
            raise ValueError(f"{flag} is given twice: which one counts?")
        found[name] = value
    return [*rest, *([f"--{READ}", *(part for pair in found.items() for part in pair)] if found else [])]


def with_read_help(command: type[Any], words: Sequence[str]) -> type[Any]:
    """The command with help on the read options of the formats of the study, or of the run's study, that ``words`` name."""
    study = _study(words)
    if study is None or "read" not in {f.name for f in dataclasses.fields(command)}:
        return command
    kind = Annotated[dict[str, str], tyro.conf.arg(name=READ, metavar="VALUE", help_behavior_hint="", help=read_help(study))]
    extended = dataclasses.make_dataclass(command.__name__, [("read", kind, field(default_factory=dict))], bases=(command,), frozen=True)
    extended.__doc__ = command.__doc__
    return extended


def read_help(study: Study) -> str:
    """Each option of the study's formats: the formats that have it, and what it is."""
    having: dict[tuple[str, str, str], list[str]] = {}
    for format in study.formats:
        for option in options_of(format).values():
            having.setdefault((option.flag, WORDS[option.kind], option.doc), []).append(format.name)
    lines = [f"{flag} ({kind}; {', '.join(names)}): {doc}" for (flag, kind, doc), names in having.items()]
    return "What a file does not tell, by its format. " + ("; ".join(lines) or f"The formats of '{study.name}' need nothing") + "."


def _study(words: Sequence[str]) -> Study | None:
    from cloudchamber.run.files import RunFiles

    for word in words[1:]:
        if (first := word.partition("/")[0]) in study_names():
            return find_study(first)
        if not word.startswith("-") and (files := RunFiles(Path(word))).finished and files.sealed.study in study_names():
            return find_study(files.sealed.study)
    return None
