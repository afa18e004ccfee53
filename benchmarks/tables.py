"""Tables for terminals and READMEs."""

from __future__ import annotations


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A table, its first column to the left."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, [":--"] + ["--:"] * (len(heads) - 1), *rows))
