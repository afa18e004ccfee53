"""The report of a validation: one HTML page that needs nothing else, and the same numbers as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.report.page import TEMPLATES, write_page
from cloudchamber.report.summary import more_events, outcome, sentence, summarise
from cloudchamber.validate.check import CheckResult
from cloudchamber.validate.verdict import CHANCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def metrics(answers: Mapping[str, Sequence[CheckResult]], facts: Mapping[str, str | int | float], default: str) -> dict[str, Any]:
    """A JSON-ready dictionary: the facts (study, run and n among them), the verdicts in a sentence and a check, all results; NaN becomes null.

    ``checks`` are the results of the default answer, ``answers`` those of all by name.
    """
    for fact in ("study", "run", "n"):
        if fact not in facts:
            raise ValueError(f"the report's facts lack '{fact}'; got: {', '.join(facts) or 'none'}")
    if default not in answers:
        raise ValueError(f"the default answer '{default}' is not among the answers: {', '.join(answers) or 'none'}")
    listed = {name: [_plain(result.to_json()) for result in results] for name, results in answers.items()}
    verdicts = {
        name: outcome([result for result in answers[default] if result.name == name]).verdict for name in dict.fromkeys(each.name for each in answers[default])
    }
    said = sentence(default, answers[default], int(facts["n"]))
    return {**_plain(facts), "sentence": said, "verdicts": verdicts, "default": default, "checks": listed[default], "answers": listed}


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
        sentence=numbers["sentence"],
        verdicts=[verdict for verdict in numbers["verdicts"].values() if verdict],
        n=int(facts["n"]),
        more_events=more_events,
        chance=f"{CHANCE:.0%}",
        grouped=max((len(results) for results in answers.values()), default=0) > len(summary),
        script=(TEMPLATES / "report.js").read_text(encoding="utf-8"),
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
