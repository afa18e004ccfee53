"""Options of readers, such as a primary that the file does not tell: the keyword-only parameters of ``Format.read``, by name and in words."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from cloudchamber.meant import meant
from cloudchamber.study import Format

WORDS = {str: "text", float: "number", int: "whole number", Path: "file"}


@dataclass(frozen=True)
class Option:
    """One option: what it is (text, a number, a whole number or a file), whether there may be one for each event, and what it says."""

    name: str
    kind: type
    several: bool
    doc: str

    @property
    def flag(self) -> str:
        """As it stands on a command line."""
        return f"--read.{self.name.replace('_', '-')}"

    def value(self, given: Any) -> Any:
        """What the reader takes, of words of a command line, split at commas where there may be several; ValueError for another kind."""
        if not isinstance(given, str):
            return given
        parts = given.split(",") if self.several else [given]
        values = [self._one(part.strip()) for part in parts]
        return values if len(values) > 1 else values[0]

    def _one(self, text: str) -> Any:
        try:
            value = self.kind(text)
        except ValueError:
            value = math.nan
        if not text or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{self.flag}: '{text}' is no {WORDS[self.kind]}; it is {self.doc}")
        return value


def options_of(format: Format) -> dict[str, Option]:
    """The options of a format: keyword-only parameters of its reader that it leaves open, annotated with a type and words on them."""
    read, fixed = format.read, set[str]()
    while isinstance(read, partial):
        fixed |= set(read.keywords)
        read = read.func
    if read is None:
        return {}
    names = [p.name for p in inspect.signature(read).parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in fixed]
    if not names:
        return {}
    hints = get_type_hints(read, include_extras=True)
    return {name: _option(format.name, name, hints[name]) for name in names}


def chosen_options(format: Format, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a reader is called with; ValueError for one that the format lacks, and for a value of another kind."""
    known = options_of(format)
    chosen = {}
    for name, given in asked.items():
        name = name.replace("-", "_")
        if name not in known:
            raise ValueError(f"the format '{format.name}' has no read option '{name}'{meant(name, known)}; it has: {told(known.values())}")
        chosen[name] = known[name].value(given)
    return chosen


def need_file(read: Mapping[str, Any] | None, file: object) -> None:
    """ValueError for options where no file is read."""
    if read and not isinstance(file, (str, Path)):
        raise ValueError(f"--read.{next(iter(read))} is an option of a file's format: give the file too")


def stated_options(asked: Mapping[str, Any]) -> str:
    """What was asked for, in a line."""
    return ", ".join(f"{name.replace('-', '_')} {given}" for name, given in sorted(asked.items()))


def told(options: Iterable[Option]) -> str:
    """Flags and kinds, in a line."""
    return ", ".join(f"{option.flag} ({WORDS[option.kind]})" for option in options) or "none"


def _option(format: str, name: str, hint: Any) -> Option:
    """From an annotation such as ``Annotated[float | Sequence[float] | None, "words"]``."""
    kind, *words = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    kinds = [each for each in get_args(kind) or (kind,) if each is not NoneType]
    if kinds[0] not in WORDS or not words:
        known = ", ".join(each.__name__ for each in WORDS)
        raise TypeError(f"the option '{name}' of the format '{format}' needs a type of {known}, and words on it: Annotated[str, '...']")
    return Option(name, kinds[0], len(kinds) > 1, " ".join(str(words[0]).split()))
