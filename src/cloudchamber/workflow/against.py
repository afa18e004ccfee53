"""Pieces of somebody's stream beside those of the model: the checks and figures of the study, where a run learned something else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.atomic import refuse_place
from cloudchamber.formats.tables import read_chunks
from cloudchamber.hub import find_run, load
from cloudchamber.progress import Progress, quiet
from cloudchamber.rng import rng
from cloudchamber.schema import Table, events_in, take, whole
from cloudchamber.store.dataset import FILE as STORE_FILE
from cloudchamber.store.read import Store
from cloudchamber.stream import ComparableStream, LearnedStream, ObservedStream, same_rate
from cloudchamber.study import Study
from cloudchamber.workflow.standard import checks_of, figures_of
from cloudchamber.workflow.tasks import default_folder, label_of, not_negative
from cloudchamber.workflow.validation import MIN_EVENTS, Validation, checked, halves

PIECES = 500
"""So many show correlations to 0.005 and octaves to 5 %."""


def against(
    subject: Path | str,
    data: Path | str,
    *,
    n: int | None = None,
    format: str | None = None,
    read: Mapping[str, Any] | None = None,
    rate_hz: float | None = None,
    out: Path | str | None = None,
    seed: int = 1,
    partial: bool = False,
    progress: Progress = quiet,
) -> Validation:
    """Compare pieces of somebody's stream, an event store or a file ``data``, with as many of the study's stream at their conditions: drawn by the run
    ``subject``, and by the simulator. ``n`` pieces are compared, others of ``data`` give the floor. ``rate_hz``: where the data do not tell it.
    """
    not_negative(seed)
    (_, study), out = find_run(subject), default_folder(subject) if out is None else Path(out)
    n = PIECES if n is None else n
    if n < MIN_EVENTS:
        raise ValueError(f"n must be {MIN_EVENTS} at least, got {n}")
    refuse_place(out)
    stream = study.make_stream()
    if not isinstance(stream, ComparableStream):
        raise ValueError(f"the stream of '{study.name}' has no pieces to compare")
    stream = _at_rate(stream, study, Path(data), rate_hz)
    progress(0, 0, "reading")
    found, events = _pieces(Path(data), study, 2 * n, format, read, partial, seed)
    first, second = halves(found, n, seed)
    if events_in(first) < MIN_EVENTS:
        raise ValueError(f"'{data}' holds {events} pieces: {2 * MIN_EVENTS} are needed at least, half of them for the floor")
    label, model = label_of(subject), load(subject)
    if not isinstance(stream, LearnedStream):
        raise ValueError(f"the stream of '{study.name}' takes no run to be compared")
    answers: dict[str, Table] = {}
    for name, made in ((label, stream.learned(model)), ("simulator", stream)):
        progress(0, 0, f"making {events_in(first)} pieces by {name}")
        assert isinstance(made, ComparableStream)
        answers[name] = made.pieces_like(first, seed)
    schema = study.schema_for(first)
    target = [name for name in answers[label] if name in schema.x]
    results, skipped, floors = {}, dict[str, str](), dict[tuple[str, str], Any]()
    progress(0, 0, "checking")
    for name, answer in answers.items():
        results[name], missing = checked(checks_of(study, schema, target, answer), first, answer, second, seed, False, floors)
        skipped |= missing
    progress(0, 0, "drawing the report")
    from cloudchamber.report.write import write_report

    pieces = events_in(first)
    stated: dict[str, str | int | float] = {"study": study.name, "run": label, "n": pieces}
    stated["truth"] = f"{pieces} of the {events} pieces in {Path(data).name}, {pieces} more for the floor, taken as sampled at {stream.rate_hz:g} Hz"
    if skipped:
        stated["not checked"] = "; ".join(f"{check} ({why})" for check, why in skipped.items())
    figures = figures_of(study, schema, target, first, answers)
    report = write_report(out, f"{study.title}: {label}", {name: list(each) for name, each in results.items()}, figures, stated, label)
    return Validation(study.name, label, pieces, tuple(results[label]), {"simulator": tuple(results["simulator"])}, report)


def _at_rate(stream: ComparableStream, study: Study, data: Path, given: float | None) -> ComparableStream:
    """The stream as the data are sampled; ValueError where nobody says how, or two say different things."""
    told = stream.rate_told(data)
    if told is None and given is None:
        raise ValueError(f"'{data}' does not tell its sampling rate: give --rate-hz")
    if told is not None and given is not None and not same_rate(given, told):
        raise ValueError(f"--rate-hz: {given:g} Hz is asked for, and '{data}' says that it is sampled at {told:g} Hz")
    rate_hz = told or given
    assert rate_hz is not None
    if same_rate(rate_hz, stream.rate_hz):
        return stream
    if not isinstance(stream, ObservedStream):
        raise ValueError(f"the stream of '{study.name}' has one rate, {stream.rate_hz:g} Hz, and '{data}' is sampled at {rate_hz:g} Hz")
    changed = stream.at_rate(rate_hz)
    assert isinstance(changed, ComparableStream)
    return changed


def is_stream(subject: Path | str, study: Study, data: Path | str, format: str | None, read: Mapping[str, Any] | None) -> bool:
    """Whether a store or a file holds pieces of the study's stream, and the run learned something else."""
    stream = study.make_stream() if study.streams else None
    if not isinstance(stream, ComparableStream):
        return False
    path = Path(data)
    columns = Store(path).schema.columns if (path / STORE_FILE).is_file() else next(iter(read_chunks(path, study, format, partial=True, read=read)), {})
    return stream.pieces in columns and stream.pieces not in load(subject).target


def _pieces(path: Path, study: Study, n: int, format: str | None, read: Mapping[str, Any] | None, partial: bool, seed: int) -> tuple[Table, int]:
    """``n`` pieces, or all, drawn over the whole store or file, and how many there are."""

    def drawn(events: int) -> np.ndarray:
        return np.arange(events) if n >= events else np.sort(rng(seed, "compared").choice(events, n, replace=False))

    if (path / STORE_FILE).is_file():
        store = Store(path)
        store.refuse_gaps(partial)
        return store.read_events(None, drawn(store.n_events)), store.n_events
    events = sum(map(events_in, read_chunks(path, study, format, partial=partial, read=read)))
    wanted, before, parts = drawn(events), 0, list[Table]()
    for chunk in read_chunks(path, study, format, partial=partial, read=read):
        stop = before + events_in(chunk)
        parts.append(take(chunk, wanted[np.searchsorted(wanted, before) : np.searchsorted(wanted, stop)] - before))
        before = stop
    return whole(parts), events
