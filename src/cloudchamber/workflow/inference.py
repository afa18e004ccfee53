"""Infer what was from what a detector saw: a trained model's answers about the events of a user's file, as a table and a page."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cloudchamber.atomic import refuse_place, replacing, write_atomically
from cloudchamber.formats.csv import read_csv, write_csv
from cloudchamber.formats.hdf5 import IN_DOMAIN, append, attributes_of, read_hdf5, write_hdf5
from cloudchamber.formats.options import need_file, stated_options
from cloudchamber.formats.parquet import read_parquet, write_parquet
from cloudchamber.formats.tables import presence, read_chunks
from cloudchamber.hub import find_run, inferring, load
from cloudchamber.parallel.executors import Where, run
from cloudchamber.progress import Progress, quiet
from cloudchamber.run.modes import MODES, QUANTILES
from cloudchamber.schema import Column, Ragged, Table, check_table, events_in, rechunked, take, whole
from cloudchamber.study import Finder, Findings, Study
from cloudchamber.workflow.answers_page import Told, write_answers_page
from cloudchamber.workflow.tasks import AnswerJob, Asked, at_least, not_negative

if TYPE_CHECKING:
    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel

TableFormat: TypeAlias = Literal["csv", "parquet", "hdf5"]
Outside: TypeAlias = Literal["skip", "refuse", "flag"]
CHUNK_EVENTS = 512
"""Events that are read, answered and written at once."""
MOST_CELLS = 64
"""Columns with more entries an event go into HDF5, as probabilities of pixels."""
READERS = {".csv": read_csv, ".parquet": read_parquet, ".h5": read_hdf5}


@dataclass(frozen=True)
class Inference:
    """What ``infer`` found: the facts, how many events were there and were answered, and the files; ``posterior`` is where draws were asked for."""

    study: str
    run: str
    events: int
    answered: int
    facts: Mapping[str, str | int | float]
    table: Path
    report: Path
    posterior: Path | None

    @cached_property
    def answers(self) -> Table:
        """The answers, one entry for each event that was answered, read back from ``table``."""
        return whole(READERS[self.table.suffix](self.table))

    def to_json(self) -> dict[str, object]:
        """Study, run, numbers of events, facts and files; what is not known is null."""
        facts = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in self.facts.items()}
        files = {"answers": str(self.table), "report": str(self.report), "posterior": str(self.posterior) if self.posterior else None}
        return {"study": self.study, "run": self.run, "events": self.events, "answered": self.answered, "facts": facts, **files}


def infer(
    subject: Path | str,
    file: Table | Path | str,
    out: Path | str,
    *,
    format: str | None = None,
    seed: int = 1,
    outside: Outside = "skip",
    draws: int = 100,
    posterior: int = 0,
    out_format: TableFormat = "csv",
    partial: bool = False,
    progress: Progress = quiet,
    workers: int = 1,
    executor: Where = None,
    read: Mapping[str, Any] | None = None,
) -> Inference:
    """Answer for each event of ``file`` (a table, a file of the study's formats, or an event store), chunk after chunk.

    A file is read by the run's own columns, with the options ``read`` of its format.

    ``subject`` is a study, ``"study/recipe"`` or a run folder; of a study whose default recipe is a surrogate, its first packaged recipe that infers. The
    folder ``out`` gets ``answers.csv`` (or .parquet, .h5: ``out_format``; columns that don't fit into csv turn it into parquet or HDF5): class probabilities,
    or mean, standard deviation, quantiles and number of peaks over ``draws`` draws of the model; ``index.html`` with the study's own findings and figures;
    ``findings.json`` with the facts; and with ``posterior`` > 0 ``posterior.h5`` with so many draws an event, the first of which the table sums up. Events
    outside the trained domain get no answer and are counted, refuse the whole file with ``outside="refuse"``, or are answered and marked in a column
    ``in_domain`` with ``outside="flag"``; ``familiarity``, where a run knows it, is the share of events like the training's that are as strange. ``progress``
    hears how many events are done; ``workers`` processes, or an ``executor`` whose workers see the run folder, answer.

    ValueError for a surrogate, whose answers are what a detector sees, and where no event is in the domain.
    """
    not_negative(seed)
    at_least(1, workers=workers)
    refuse_place(Path(out))
    need_file(read, file)
    progress(0, 0, "loading the model")
    subject = inferring(subject)
    folder, study = find_run(subject)
    model, out = load(subject), Path(out)
    run = str(subject).rstrip("/") if folder.parent != study.pretrained else f"{study.name}/{folder.name}"
    _refuse_surrogate(model, run)
    if posterior < 0:
        raise ValueError(f"posterior, the number of draws an event, must not be negative, got {posterior}")
    if draws < 2:
        raise ValueError(f"draws must be at least 2, got {draws}")

    # whole batches; of sets fewer, which take far more room
    events = max(model.batch_events, CHUNK_EVENTS)

    def chunks() -> Iterator[Table]:
        if isinstance(file, (str, Path)):
            tables = read_chunks(Path(file), study, format, partial=partial, events=events, schema=model.schema, read=read)
        else:
            tables = rechunked([_checked(dict(file), model, study)], events)
        return (_checked(table, model, study) for table in tables)

    if outside == "refuse":
        _refuse_outside(chunks(), model)
    finder = study.infer(model, seed) if study.infer else None
    progress(0, 0, "answering")
    told = Told(model, study, run, Path(file).name if isinstance(file, (str, Path)) else "a table")
    chosen = Answering(Asked.of(subject, model), outside, seed, max(draws, posterior), workers, executor)
    answered = _answered(chunks(), model, chosen, told, progress)
    first = next(answered, None)
    if first is None:
        _refuse_outside(chunks(), model)
        raise ValueError(f"'{file}' holds no events")
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        drawn = stack.enter_context(_posterior(out / "posterior.h5", posterior, model.target_columns)) if posterior else None

        def tables() -> Iterator[Table]:
            for answer in chain([first], answered):
                if drawn is not None:
                    drawn(answer)
                yield _row(answer, model, draws, finder, study, told)

        path = _write_answers(out, tables(), out_format, {**answer_columns(model), **getattr(finder, "columns", {})})
    progress(0, 0, "looking at all events, drawing the page")
    found = finder.findings() if finder else Findings()
    stated = {"read options": stated_options(read)} if read else {}
    facts = told.facts(outside) | stated | {name: value.item() if isinstance(value, np.generic) else value for name, value in found.facts.items()}
    there = out / "posterior.h5" if posterior else None
    report = write_answers_page(out, told, facts, found.figures, path, there)
    result = Inference(study.name, run, told.events, told.answered, facts, path, report, there)
    write_atomically(out / "findings.json", json.dumps(result.to_json(), indent=1, allow_nan=False).encode() + b"\n")
    return result


@dataclass(frozen=True)
class Answering:
    """Who answers, and how."""

    asked: Asked
    outside: Outside
    seed: int
    draws: int
    workers: int
    executor: Where


def _answered(chunks: Iterator[Table], model: TrainedModel, how: Answering, told: Told, progress: Progress) -> Iterator[Answer]:
    """The answers to each chunk, without events outside the domain where these are skipped."""
    from cloudchamber.run.domain import inside

    def jobs() -> Iterator[AnswerJob]:
        before = 0
        for table in chunks:
            events = events_in(table)
            good = np.ones(events, bool) if how.outside == "flag" or not events else inside(table, model.given_columns, model.domain)
            told.see(table, good)
            if good.any():
                part = table if good.all() else take(table, good)
                yield AnswerJob(how.asked, part, before + np.flatnonzero(good), how.draws, how.seed, "flag" if how.outside == "flag" else "answer")
            before += events

    for job, answer in run(AnswerJob.done, jobs(), how.executor, how.workers, most=2 * how.workers, ordered=True):
        yield answer
        progress(int(job.numbers[-1]) + 1, 0, "")


def _row(answer: Answer, model: TrainedModel, draws: int, finder: Finder | None, study: Study, told: Told) -> Table:
    """The answers to a chunk of events as they stand in the table."""
    first = answer.first_draws(draws)
    table = {"event": answer.numbers, **labelled(first.summary(), model)}
    if finder is not None:
        for name, values in finder.look(first).items():
            if name in table or len(values) != len(answer.numbers):
                needed = f"a new name and {len(answer.numbers)} entries"
                raise ValueError(f"the findings of the study '{study.name}': column '{name}' needs {needed}, has {len(values)}")
            table[name] = values if isinstance(values, Ragged) else np.asarray(values)
    told.answer(table)
    return table


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


def _refuse_outside(chunks: Iterator[Table], model: TrainedModel) -> None:
    """ValueError for the first event that the model may not answer, before it has answered any."""
    from cloudchamber.run.domain import refuse_outside

    before = 0
    for table in chunks:
        if events_in(table):
            try:
                refuse_outside(table, model.given_columns, model.domain)
            except ValueError as error:
                raise ValueError(f"{error}{f' (events are counted from event {before} of the file)' if before else ''}") from None
        before += events_in(table)


def _refuse_surrogate(model: TrainedModel, run: str) -> None:
    if not set(model.target) & set(model.schema.theta):
        seen = ", ".join(model.target[:3]) + (", ..." if len(model.target) > 3 else "")
        raise ValueError(
            f"'{run}' is a surrogate: it draws what a detector sees ({seen}) and infers nothing from it; "
            f"use `cloudchamber sample {run} OUT --given FILE`, or infer with a recipe whose target is in theta: {', '.join(model.schema.theta)}"
        )


def _checked(table: Table, model: TrainedModel, study: Study) -> Table:
    """The columns of the model's schema, and of the study's for such a table, that it holds, the given ones among them."""
    missing = [name for name in model.given if name not in table]
    if missing:
        raise ValueError(f"the events lack the column '{missing[0]}'; needed: {', '.join(model.given)}; they have: {', '.join(table)}")
    known = {**presence(table, study.schema_for(table)).columns, **presence(table, model.schema).columns}
    return check_table(table, known, extra=True)


def answer_columns(model: TrainedModel) -> dict[str, Column]:
    """The columns of the table of answers that are the model's own, with their units."""
    told = {"event": Column(doc="number of the event in the file, from 0"), "in_domain": IN_DOMAIN}
    told["familiarity"] = Column(doc="share of events like the training's that are at least as strange")
    for name, column in model.target_columns.items():
        if column.categories:
            told[f"{name}_probability"] = Column(doc=f"probabilities of {name}, in the order {', '.join(column.categories)}")
            told |= {f"{name}_probability_{category}": Column(doc=f"probability that {name} is {category}") for category in column.categories}
        else:
            told |= {f"{name}_{word}": Column(unit=column.unit, doc=f"{what} of {name}") for word, what in (("mean", "mean"), ("std", "standard deviation"))}
            told |= {f"{name}_{word}": Column(unit=column.unit, doc=f"quantile {level:g} of {name}") for word, level in QUANTILES.items()}
            told[f"{name}_{MODES}"] = Column(dtype="int64", doc=f"how many peaks the answer about {name} has")
    return told


def _write_answers(out: Path, tables: Iterator[Table], out_format: TableFormat, columns: Mapping[str, Column]) -> Path:
    first = next(tables)
    if out_format == "csv" and any(isinstance(values, Ragged) for values in first.values()):
        out_format = "parquet"
    if out_format != "hdf5" and any(not isinstance(values, Ragged) and np.prod(values.shape[1:]) > MOST_CELLS for values in first.values()):
        out_format = "hdf5"
    path = out / f"answers.{'h5' if out_format == 'hdf5' else out_format}"
    with replacing(path) as part:
        every = chain([first], tables)
        if out_format == "csv":
            write_csv(part, every, {})
        else:
            {"parquet": write_parquet, "hdf5": write_hdf5}[out_format](part, every, columns)
    return path


@contextlib.contextmanager
def _posterior(path: Path, draws: int, columns: Mapping[str, Column]) -> Iterator[Callable[[Answer], None]]:
    """Takes answers, and writes their draws of the target's columns, (events, draws, ...), with the events' numbers."""
    import h5py

    with replacing(path) as part, h5py.File(part, "w") as file:

        def write(answer: Answer) -> None:
            append(file, "event", answer.numbers)
            for name, values in answer.draws.items():
                append(file, name, values[:, :draws]).attrs.update(attributes_of(columns[name]))
            for name, values in answer.marks.items():
                append(file, name, values).attrs.update(attributes_of(IN_DOMAIN))

        yield write
