"""The page about a user's events: what is told of all of them, of answers that pass by in chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.run.modes import MODES, QUANTILES, words_of
from cloudchamber.run.repeated import Repeats
from cloudchamber.schema import Ragged, Table, events_in
from cloudchamber.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.trained import TrainedModel

SHOWN_EVENTS, SHOWN_COLUMNS, SHOWN_PANELS = 100, 12, 6
"""What the page shows of the table, and of its columns as histograms."""
NAMED_EVENTS = 5
STRANGE = 0.01
"""Events less familiar than this are counted."""


class Told:
    """What is kept of answers that pass by: counts, the first rows, and the columns of the histograms."""

    def __init__(self, model: TrainedModel, study: Study, run: str, source: str) -> None:
        self.model, self.study, self.run, self.source = model, study, run, source
        self.events = self.answered = self.marked = self.strange = 0
        self.knows = False
        self.left_out: list[int] = []
        self.reason = ""
        self.repeats = Repeats()
        self.rows: list[list[str]] = []
        self.shown: list[str] = []
        self.spread: dict[str, list[np.ndarray]] = {}
        self.peaked = {name: 0 for name, column in model.target_columns.items() if MODES in words_of(column)}
        self.first_peaked: list[int] = []
        self.best = {name: np.zeros(len(column.categories), int) for name, column in model.target_columns.items() if column.categories and not column.shape}

    def see(self, table: Table, good: np.ndarray) -> None:
        """Events as they are read, and which of them will be answered."""
        self.repeats.see(table, self.model.given_columns)
        if not good.all():
            from cloudchamber.run.domain import first_outside

            self.left_out += (self.events + np.flatnonzero(~good)[:NAMED_EVENTS]).tolist()
            if not self.reason:
                self.reason = str(first_outside(table, self.model.given_columns, self.model.domain) or "")
        self.events += events_in(table)
        self.answered += int(good.sum())

    def answer(self, table: Table) -> None:
        """A part of the table of answers."""
        if not self.shown:
            self.shown = [name for name, values in table.items() if not isinstance(values, Ragged) and values.ndim == 1]
            if len(self.shown) > SHOWN_COLUMNS:
                self.shown = [name for name in self.shown if name.rpartition("_")[2] not in QUANTILES][:SHOWN_COLUMNS]
            self.spread = {name: [] for name in table if "_probability" in name or name.endswith("_mean")}
            self.spread = {name: [] for name in [name for name in self.spread if table[name].ndim == 1][:SHOWN_PANELS]}
        for event in range(min(len(table["event"]), SHOWN_EVENTS - len(self.rows))):
            self.rows.append([_word(table[name][event]) for name in self.shown])
        for name, kept in self.spread.items():
            kept.append(table[name])
        if "in_domain" in table:
            self.marked += int(np.sum(~table["in_domain"]))
        if "familiarity" in table:
            self.knows = True
            self.strange += int(np.sum(table["familiarity"] < STRANGE))
        several = np.zeros(len(table["event"]), bool)
        for name in self.peaked:
            more = np.reshape(table[f"{name}_{MODES}"] > 1, (len(several), -1)).any(axis=1)
            self.peaked[name] += int(more.sum())
            several |= more
        self.first_peaked += table["event"][several][: NAMED_EVENTS + 1 - len(self.first_peaked)].tolist()
        for name, counts in self.best.items():
            stated = [table[f"{name}_probability_{category}"] for category in self.model.target_columns[name].categories]
            counts += np.bincount(np.argmax(stated, axis=0), minlength=len(counts))

    def facts(self, outside: str) -> dict[str, str | int | float]:
        """Counts of all events."""
        warning = self.warning()
        facts: dict[str, str | int | float] = {"warning": warning} if warning else {}
        facts |= {
            "study": self.study.name,
            "model": f"{self.run}: {self.model.doc}",
            "events": self.events,
            "read from": self.source,
        }
        if outside == "flag":
            facts["outside the trained domain"] = self.marked
        elif self.answered < self.events:
            named = ", ".join(map(str, self.left_out[:NAMED_EVENTS])) + (", ..." if self.events - self.answered > NAMED_EVENTS else "")
            facts["not answered"] = f"{self.events - self.answered} outside the trained domain (event {named}): {self.reason}"
        if self.repeats.repeated:
            facts["repeated"] = str(self.repeats)
        if self.knows:
            expected = f"{STRANGE * self.answered:.2g} expected"
            facts["strange events"] = f"{self.strange} of {self.answered} less familiar than {1 - STRANGE:.0%} of those like the training's ({expected})"
        if self.first_peaked:
            counts = ", ".join(f"{name} {count}" for name, count in self.peaked.items() if count)
            named = ", ".join(map(str, self.first_peaked[:NAMED_EVENTS])) + (", ..." if len(self.first_peaked) > NAMED_EVENTS else "")
            facts["more than one peak"] = f"{counts} of {self.answered} (event {named}): there a mean and a deviation mislead, quantiles and draws tell"
        return facts

    def verdict(self) -> str:
        """Sentences on the answers: first whether they can be trusted, then how often each class is the most probable one."""
        words = [f"{self.answered} event{'s' if self.answered != 1 else ''}."]
        if warning := self.warning():
            words.insert(0, warning)
        for name, counts in self.best.items():
            each = zip(self.model.target_columns[name].categories, counts, strict=True)
            words.append(f"Most probable {name}: {', '.join(f'{category} {count}' for category, count in each)}.")
        return " ".join(words)

    def warning(self) -> str:
        """What stands first where events are not like the training's; "" where no more of them are strange than chance makes."""
        from scipy.stats import binom

        if not self.strange or binom.sf(self.strange - 1, self.answered, STRANGE) > STRANGE * (1 + 1e-9):
            return ""
        who = "This event is" if self.answered == 1 else f"{self.strange} of {self.answered} events are"
        return f"Not to be trusted: {who} not like those that the model learned from (less familiar than {1 - STRANGE:.0%} of them)."

    def overview(self) -> dict[str, Figure]:
        """Histograms of the answers' numbers, for a study that draws no figures of its own; none for a single event."""
        from matplotlib.figure import Figure

        if not self.spread or self.answered < 2:
            return {}
        columns, rows = min(len(self.spread), 3), math.ceil(len(self.spread) / 3)
        figure = Figure(figsize=(3.2 * columns, 2.6 * rows), layout="constrained", label="How the answers spread over the events.")
        for axes, (name, values) in zip(figure.subplots(rows, columns, squeeze=False).flat, self.spread.items(), strict=False):
            axes.hist(np.concatenate(values), np.linspace(0, 1, 26) if "_probability" in name else 25)
            axes.set_xlabel(name.replace("_", " "))
            axes.set_ylabel("events")
        return {"Answers": figure}


def write_answers_page(out: Path, told: Told, facts: Mapping[str, str | int | float], figures: Mapping[str, Figure], table: Path, drawn: Path | None) -> Path:
    """``index.html`` in the folder ``out``, about answers in ``table`` and draws in ``drawn``."""
    from cloudchamber.report.page import write_rows

    lead = f"The first {len(told.rows)} of {told.answered} events." if len(told.rows) < told.answered else ""
    closing = f"All answers are in {table.name} beside this page{f', draws of them in {drawn.name}' if drawn else ''}, the facts in findings.json."
    title = f"{told.study.title}: {told.source}"
    return write_rows(out / "index.html", title, told.verdict(), facts, figures or told.overview(), "Answers", told.shown, told.rows, lead, closing)


def _word(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
