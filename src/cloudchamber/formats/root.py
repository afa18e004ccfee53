"""ROOT files, as uproot opens them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def refuse_cut_off(path: Path, file: Any) -> None:
    """ValueError where an open ROOT ``file`` says that it is longer than what is there: events at its end would be missing, or made up."""
    there, told = path.stat().st_size, int(file.file.fEND)
    if there < told:
        raise ValueError(f"'{path}' is damaged or cut short: it has {there} bytes of {told}; copy it again")
