"""The arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import tyro

StudyName: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
Subject: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY|RUN")]
Data: TypeAlias = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
MaybeInt: TypeAlias = Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")]
MaybeFloat: TypeAlias = Annotated[float | None, tyro.conf.arg(metavar="FLOAT", help_behavior_hint="")]
MaybeText: TypeAlias = Annotated[str | None, tyro.conf.arg(metavar="STR", help_behavior_hint="")]
MaybePath: TypeAlias = Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")]
Options: TypeAlias = Annotated[dict[str, int | float | str], tyro.conf.arg(metavar="NAME VALUE ...", help_behavior_hint="")]
READ = "read.NAME"
"""Stands for all options ``--read.primary``, ``--read.dat``, ... (``reading.py``)."""
ReadOptions: TypeAlias = Annotated[dict[str, str], tyro.conf.arg(name=READ, metavar="VALUE", help_behavior_hint="")]
Out: TypeAlias = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
