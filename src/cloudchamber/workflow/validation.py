"""Validate trained models and a study's peers against simulated truth or a user's own file: a report and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.atomic import refuse_place
from cloudchamber.formats.options import need_file, stated_options
from cloudchamber.formats.tables import read_chunks
from cloudchamber.hub import find_run, load, simulator_of, trained_simulator
from cloudchamber.progress import Progress, quiet
from cloudchamber.rng import rng
from cloudchamber.run.files import RunFiles
from cloudchamber.run.provenance import origins, simulated, simulators_of
from cloudchamber.run.repeated import Repeats
from cloudchamber.schema import Schema, Table, check_table, digest, events_in, recoded, take, whole
from cloudchamber.store.read import Store
from cloudchamber.study import STORE_SETTINGS, STREAM_SETTINGS, NotSimulableError, ProtocolFunction, Simulator, Study, make_simulator
from cloudchamber.workflow.simulation import live_events
from cloudchamber.workflow.standard import checks_of, figures_of, with_density
from cloudchamber.workflow.tasks import at_least, default_folder, label_of, not_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.validate.check import Check, CheckResult

MIN_EVENTS = 20
MOST_COMPARED = 10**8
"""Truth is held in memory."""
POSTERIOR_DRAWS = 100


@dataclass(frozen=True)
class Validation:
    """The checks of the run, of the others compared with it, and where the report is; ``n`` events were compared."""

    study: str
    run: str
    n: int
    checks: tuple[CheckResult, ...]
    others: Mapping[str, tuple[CheckResult, ...]]
    report: Path

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The run's results that are beyond limit and floor by more than chance."""
        return tuple(check for check in self.checks if check.verdict == "failed")

    def to_json(self) -> dict[str, Any]:
        """Study, run, n, report, the verdicts in a sentence and a check, the run's results and all answers'; what is not known is null."""
        from cloudchamber.report.write import metrics

        return metrics({self.run: self.checks, **self.others}, {"study": self.study, "run": self.run, "n": self.n, "report": str(self.report)}, self.run)


def validate(
    subject: Path | str,
    data: Path | str | None = None,
    *,
    n: int | None = None,
    file: Path | str | None = None,
    format: str | None = None,
    compare: Sequence[Path | str] = (),
    out: Path | str | None = None,
    seed: int = 1,
    workers: int = 1,
    floor: Path | str | None = None,
    protocol: str | None = None,
    progress: Progress = quiet,
    partial: bool = False,
    read: Mapping[str, Any] | None = None,
    rate_hz: float | None = None,
) -> Validation:
    """Compare ``subject`` (a study, ``"study/recipe"`` or a run folder) with truth, and write the report into ``out``.

    Truth is the event store ``data`` (held out: the training data are refused), the user's own file ``file``, or simulated here. ``n`` events (by default the
    study's ``enough``) are compared with answers at the same theta; as many more give the floor of truth against truth: simulated here too, taken from
    the store ``floor`` (simulated with ``theta`` of ``data``, event for event), or else from the rest of ``data``. ``compare`` names further runs.
    ``protocol`` names one of the study's agreed comparisons, whose results join the checks; ``progress`` hears how far it is. The events
    are drawn by ``seed`` over the whole store; one that lacks blocks is refused, unless ``partial`` takes what is there. Stores and files are read by the
    run's own columns, a file with the options ``read`` of its format. Pieces of the study's stream, which is sampled at ``rate_hz``, are compared with
    pieces that a run draws where it learned something else: ``against``.
    """
    from cloudchamber.workflow.against import against, is_stream

    not_negative(seed)
    at_least(1, workers=workers)
    need_file(read, file)
    (folder, study), out = find_run(subject), default_folder(subject) if out is None else Path(out)
    if (place := file if data is None else data) is not None and is_stream(subject, study, place, format, read):
        if floor is not None or compare or protocol is not None:
            raise ValueError(f"'{place}' holds pieces of a stream, which are compared without floor, compare and protocol")
        return against(subject, place, n=n, format=format, read=read, rate_hz=rate_hz, out=out, seed=seed, partial=partial, progress=progress)
    if rate_hz is not None:
        raise ValueError("rate_hz is that of a stream's pieces: give some")
    n = study.enough_of(simulators_of(folder)) if n is None else n
    if not MIN_EVENTS <= n <= MOST_COMPARED:
        raise ValueError(f"n must be from {MIN_EVENTS} to {MOST_COMPARED}, got {n}")
    if format is not None and file is None:
        raise ValueError("format is that of the file to compare with: give the file too")
    refuse_place(out)
    progress(0, 0, "loading the models")
    agreed = None if protocol is None else study.protocol(protocol)
    names = {label_of(each): each for each in (subject, *compare)}
    models = {label: load(each) for label, each in names.items()}
    for label, model in models.items():
        if model.study != study.name:
            raise ValueError(f"'{label}' belongs to the study '{model.study}', '{label_of(subject)}' to '{study.name}': compare runs of one study")
        _refuse_other_codes(label, model.schema, models[label_of(subject)].schema)
    schema = models[label_of(subject)].schema
    facts: dict[str, str] = {}
    if file is not None and data is not None:
        raise ValueError("give either data, an event store, or file, one of your own: not both")
    if floor is not None and data is None:
        raise ValueError("floor, a second event store, needs data, the first one")
    if file is not None:
        first, second, events = _of_file(Path(file), study, format, partial, n, seed, names, models, read)
        facts["truth"] = f"{events} events of {Path(file).name}{f' (read with {stated_options(read)})' if read else ''}"
    elif data is not None:
        store = Store(Path(data))
        store.refuse_gaps(partial)
        _refuse_training_data(store, names, models, study, seed)
        facts["truth"] = f"events of the store {Path(data).name} (simulator {store.simulator}, seed {store.seed})"
        if floor is None:
            first, second = halves(_of_store(store, _drawn(store.n_events, 2 * n, seed), schema), n, seed)
        else:
            other = Store(Path(floor))
            other.refuse_gaps(partial)
            _refuse_training_data(other, names, models, study, seed)
            index = _drawn(min(store.n_events, other.n_events), n, seed)
            order = rng(seed, "halves").permutation(len(index))
            first, second = (take(_of_store(each, index, schema), order) for each in (store, other))
            _refuse_other_theta(first, second, store.schema)
            _refuse_same_x(first, second, store.schema)
    else:
        simulator = trained_simulator(folder, study)
        progress(0, 0, f"simulating {2 * n} events")
        first, second = (recoded(each, simulator.schema.columns, schema.columns) for each in truth_twice(simulator, n, seed, workers))
        facts["truth"] = f"{2 * n} events simulated for this report (simulator {simulated(folder)['simulator']}, seed {seed})"
    return compare_with_truth(study, models, first, second, out, seed, facts, agreed, progress)


def _of_store(store: Store, index: np.ndarray, schema: Schema) -> Table:
    """These events, with the codes of a run's schema."""
    return recoded(store.read_events(None, index), store.schema.columns, schema.columns)


def _refuse_other_codes(label: str, schema: Schema, first: Schema) -> None:
    """ValueError for a run that would take the categories of the first one's events for others."""
    for name, column in schema.columns.items():
        known = first.columns.get(name, column).categories
        if any(here != there for here, there in zip(column.categories, known, strict=False)):
            raise ValueError(f"'{label}' has other categories of '{name}', {', '.join(column.categories)}, than the first run, {', '.join(known)}")


def truth_twice(simulator: Simulator, n: int, seed: int, workers: int = 1) -> tuple[Table, Table]:
    """``n`` events, and as many others at the same theta: what two independent simulator samples look like."""
    first = live_events(simulator, n, seed, workers)
    theta = {name: first[name] for name in simulator.schema.theta}
    return first, live_events(simulator, n, seed, workers, theta=theta, purpose="floor")


def compare_with_truth(
    study: Study,
    models: Mapping[str, TrainedModel],
    first: Table,
    second: Table,
    out: Path,
    seed: int,
    facts: Mapping[str, str],
    protocol: ProtocolFunction | None = None,
    progress: Progress = quiet,
) -> Validation:
    """Write the report on ``models``, the first one foremost, with answers at the theta of ``first`` and the floor from ``second``."""
    from cloudchamber.report.write import write_report

    run, first_model = next(iter(models.items()))
    (first, dropped), (second, dropped_from_floor) = _within_domain(first, models), _within_domain(second, models)
    n = min(events_in(first), events_in(second))
    first, second = take(first, slice(0, n)), take(second, slice(0, n))
    if n < MIN_EVENTS:
        raise ValueError(f"{n} true events are too few to compare: give at least {MIN_EVENTS}, and as many for the floor")
    progress(0, 0, f"answering for {n} events")
    answers = {name: with_density(study, model, first, answer_at(model, first, seed), seed) for name, model in models.items()}
    answers |= _peer_answers(study, first_model.schema, first, seed, first_model.target)
    # a user's file may lack columns, and what infers one column of theta says nothing of the others
    complete = all(set(first_model.schema.columns) <= set(table) for table in (first, *answers.values()))
    results, skipped, floors = {}, dict[str, str](), dict[tuple[str, str], Any]()
    progress(0, 0, "checking")
    for name, answer in answers.items():
        results[name], missing = checked(checks_of(study, first_model.schema, first_model.target, answer), first, answer, second, seed, complete, floors)
        skipped |= missing
    if protocol is not None:
        agreed = protocol(first, answers, second, seed, lambda text: progress(0, 0, text))
        results = {name: [*found, *agreed[name]] for name, found in results.items()}
    progress(0, 0, "drawing the report")
    figures = _figures(study, first_model, first, answers, complete)
    stated: dict[str, str | int | float] = {"study": study.name, "run": run, "n": n, **facts}
    stated["compared"] = f"{n} events with answers at the same theta, {n} more for the floor"
    if dropped + dropped_from_floor:
        stated["left out"] = f"{dropped + dropped_from_floor} true events outside the trained domain"
    if skipped:
        stated["not checked"] = "; ".join(f"{check} ({why})" for check, why in skipped.items())
    report = write_report(out, f"{study.title}: {run}", {name: list(found) for name, found in results.items()}, figures, stated, run)
    others = {name: tuple(found) for name, found in results.items() if name != run}
    return Validation(study.name, run, n, tuple(results[run]), others, report)


def answer_at(model: TrainedModel, truth: Table, seed: int) -> Table:
    """The model's draws at the given columns of ``truth``, beside what the draws don't replace: columns of ``truth``.

    What infers says more: ``<column>_draws`` (events, draws, ...), and ``<column>_probability`` of classes.
    """
    schema = model.schema
    given = {name: truth[name] for name in model.given}
    drawn = model.sample(given, seed=seed)
    replaced = {name for side in (schema.theta, schema.x) if set(side) & set(model.target) for name in side} - set(model.given)
    answer = {name: drawn[name] if name in drawn else truth[name] for name in truth if name in drawn or name not in replaced}
    if not set(model.target) & set(schema.theta):
        return answer
    if all(column.categories for column in model.target_columns.values()):
        return answer | model.predict(given, seed=seed)
    said = model.posterior(given, POSTERIOR_DRAWS, seed)
    answer |= {name: values for name, values in said.items() if name not in model.target_columns}
    return answer | {f"{name}_draws": said[name] for name in model.target_columns}


def _refuse_training_data(store: Store, names: Mapping[str, Path | str], models: Mapping[str, TrainedModel], study: Study, seed: int) -> None:
    from cloudchamber.run.seen import MARKED_EVENTS

    for name in names.values():
        folder, _ = find_run(name)
        if _learned_from(folder, store, study):
            raise ValueError(
                f"the run '{folder}' was trained on the events of '{store.folder}' (same simulator, settings and seed): "
                f"simulate others, with --seed other than {store.seed}"
            )
    some = _of_store(store, _drawn(store.n_events, MARKED_EVENTS, seed), next(iter(models.values())).schema)
    refuse_seen_events(some, f"the store '{store.folder}'", names, models)


def refuse_seen_events(table: Table, where: str, names: Mapping[str, Path | str], models: Mapping[str, TrainedModel]) -> None:
    """The very events of a training are no test, whatever file or store they were copied to."""
    from cloudchamber.run.seen import marks_of, seen_events

    for label, name in names.items():
        columns = models[label].given_columns | models[label].target_columns
        if set(columns) <= set(table) and (seen := seen_events(RunFiles(find_run(name)[0]), marks_of(table, columns))):
            raise ValueError(f"the run '{name}' was trained on events of {where}: at least {seen} of {events_in(table)} are the same; give others")


def _learned_from(folder: Path, store: Store, study: Study) -> bool:
    """Whether a run learned from events of the same origin as the store's, also where its simulator lacked settings that today's has at their defaults."""
    return any(_is_origin(origin, store, study) for origin in origins(folder))


def _is_origin(origin: Mapping[str, Any], store: Store, study: Study) -> bool:
    if origin["identity"] == store.dataset.identity:
        return True
    there = (origin["simulator"], origin["data_seed"], *(origin["settings"].get(name) for name in STREAM_SETTINGS))
    if there != (store.simulator, store.seed, *(store.settings.get(name) for name in STREAM_SETTINGS)) or store.simulator not in study.simulators:
        return False
    settings = {name: value for name, value in store.settings.items() if name not in STORE_SETTINGS}
    return simulator_of(origin, study) == make_simulator(study, store.simulator, settings)


def halves(truth: Table, n: int, seed: int) -> tuple[Table, Table]:
    """``n`` events of the truth and as many others, fewer where there are not so many."""
    n = min(n, events_in(truth) // 2)
    order = rng(seed, "halves").permutation(events_in(truth))
    return take(truth, order[:n]), take(truth, order[n : 2 * n])


def _of_file(
    path: Path,
    study: Study,
    format: str | None,
    partial: bool,
    n: int,
    seed: int,
    names: Mapping[str, Path | str],
    models: Mapping[str, TrainedModel],
    read: Mapping[str, Any] | None,
) -> tuple[Table, Table, int]:
    """The two halves of a file's events, as ``halves`` draws them, and how many it holds: counted in one pass, taken in another."""
    from cloudchamber.run.seen import MARKED_EVENTS

    schema = next(iter(models.values())).schema
    events = sum(map(events_in, read_chunks(path, study, format, partial=partial, schema=schema, read=read)))
    n = min(n, events // 2)
    order = rng(seed, "halves").permutation(events)
    wanted = np.sort(order[: max(2 * n, MARKED_EVENTS)])
    before, parts = 0, list[Table]()
    for chunk in read_chunks(path, study, format, partial=partial, schema=schema, read=read):
        stop = before + events_in(chunk)
        parts.append(take(chunk, wanted[np.searchsorted(wanted, before) : np.searchsorted(wanted, stop)] - before))
        before = stop
    some, repeats = whole(parts), Repeats()
    refuse_seen_events(some, f"the file '{path}'", names, models)
    repeats.see(some, study.schema_for(some).select(tuple(some)))
    repeats.refuse(f"'{path}'")
    first, second = (take(some, np.searchsorted(wanted, part)) for part in (order[:n], order[n : 2 * n]))
    return first, second, events


def _refuse_other_theta(first: Table, second: Table, schema: Schema) -> None:
    for name in schema.theta:
        if not np.array_equal(first[name], second[name]):
            raise ValueError(f"the floor's '{name}' differs from the data's: simulate it with --theta, from the data's own theta")


def _refuse_same_x(first: Table, second: Table, schema: Schema) -> None:
    """A floor of the very events would be 0."""
    if len({digest({name: table[name] for name in schema.x}) for table in (first, second)}) == 1:
        raise ValueError("the floor's events are those of the data, x and all: simulate it with another --seed, or with --theta from the data's own theta")


def _drawn(events: int, n: int, seed: int) -> np.ndarray:
    """``n`` of so many events, or all, drawn over the whole store: its order may mean something."""
    return np.arange(events) if n >= events else np.sort(rng(seed, "compared").choice(events, n, replace=False))


def _within_domain(truth: Table, models: Mapping[str, TrainedModel]) -> tuple[Table, int]:
    """The true events that every model may answer, and how many were left out; the models' own error where none is left."""
    from cloudchamber.run.domain import inside

    marks = [inside(check_table(truth, model.given_columns, extra=True), model.given_columns, model.domain) for model in models.values()]
    good = np.logical_and.reduce(marks)
    return (take(truth, good), int((~good).sum())) if good.any() else (truth, 0)


def _peer_answers(study: Study, schema: Schema, truth: Table, seed: int, target: Sequence[str]) -> dict[str, Table]:
    """The peers' x at the truth's theta, where theta is known and x is what was learned."""
    if not set(target) <= set(schema.x) or not set(schema.theta) <= set(truth):
        return {}
    theta = {name: truth[name] for name in schema.theta}
    answers = {}
    for peer in study.peers:
        simulator = study.make_simulator(peer)
        # the peer of another detector, or that cannot make such events, has nothing to compare
        if [column.shape for column in simulator.schema.x.values()] != [column.shape for column in schema.x.values()]:
            continue
        try:
            there = recoded(theta, schema.columns, simulator.schema.columns)
        except ValueError:
            continue
        try:
            made = live_events(simulator, events_in(theta), seed, theta=there, purpose=peer)
        except NotSimulableError:
            continue
        answers[peer] = {name: made[name] for name in truth if name in made}
    return answers


def checked(
    checks: Sequence[Check], truth: Table, answer: Table, second: Table, seed: int, complete: bool, floors: dict[tuple[str, str], Any]
) -> tuple[list[CheckResult], dict[str, str]]:
    """The results; and of checks that need what is not installed, or columns that truth or answer lacks, why they were not made."""
    from cloudchamber.validate.check import run_checks

    skipped = {
        check.name: f"it needs the module '{check.needs}', pip install 'cloudchamber[judge]'" for check in checks if check.needs and not find_spec(check.needs)
    }
    able = [check for check in checks if check.name not in skipped]
    if complete:
        return run_checks(able, truth, answer, second, seed, floors=floors), skipped
    results = list[Any]()
    for check in able:
        try:
            results += run_checks([check], truth, answer, second, seed, floors=floors)
        except KeyError as error:
            column = str(error.args[0])
            skipped[check.name] = f"{'the answer' if column in truth else 'the truth'} has no column '{column}'"
    if not results:
        raise ValueError(f"no check of the study can be made: truth and answer share only the columns {', '.join(name for name in truth if name in answer)}")
    return results, skipped


def _figures(study: Study, model: TrainedModel, truth: Table, answers: Mapping[str, Table], complete: bool) -> dict[str, Figure]:
    from cloudchamber.report.figures import short_names

    shown = short_names(answers)
    try:
        # a long path in a legend or a title would leave the panels no room
        return figures_of(study, model.schema, model.target, truth, {shown[name]: answer for name, answer in answers.items()})
    except KeyError:
        if complete:
            raise
        return {}
