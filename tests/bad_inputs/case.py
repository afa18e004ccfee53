"""A bad input: a command line, what makes the bad file, and what the one line must tell."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class World:
    """What is good: stores and runs of the toy studies, a run of own arrays, and a small packaged one."""

    decays: Path
    hits: Path
    run: Path
    classes: Path
    own: Path
    space: Path


@dataclass(frozen=True)
class Case:
    """``words`` may name {bad}, what ``make`` gave; {out}, a name that is free; {here}, the case's folder; and whatever the world has."""

    name: str
    words: str
    told: str
    make: Callable[[World, Path], Path | None] | None = None
    leaves: bool = False
    """Whether something may stay: what was begun, and goes on where it stopped."""

    def command(self, world: World, here: Path) -> list[str]:
        """The words, with the bad file made."""
        bad = self.make(world, here) if self.make else None
        places = {"bad": bad, "out": here / "out", "here": here, **vars(world)}
        return [word.format(**places) for word in shlex.split(self.words)]
