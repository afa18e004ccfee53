"""What ``--help`` prints: the parser's text with types that a user knows, and no line wider than the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterator


def tidy(text: str, width: int, commands: Collection[str]) -> str:
    """``text`` of ``--help``: optional settings as ``None|INT``, no empty defaults, long lines wrapped between words."""
    text = text.replace("{" + ",".join(commands) + "}", "COMMAND ...")
    # a choice that was broken between its words is one again
    text = re.sub(r", *\n +(?=[^\s{}]+\})", ",", text)
    # as many characters as before, so that the columns stay straight
    text = re.sub(r"\{None\}\|(\S+)", r"None|\1  ", text).replace("(default: )", " " * len("(default: )"))
    return "".join(f"{line}\n" for line in _lines(text, width))


def first_sentence(doc: str | None) -> str:
    """The first sentence of a docstring."""
    return re.split(r"[.:;](?:\s|$)", " ".join((doc or "").split()), maxsplit=1)[0] + "."


def _lines(text: str, width: int) -> Iterator[str]:
    before = ""
    for line in text.splitlines():
        line = line.rstrip()
        if line or before:
            yield from [line] if len(line) <= width else _wrapped(line, width)
        before = line


def _wrapped(line: str, width: int) -> Iterator[str]:
    """A line in pieces; a shell command goes on after a backslash, its comment stands above."""
    command = line.startswith("$ ")
    if command:
        line, _, comment = (part.strip() for part in line.partition("  #"))
        if comment:
            yield f"# {comment}"
        # an option and its value stay together
        line = re.sub(r" (?!--)", "\0", line)
    indent = "    " if command or line.startswith(("usage:", "  --")) else ""
    pieces = textwrap.wrap(line, width - 2 * command, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    yield " \\\n".join(pieces).replace("\0", " ") if command else "\n".join(pieces)
