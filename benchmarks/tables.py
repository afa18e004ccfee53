"""Tables for terminals and READMEs."""

from __future__ import annotations

from pathlib import Path


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A table, its first column to the left."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, [":--"] + ["--:"] * (len(heads) - 1), *rows))


def show(text: str, path: Path | None) -> None:
    """Print ``text``, and write it to ``path`` if there is one."""
    print(text)
    if path is not None:
        path.write_text(f"{text}\n", encoding="utf-8")
