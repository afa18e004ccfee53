"""The arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import tyro

StudyName: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
Subject: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY|RUN")]
Data: TypeAlias = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
Out: TypeAlias = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
