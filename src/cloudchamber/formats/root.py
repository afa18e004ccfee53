"""ROOT files, as uproot opens them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNITS = "units"
"""Key of a text beside the trees, JSON of branches and their units: branches of uproot have no titles to state them."""


def write_units(file: Any, units: Mapping[str, str]) -> None:
    """State the ``units`` of branches, those that have one, in an open ROOT ``file``."""
    file[UNITS] = json.dumps({name: unit for name, unit in units.items() if unit})


def read_units(file: Any) -> dict[str, str]:
    """What ``write_units`` says; nothing in a file of another program."""
    if file.classnames(cycle=False).get(UNITS) != "TObjString":
        return {}
    try:
        told = json.loads(str(file[UNITS]))
    except ValueError:
        return {}
    return {name: str(unit) for name, unit in told.items()} if isinstance(told, dict) else {}


def refuse_cut_off(path: Path, file: Any) -> None:
    """ValueError where an open ROOT ``file`` says that it is longer than what is there: events at its end would be missing, or made up."""
    there, told = path.stat().st_size, int(file.file.fEND)
    if there < told:
        raise ValueError(f"'{path}' is damaged or cut short: it has {there} bytes of {told}; copy it again")
