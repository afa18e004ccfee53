"""Options that had other words before, by command: scripts keep running, and are told the word of today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

FORMER = {
    "convert": {"--format-from": "--format", "--format-to": "--out-format"},
    "sample": {"--format": "--out-format"},
    "infer": {"--answers-as": "--out-format"},
    "export": {"--kind": "--out-format"},
    "train": {"--limit": "--n", "--num-nodes": "--nodes"},
    "tune": {"--limit": "--n", "--epochs": "--fit.epochs"},
    "validate": {"--against": "--file"},
    "demo": {"--events": "--n"},
}


def former_words(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Former options among the words of a command, each with the one of today."""
    known = FORMER.get(words[0], {}) if words else {}
    return ((name, known[name]) for name in (word.partition("=")[0] for word in words) if name in known)


def todays(words: Sequence[str]) -> list[str]:
    """The words with the options of today."""
    today = dict(former_words(words))
    parts = [word.partition("=") for word in words]
    return [today.get(name, name) + sign + value for name, sign, value in parts]
