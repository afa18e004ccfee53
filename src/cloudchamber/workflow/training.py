"""Train a recipe on an event store into a run folder."""

from __future__ import annotations

import contextlib
import math
import operator
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.atomic import held, refuse_place
from cloudchamber.hub import find_run, load, load_network
from cloudchamber.jsonable import flat, merge
from cloudchamber.progress import Progress, quiet
from cloudchamber.rng import rng
from cloudchamber.run.files import RunFiles, write_json
from cloudchamber.schema import Column, Ragged, Schema, Table, events_in, take
from cloudchamber.store.read import Store
from cloudchamber.study import Study, find_study
from cloudchamber.train.encoded import Encoded, largest_sets
from cloudchamber.workflow.tasks import not_negative

if TYPE_CHECKING:
    from cloudchamber.models.base import ConditionalModel
    from cloudchamber.models.recipe import Recipe
    from cloudchamber.nn.codec import Codec
    from cloudchamber.run.network import TrainedNetwork
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.train.fit import Hardware

CODEC_ELEMENTS = 2**24
"""Codecs and the trained domain learn from fewer events where the elements of their sets are more than this."""
CODEC_BYTES = 2**30
"""Codecs learn from so many events that their columns, sets padded to the largest, fill no more."""


@dataclass(frozen=True)
class Trained:
    """What ``train`` reached: the run folder, the best validation loss and its epoch, the seconds of the fit, and what more epochs or events promise."""

    folder: Path
    validation_loss: float
    best_epoch: int
    epochs: int
    seconds: float
    events: int
    advice: str


def train(
    study: Study | str,
    data: Path | str,
    out: Path | str,
    recipe: str | Recipe | None = None,
    *,
    seed: int = 1,
    overrides: Mapping[str, Any] | None = None,
    hardware: Hardware | None = None,
    n: int | None = None,
    memory_gb: float = 4.0,
    progress: Progress = quiet,
    start: Path | str | None = None,
    teacher: Path | str | None = None,
    partial: bool = False,
) -> Trained:
    """Fit a recipe (by name, or itself) to ``n`` events of the store ``data``, drawn by ``seed`` as those held out are.

    The run folder ``out`` resumes after an interruption. A fraction ``fit.validation_fraction`` of the events chooses the best epoch and is not learned
    from. ``overrides`` changes settings by name, such as ``{"fit": {"epochs": 3}}``. Encoded events that fill more than ``memory_gb``, held-out ones first,
    are streamed from the store; one that lacks blocks is refused, unless ``partial`` takes what is there.

    ``start``, a trained model as ``load`` names them, gives the first weights, the codecs, and without ``recipe`` the recipe too: fine-tuning, for a recipe
    of the same model and codecs. ``teacher``, another one, is handed to a recipe that learns from a trained model (``TaughtSettings``).
    """
    study, seed = find_study(study) if isinstance(study, str) else study, operator.index(seed)
    before = load_network(start) if start is not None else None
    if before is not None and recipe is None:
        recipe = before.recipe
    chosen = study.recipe(recipe) if recipe is None or isinstance(recipe, str) else recipe
    if overrides:
        chosen = chosen.with_json(merge(chosen.to_json(), overrides))
    from cloudchamber.train.processes import rank

    not_negative(seed)
    if not memory_gb >= 0:
        raise ValueError(f"memory_gb must not be negative, got {memory_gb}")
    if n is not None and n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    store, files = Store(data), RunFiles(Path(out))
    refuse_place(files.folder)
    store.refuse_gaps(partial)
    taught = load(teacher) if teacher is not None else None
    _refuse_view(study, chosen, store)
    _refuse_settings(chosen, store, seed, n, hardware, taught)
    # of several processes of one training the first one writes
    with held(files.folder, f"train {study.name}/{chosen.name}") if rank() == 0 else contextlib.nullcontext():
        return _train(study, chosen, store, files, seed, hardware, n, memory_gb, progress, before, start, taught)


def _train(
    study: Study,
    chosen: Recipe,
    store: Store,
    files: RunFiles,
    seed: int,
    hardware: Hardware | None,
    n: int | None,
    memory_gb: float,
    progress: Progress,
    before: TrainedNetwork | None,
    start: Path | str | None,
    teacher: TrainedModel | None,
) -> Trained:
    progress(0, 0, "loading torch")
    import torch

    from cloudchamber.run.coverage import learned_familiarity, trained_domain
    from cloudchamber.run.network import TrainedNetwork, read_schema
    from cloudchamber.run.provenance import begin, provenance, read_provenance, run_identity
    from cloudchamber.run.seen import MARKED_EVENTS, marks_of, read_marks, write_marks
    from cloudchamber.train.checkpoint import remove_checkpoints
    from cloudchamber.train.fit import Hardware, fit
    from cloudchamber.train.processes import rank

    schema = store.schema
    _refuse_sets(schema.select(chosen.target))
    parts = _split(store.n_events, n, chosen.fit.validation_fraction, seed)
    origin = provenance(study.name, chosen, store, seed, {"training": len(parts[0]), "validation": len(parts[1])})
    if before is not None and start is not None:
        _refuse_other_networks(chosen, before)
        schema = _continued(store, read_schema(RunFiles(find_run(start)[0])), (*chosen.given, *chosen.target))
        origin["start"] = {"weights": before.digest, "training": read_provenance(find_run(start)[0])}
    given_columns, target_columns = schema.select(chosen.given), schema.select(chosen.target)
    if teacher is not None:
        origin["teacher"] = teacher.digest
    if rank() == 0:
        begin(files, chosen, origin)
    if files.finished:
        remove_checkpoints(files.folder)
        return _done(files)

    progress(0, 0, "reading events, fitting the codecs")
    columns = (*chosen.given, *chosen.target)
    # weights that are there mean what their codecs say
    codecs = (before.given_codec, before.target_codec) if before else (chosen.given_codec.build(given_columns), chosen.target_codec.build(target_columns))
    sample = store.read_events(columns, _spread(parts[0], _codec_events(store, columns, parts[0], codecs)))
    if before is None:
        _fit_codecs(codecs, sample, given_columns, target_columns)
    # the first weights come from the seed, and the caller's own random numbers stay as they are
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng(seed, "weights").integers(2**62)))
        model = _built(chosen, codecs[1].size, codecs[0].size, teacher)
    if before is not None:
        model.load_state_dict(before.model.state_dict())

    domain = trained_domain(schema, chosen.given, sample)
    marks = marks_of(take(sample, _spread(np.arange(events_in(sample)), MARKED_EVENTS)), given_columns | target_columns)
    source, memory = Encoded.of(store, chosen, codecs, sample), memory_gb * 2**30
    del sample
    progress(0, 0, "encoding the events")
    held_out = source.batches(parts[1], seed, memory) if len(parts[1]) else None
    batches = source.batches(parts[0], seed, memory - source.size(parts[1]))

    # batches from memory and from a stream come in another order
    identity = run_identity(chosen.to_json(), origin) | {"batches": type(batches).__name__, "validation": type(held_out).__name__}
    result = fit(model, batches, held_out, chosen.fit, files.folder, seed, progress, hardware or Hardware(), identity, chosen.watch)
    if rank() == 0:
        if held_out:
            model.calibrate(held_out.epoch(0))
        familiarity = learned_familiarity(model, held_out.epoch(0)) if held_out else None
        loss = result.validation_loss if math.isfinite(result.validation_loss) else None
        found = {"validation_loss": loss, "best_epoch": result.best_epoch, "epochs": result.epochs, "seconds": result.seconds, "advice": result.advice}
        write_json(files.metrics, {"training": origin, "fit": found})
        if before is not None and start is not None:
            marks = np.union1d(marks, read_marks(RunFiles(find_run(start)[0])))
        write_marks(files, marks)
        TrainedNetwork(study.name, chosen, schema, *codecs, model, domain, seed, familiarity).save(files.folder)
        remove_checkpoints(files.folder)
    return Trained(files.folder, result.validation_loss, result.best_epoch, result.epochs, result.seconds, origin["events"]["training"], result.advice)


def _refuse_view(study: Study, recipe: Recipe, store: Store) -> None:
    """ValueError where the store's events lack columns that another simulator of the study makes."""
    needed = (*recipe.given, *recipe.target)
    missing = [name for name in needed if name not in store.schema.columns]
    views = [name for name in study.simulators if set(needed) <= set(study.make_simulator(name).schema.columns)] if missing else []
    if views and len(study.simulators) > 1:
        raise ValueError(
            f"'{recipe.name}' learns {', '.join(recipe.target)} given {', '.join(recipe.given)}, and '{store.folder}' has no column '{missing[0]}': "
            f"such events are those of --simulator {views[0]}"
        )


def _refuse_settings(recipe: Recipe, store: Store, seed: int, limit: int | None, hardware: Hardware | None, teacher: TrainedModel | None) -> None:
    """ValueError for what cannot be learned so, before anything is made: settings, columns, numbers of events, networks."""
    import torch

    from cloudchamber.train.fit import Hardware, check_fit, fabric_on

    for name, value in flat(recipe.to_json()).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name}: expected a finite number, got {value}")
    check_fit(recipe.fit)
    if hardware is not None and (hardware.num_nodes < 1 or (isinstance(hardware.devices, int) and hardware.devices < 1)):
        raise ValueError(f"devices and num_nodes must be at least 1, got {hardware.devices} and {hardware.num_nodes}")
    with warnings.catch_warnings():
        # the training itself warns
        warnings.simplefilter("ignore")
        fabric_on(hardware or Hardware(), recipe.fit)
    given, target = store.schema.select(recipe.given), store.schema.select(recipe.target)
    _refuse_sets(target)
    if both := [name for name in recipe.target if name in recipe.given or recipe.target.count(name) > 1]:
        raise ValueError(f"target: '{both[0]}' is given, or learned twice: name each column once")
    _split(store.n_events, limit, recipe.fit.validation_fraction, seed)
    if teacher is not None:
        _refuse_teacher(recipe)
        return
    with torch.random.fork_rng(devices=[]):
        recipe.model.build(recipe.target_codec.build(target).size, recipe.given_codec.build(given).size)


def _refuse_teacher(recipe: Recipe) -> None:
    from cloudchamber.models.recipe import TaughtSettings

    if not isinstance(recipe.model, TaughtSettings):
        raise ValueError(f"'{recipe.name}' takes no teacher: its model {type(recipe.model).__name__} has no build_taught")


def _built(recipe: Recipe, target_size: int, given_size: int, teacher: TrainedModel | None) -> ConditionalModel:
    from cloudchamber.models.recipe import TaughtSettings

    if teacher is None:
        return recipe.model.build(target_size, given_size)
    assert isinstance(recipe.model, TaughtSettings)
    return recipe.model.build_taught(target_size, given_size, teacher)


def _refuse_other_networks(recipe: Recipe, before: TrainedNetwork) -> None:
    from cloudchamber.run.provenance import differences

    names = ("target", "given", "target_codec", "given_codec", "model")
    there, now = (flat({name: each.to_json()[name] for name in names}) for each in (before.recipe, recipe))
    if changed := differences(there, now):
        raise ValueError(f"the recipe '{recipe.name}' cannot start from the weights of another network or codec: {'; '.join(changed)}")


def _continued(store: Store, before: Schema, names: Sequence[str]) -> Schema:
    """The store's schema with those of the columns that a run's codecs know; ValueError where the store's are of another kind."""
    for name in names:
        there, here = before.columns[name], store.schema.columns[name]
        known, told = there.categories, here.categories
        if not replace(there, categories=()).alike(replace(here, categories=())) or any(one != two for one, two in zip(known, told, strict=False)):
            raise ValueError(f"cannot start from a run whose column '{name}' is {there}: that of '{store.folder}' is {here}")
        codes = store.read((name,))[name] if len(told) > len(known) else np.zeros(1, int)
        strange = np.ravel(codes.values if isinstance(codes, Ragged) else codes).max(initial=0)
        if known and strange >= len(known):
            raise ValueError(f"column '{name}': the run to start from knows no '{told[strange]}' of '{store.folder}'; it knows: {', '.join(known)}")
    sides = ({name: before.columns[name] if name in names else column for name, column in side.items()} for side in (store.schema.theta, store.schema.x))
    return Schema(*sides)


def _done(files: RunFiles) -> Trained:
    """What a finished run reached."""
    files.verify()
    found = files.read_json(files.metrics)
    fit, events = found["fit"], found["training"]["events"]["training"]
    loss = math.nan if fit["validation_loss"] is None else fit["validation_loss"]
    return Trained(files.folder, loss, fit["best_epoch"], fit["epochs"], fit["seconds"], events, fit.get("advice", ""))


def _split(events: int, n: int | None, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the events to learn from and of those held out, rising: drawn over the whole store, whose order may mean something."""
    used = events if n is None else min(n, events)
    held_out = max(1, round(fraction * used)) if fraction > 0 else 0
    if used - held_out < 2:
        raise ValueError(f"{used} events with a validation fraction of {fraction} leave {used - held_out} to learn from: simulate more")
    order = rng(seed, "held out").permutation(events)[:used]
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _refuse_sets(target: Mapping[str, Column]) -> None:
    for name, column in target.items():
        if column.ragged:
            raise ValueError(f"column '{name}' is ragged: a model may be given sets, but it answers with columns of a fixed shape only")


def _codec_events(store: Store, columns: Sequence[str], part: np.ndarray, codecs: tuple[Codec, Codec]) -> int:
    """How many events the codecs learn from, judged by the sets of some of them."""
    some = store.read_events(columns, _spread(part, 100))
    elements = sum(len(values.values) for values in some.values() if isinstance(values, Ragged))
    return min(max(codec.fit_events for codec in codecs), max(CODEC_ELEMENTS * min(len(part), 100) // max(elements, 1), 100))


def _fit_codecs(codecs: tuple[Codec, Codec], sample: Table, given_columns: Mapping[str, Column], target_columns: Mapping[str, Column]) -> None:
    """Fit the codecs of given and target, of sets to as many events as fit into memory when all are as large as the largest."""
    from cloudchamber.nn.tensors import to_tensors

    largest = to_tensors(largest_sets(sample), given_columns).values()
    room = max(CODEC_BYTES // sum(values[0].nbytes for values in largest), 100)
    few = take(sample, slice(None, None, -(-events_in(sample) // room)))
    given = to_tensors(few, given_columns)
    codecs[0].fit(given, {})
    codecs[1].fit(to_tensors(few, target_columns), given)


def _spread(part: np.ndarray, events: int) -> np.ndarray:
    """At most so many of the events ``part``, evenly spread."""
    return part if len(part) <= events else part[np.linspace(0, len(part) - 1, events).astype(int)]
