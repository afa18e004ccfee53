"""The option of every command that names a file with a study of one's own."""

from __future__ import annotations

from collections.abc import Sequence

OPTION = "--study"
HELP = f"""with every command
 {"-" * 52}
  {OPTION} FILE  A Python file that defines a study of your own, which is known by
                its name then (docs/extending.md).
  --traceback   Show where an error came from.
"""


def own_studies(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words without the option, and the files that it names; ValueError where a file is missing after it."""
    left, files, rest = list[str](), list[str](), iter(words)
    for word in rest:
        name, sign, value = word.partition("=")
        if name != OPTION:
            left.append(word)
            continue
        file = value if sign else next(rest, "")
        if not file or file.startswith("-"):
            raise ValueError(f"{OPTION} needs the Python file that defines the study, such as {OPTION} my_study.py")
        files.append(file)
    return left, files
