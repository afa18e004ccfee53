"""The report of a validation: one HTML page that needs nothing else, and the same numbers as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.report.page import TEMPLATES, write_page
from cloudchamber.report.summary import summarise
from cloudchamber.validate.check import CheckResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def metrics(answers: Mapping[str, Sequence[CheckResult]], facts: Mapping[str, str | int | float], default: str) -> dict[str, Any]:
    """A JSON-ready dictionary: the facts (study, run and n among them), the default answer's checks, and all answers' by name; NaN becomes null."""
    for fact in ("study", "run", "n"):
        if fact not in facts:
            raise ValueError(f"the report's facts lack '{fact}'; got: {', '.join(facts) or 'none'}")
    if default not in answers:
        raise ValueError(f"the default answer '{default}' is not among the answers: {', '.join(answers) or 'none'}")
    listed = {name: [_plain(asdict(result)) for result in results] for name, results in answers.items()}
    return {**_plain(facts), "default": default, "checks": listed[default], "answers": listed}


def write_report(
    folder: Path,
    title: str,
    answers: Mapping[str, Sequence[CheckResult]],
    figures: Mapping[str, Figure],
    facts: Mapping[str, str | int | float],
    default: str,
) -> Path:
    """Write ``index.html`` and ``metrics.json`` into ``folder`` and return the page's path.

    Answers (the default first) become columns of the summary, in which a check made in groups shows its worst one; lower values are better.
    A figure's name is its heading, its label (``figure.set_label``) its caption. Nothing on the page is loaded from anywhere else.
    """
    numbers = metrics(answers, facts, default)
    names = [default, *(name for name in answers if name != default)]
    summary = summarise({name: answers[name] for name in names})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(numbers, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return write_page(
        folder / "index.html",
        "report.html",
        title,
        facts,
        figures,
        answers=names,
        rows=summary,
        verdict=[row.cells[0].passed for row in summary].count(True),
        open=sum(row.cells[0].undecided for row in summary),
        limited=sum(row.cells[0].passed is not None for row in summary),
        script=(TEMPLATES / "report.js").read_text(encoding="utf-8"),
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
