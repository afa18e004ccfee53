"""From the words of a command line to the command with its settings, or one line on what is wrong with them."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tyro

from cloudchamber.meant import meant

_VALUE = re.compile(r"Error parsing (.+?): no type matching (.+?) could be instantiated from \['?(.*?)'?\]\..*")


def parse(commands: Mapping[str, Callable[..., Any]], words: Sequence[str], prog: str = "cloudchamber", introduction: str = "") -> Any:
    """The command that ``words`` ask for; ValueError in one line for an unknown command or option, a missing one, and a value of another kind."""
    if "" in words:
        raise ValueError(f"word {list(words).index('') + 1} of the command is empty: name what belongs there, such as a file or a folder")
    if words and not words[0].startswith("-") and words[0] not in commands:
        raise ValueError(f"unknown command '{words[0]}'{meant(words[0], commands)}; there are: {', '.join(commands)}")
    told = io.TextIOWrapper(io.BytesIO(), "utf-8")
    try:
        with contextlib.redirect_stderr(told):
            return tyro.extras.subcommand_cli_from_dict(dict(commands), prog=prog, description=introduction, args=list(words) or ["--help"])
    except SystemExit as ended:
        told.seek(0)
        if ended.code in (0, None):
            print(told.read(), end="", file=sys.stderr)  # noqa: T201 (what help itself had to say)
            raise
        asked = f"{prog} {words[0]}" if words[0] in commands else prog
        raise ValueError(f"{one_line(told.read())}; `{asked} --help` shows all") from None


def one_line(box: str) -> str:
    """The first part of what tyro writes into a box (of ASCII where the terminal has no more), and the flags that it thinks were meant."""
    lines = [line.strip("│| ") for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()]
    # before the first border stands the title, where the box is none
    parts = [part for part in re.split(r"^(?:.*(?:---|───).*|[╭╰].*)$", "\n".join(lines), flags=re.MULTILINE)[1:] if part.strip()]
    # tyro's own word for what a command has no flag of
    first = " ".join((parts or [""])[0].split()).replace("__tyro-dummy-inner__.", "")
    if value := _VALUE.fullmatch(first):
        first = f"{value[1]}: '{value[3]}' is none of the values that it takes, {value[2].removeprefix('{None}|')}"
    similar = [part for part in parts[1:] if re.match(r"\s*(Perhaps you meant|Similar|Did you mean)", part)]
    flags = [re.split(r"[\s,]", line.strip())[0] for part in similar for line in part.splitlines()]
    near = list(dict.fromkeys(flag for flag in flags if flag.startswith("--")))[:3]
    return first.rstrip(".") + (f" (did you mean {' or '.join(near)}?)" if near else "")
