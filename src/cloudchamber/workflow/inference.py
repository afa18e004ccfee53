"""Infer what was from what a detector saw: a trained model's answers about the events of a user's file, as a table and a page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cloudchamber.atomic import replacing, write_atomically
from cloudchamber.formats.csv import write_csv
from cloudchamber.formats.hdf5 import write_hdf5
from cloudchamber.formats.parquet import write_parquet
from cloudchamber.formats.tables import presence, read_table
from cloudchamber.hub import find_run, load
from cloudchamber.schema import Ragged, Table, check_table, events_in
from cloudchamber.study import Findings, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.trained import TrainedModel

SHOWN_EVENTS, SHOWN_COLUMNS, SHOWN_PANELS = 100, 12, 6
"""What the page shows of the table, and of its columns as histograms."""
AnswersAs: TypeAlias = Literal["csv", "parquet", "hdf5"]
STRANGE = 0.01
"""Events less familiar than this are counted."""


@dataclass(frozen=True)
class Inference:
    """What ``infer`` found: the ``answers``, one entry an event, the facts, and the files they are in; ``posterior`` is where draws were asked for."""

    study: str
    run: str
    events: int
    answers: Table
    facts: Mapping[str, str | int | float]
    table: Path
    report: Path
    posterior: Path | None

    def to_json(self) -> dict[str, Any]:
        """Study, run, number of events, facts and files; what is not known is null."""
        facts = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in self.facts.items()}
        files = {"answers": str(self.table), "report": str(self.report), "posterior": str(self.posterior) if self.posterior else None}
        return {"study": self.study, "run": self.run, "events": self.events, "facts": facts, **files}


def infer(
    subject: Path | str,
    file: Table | Path | str,
    out: Path | str,
    format: str | None = None,
    seed: int = 1,
    outside: Literal["refuse", "flag"] = "refuse",
    draws: int = 100,
    posterior: int = 0,
    answers_as: AnswersAs = "csv",
    partial: bool = False,
) -> Inference:
    """Answer for each event of ``file`` (a table, a file of the study's formats, or an event store).

    ``subject`` is a study, ``"study/recipe"`` or a run folder. The folder ``out`` gets ``answers.csv`` (or .parquet, .h5: ``answers_as``; ragged columns of a
    study's own turn csv into parquet): class probabilities, or mean and standard deviation over ``draws`` draws of the model; ``index.html`` with the study's
    own findings and figures; ``findings.json`` with the facts; and with ``posterior`` > 0 ``posterior.h5`` with so many draws an event. Events outside the
    trained domain are refused, or marked with ``outside="flag"``; ``familiarity``, where a run knows it, is the share of events like the training's that are
    as strange.
    ValueError for a surrogate, whose answers are what a detector sees.
    """
    folder, study = find_run(subject)
    model, out = load(subject), Path(out)
    run = str(subject).rstrip("/") if folder.parent != study.pretrained else f"{study.name}/{folder.name}"
    _refuse_surrogate(model, run)
    if posterior < 0:
        raise ValueError(f"posterior, the number of draws an event, must not be negative, got {posterior}")
    table = read_table(Path(file), study, format, partial=partial) if isinstance(file, (str, Path)) else dict(file)
    table = _checked(table, model, study, file)
    given = {name: table[name] for name in model.given}
    answers = {"event": np.arange(events_in(given)), **labelled(model.predict(given, draws=draws, seed=seed, outside=outside), model)}
    own = study.infer(model, table, seed) if study.infer else Findings()
    answers |= _fitting(own.columns, answers, study)

    source = Path(file).name if isinstance(file, (str, Path)) else "a table"
    facts: dict[str, str | int | float] = {"study": study.name, "model": f"{run}: {model.doc}", "events": events_in(given), "read from": source}
    if outside == "flag":
        facts["outside the trained domain"] = int(np.sum(~answers["in_domain"]))
    if "familiarity" in answers:
        strange = int(np.sum(answers["familiarity"] < STRANGE))
        expected = f"{STRANGE * events_in(given):.2g} expected"
        facts["strange events"] = f"{strange} of {events_in(given)} less familiar than {1 - STRANGE:.0%} of those like the training's ({expected})"
    facts |= {name: value.item() if isinstance(value, np.generic) else value for name, value in own.facts.items()}
    out.mkdir(parents=True, exist_ok=True)
    path = _write_answers(out, answers, answers_as)
    drawn = _write_posterior(out / "posterior.h5", model, given, seed, outside, posterior) if posterior else None
    report = _write_page(out, study, source, model, answers, facts, own.figures or overview(answers), path, drawn)
    found = Inference(study.name, run, events_in(given), answers, facts, path, report, drawn)
    write_atomically(out / "findings.json", json.dumps(found.to_json(), indent=1, allow_nan=False).encode() + b"\n")
    return found


def labelled(answers: Table, model: TrainedModel) -> Table:
    """``predict``'s answers with a column ``<name>_probability_<category>`` for each class of a single category."""
    table: Table = {}
    for name, values in answers.items():
        column = model.target_columns.get(name.removesuffix("_probability"))
        if column is not None and column.categories and name.endswith("_probability") and not column.shape:
            table |= {f"{name}_{category}": values[:, code] for code, category in enumerate(column.categories)}
        else:
            table[name] = values
    return table


def overview(answers: Table) -> dict[str, Figure]:
    """Histograms of the answers' numbers, for a study that draws no figures of its own; none for a single event."""
    from matplotlib.figure import Figure

    shown = [name for name, values in answers.items() if ("_probability" in name or name.endswith("_mean")) and values.ndim == 1][:SHOWN_PANELS]
    if not shown or len(answers[shown[0]]) < 2:
        return {}
    figure = Figure(figsize=(3.2 * min(len(shown), 3), 2.6 * math.ceil(len(shown) / 3)), layout="constrained", label="How the answers spread over the events.")
    for axes, name in zip(figure.subplots(math.ceil(len(shown) / 3), min(len(shown), 3), squeeze=False).flat, shown, strict=False):
        axes.hist(answers[name], np.linspace(0, 1, 26) if "_probability" in name else 25)
        axes.set_xlabel(name.replace("_", " "))
        axes.set_ylabel("events")
    return {"Answers": figure}


def _refuse_surrogate(model: TrainedModel, run: str) -> None:
    if not set(model.target) & set(model.schema.theta):
        seen = ", ".join(model.target[:3]) + (", ..." if len(model.target) > 3 else "")
        raise ValueError(
            f"'{run}' is a surrogate: it draws what a detector sees ({seen}) and infers nothing from it; "
            f"use `cloudchamber sample {run} OUT --given FILE`, or infer with a recipe whose target is in theta: {', '.join(model.schema.theta)}"
        )


def _checked(table: Table, model: TrainedModel, study: Study, file: Any) -> Table:
    """The columns of the model's schema, and of the study's for such a table, that it holds, the given ones among them."""
    missing = [name for name in model.given if name not in table]
    if missing:
        raise ValueError(f"the events lack the column '{missing[0]}'; needed: {', '.join(model.given)}; they have: {', '.join(table)}")
    known = {**presence(table, study.schema_for(table)).columns, **presence(table, model.schema).columns}
    table = check_table(table, known, extra=True)
    if events_in(table) == 0:
        raise ValueError(f"'{file}' holds no events")
    return table


def _fitting(columns: Table, answers: Table, study: Study) -> Table:
    """A study's own columns, if they fit beside the answers."""
    for name, values in columns.items():
        if name in answers or len(values) != len(answers["event"]):
            needed = f"a new name and {len(answers['event'])} entries"
            raise ValueError(f"the findings of the study '{study.name}': column '{name}' needs {needed}, has {len(values)}")
    return dict(columns)


def _write_answers(out: Path, answers: Table, answers_as: AnswersAs) -> Path:
    if answers_as == "csv" and any(isinstance(values, Ragged) for values in answers.values()):
        answers_as = "parquet"
    path = out / f"answers.{'h5' if answers_as == 'hdf5' else answers_as}"
    answers = {name: values if isinstance(values, Ragged) else np.asarray(values) for name, values in answers.items()}
    with replacing(path) as part:
        if answers_as == "csv":
            write_csv(part, answers, {})
        else:
            {"parquet": write_parquet, "hdf5": write_hdf5}[answers_as](part, answers)
    return path


def _write_posterior(path: Path, model: TrainedModel, given: Table, seed: int, outside: Literal["refuse", "flag"], draws: int) -> Path:
    """Draws of the target's columns, (events, draws, ...)."""
    drawn = model.posterior(given, draws, seed, outside=outside)
    with replacing(path) as part:
        write_hdf5(part, {name: drawn[name] for name in model.target})
    return path


def _write_page(
    out: Path,
    study: Study,
    source: str,
    model: TrainedModel,
    answers: Table,
    facts: Mapping[str, str | int | float],
    figures: Mapping[str, Figure],
    table: Path,
    drawn: Path | None,
) -> Path:
    from cloudchamber.report.page import write_rows

    shown = [name for name, values in answers.items() if not isinstance(values, Ragged) and values.ndim == 1][:SHOWN_COLUMNS]
    events = len(answers["event"])
    rows = [[_word(answers[name][event]) for name in shown] for event in range(min(events, SHOWN_EVENTS))]
    lead = f"The first {len(rows)} of {events} events." if len(rows) < events else ""
    closing = f"All answers are in {table.name} beside this page{f', draws of them in {drawn.name}' if drawn else ''}, the facts in findings.json."
    title = f"{study.title}: {source}"
    return write_rows(out / "index.html", title, _verdict(model, answers), facts, figures, "Answers", shown, rows, lead, closing)


def _verdict(model: TrainedModel, answers: Table) -> str:
    """A sentence on the answers: how often each class is the most probable one."""
    events = len(answers["event"])
    words = [f"{events} event{'s' if events > 1 else ''}."]
    for name, column in model.target_columns.items():
        if column.categories and not column.shape:
            best = np.argmax([answers[f"{name}_probability_{category}"] for category in column.categories], axis=0)
            counts = np.bincount(best, minlength=len(column.categories))
            words.append(f"Most probable {name}: {', '.join(f'{category} {count}' for category, count in zip(column.categories, counts, strict=True))}.")
    return " ".join(words)


def _word(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
