"""The surrogates' report as one table: for every check the median and the worst over the bins, and in how many bins it passes, the floor beside.

$ cloudchamber validate runs/flow --data data/test --floor data/floor --n 20000 --compare runs/matching runs/wgan --out reports/airshower
$ python benchmarks/airshower_surrogates.py reports/airshower/metrics.json --markdown surrogates.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro


@dataclass(frozen=True)
class Options:
    """What to read and write."""

    metrics: tyro.conf.Positional[tuple[Path, ...]]
    """metrics.json of one or more reports."""
    markdown: Path | None = None
    """A file for the table."""


def answers(paths: tuple[Path, ...]) -> dict[str, list[dict[str, Any]]]:
    """The checks of every answer in the reports, each once."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        for name, checks in json.loads(path.read_text(encoding="utf-8"))["answers"].items():
            found.setdefault(name, checks)
    return found


def rows(found: dict[str, list[dict[str, Any]]]) -> Iterator[list[str]]:
    """One row a check."""
    for check in dict.fromkeys(each["name"] for checks in found.values() for each in checks):
        row = [check]
        for position, checks in enumerate(found.values()):
            mine = [each for each in checks if each["name"] == check and each["value"] is not None and each["passed"] is not None]
            values = np.array([each["value"] for each in mine])
            passed = sum(bool(each["passed"]) for each in mine)
            if position == 0:
                limit = mine[0].get("floors")
                row.append(f"{limit:g} floors" if limit else f"{mine[0]['limit']:g} {mine[0]['unit']}")
                floors = np.array([each["floor"] for each in mine if each["floor"] is not None])
                kept = sum(each["floor"] is not None and each["floor"] <= each["limit"] for each in mine)
                row.append(f"{np.median(floors):.3g} / {floors.max():.3g} ({kept}/{len(mine)})" if len(floors) else "")
            row.append(f"{np.median(values):.3g} / {values.max():.3g} ({passed}/{len(mine)})")
        yield row


def main(options: Options) -> None:
    """Print the table, and write it."""
    found = answers(options.metrics)
    head = ["check (median / worst bin)", "limit", "floor", *(f"{name} (bins passed)" for name in found)]
    table = [head, ["---"] * len(head), *rows(found)]
    text = "\n".join("| " + " | ".join(row) + " |" for row in table) + "\n"
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Options))
