"""Train a recipe on an event store into a run folder."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.atomic import held
from cloudchamber.hub import find_run, load
from cloudchamber.jsonable import flat, merge
from cloudchamber.rng import rng
from cloudchamber.run.files import RunFiles, write_json
from cloudchamber.schema import Column, Ragged, Schema, Table, events_in, take
from cloudchamber.store.read import Store
from cloudchamber.study import Simulator, Study, find_study
from cloudchamber.workflow.encoding import Encoded, largest_sets
from cloudchamber.workflow.simulation import STORE_SETTINGS, Progress, make_simulator

if TYPE_CHECKING:
    from cloudchamber.models.base import ConditionalModel
    from cloudchamber.models.recipe import Recipe
    from cloudchamber.nn.codec import Codec
    from cloudchamber.run.domain import Domain
    from cloudchamber.run.familiarity import Familiarity
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.train.batches import Batches
    from cloudchamber.train.fit import Hardware

CODEC_EVENTS = 50_000
CODEC_ELEMENTS = 2**24
"""Codecs and the trained domain learn from fewer events where the elements of their sets are more than this."""
CODEC_BYTES = 2**30
"""Codecs learn from so many events that their columns, sets padded to the largest, fill no more."""
EDGE_SHARE = 0.005
"""Training events that come this near to a bound of the schema, as a share of their range, cover it."""
EDGE_SPACINGS = 10
"""The trained domain reaches so many mean spacings of the training events beyond the outermost ones."""
EDGE_ELEMENTS = 10
"""Among the many elements of sets it reaches as far beyond the outermost one as the tenth lies within."""


@dataclass(frozen=True)
class Trained:
    """What ``train`` reached: the run folder, the best validation loss and its epoch, and the seconds of the fit."""

    folder: Path
    validation_loss: float
    best_epoch: int
    epochs: int
    seconds: float
    events: int


def train(
    study: Study | str,
    data: Path | str,
    out: Path | str,
    recipe: str | Recipe | None = None,
    seed: int = 1,
    overrides: Mapping[str, Any] | None = None,
    hardware: Hardware | None = None,
    limit: int | None = None,
    memory_gb: float = 4.0,
    progress: Progress | None = None,
    start: Path | str | None = None,
    teacher: Path | str | None = None,
    partial: bool = False,
) -> Trained:
    """Fit a recipe (by name, or itself) to ``limit`` events of the store ``data``, drawn by ``seed`` as those held out are.

    The run folder ``out`` resumes after an interruption. A fraction ``fit.validation_fraction`` of the events chooses the best epoch and is not learned
    from. ``overrides`` changes settings by name, such as ``{"fit": {"epochs": 3}}``. Encoded events that fill more than ``memory_gb``, held-out ones first,
    are streamed from the store; one that lacks blocks is refused, unless ``partial`` takes what is there.

    ``start``, a trained model as ``load`` names them, gives the first weights, the codecs, and without ``recipe`` the recipe too: fine-tuning, for a recipe
    of the same model and codecs. ``teacher``, another one, is handed to a recipe that learns from a trained model (``TaughtSettings``).
    """
    study = find_study(study) if isinstance(study, str) else study
    before = load(start) if start is not None else None
    if before is not None and recipe is None:
        recipe = before.recipe
    chosen = study.recipe(recipe) if recipe is None or isinstance(recipe, str) else recipe
    if overrides:
        chosen = chosen.with_json(merge(chosen.to_json(), overrides))
    store, files = Store(data), RunFiles(Path(out))
    store.refuse_gaps(partial)
    # of several processes of one training the first one writes
    with held(files.folder, f"train {study.name}/{chosen.name}") if rank() == 0 else contextlib.nullcontext():
        return _train(study, chosen, store, files, seed, hardware, limit, memory_gb, progress, before, start, load(teacher) if teacher is not None else None)


def _train(
    study: Study,
    chosen: Recipe,
    store: Store,
    files: RunFiles,
    seed: int,
    hardware: Hardware | None,
    limit: int | None,
    memory_gb: float,
    progress: Progress | None,
    before: TrainedModel | None,
    start: Path | str | None,
    teacher: TrainedModel | None,
) -> Trained:
    import torch

    from cloudchamber.run.provenance import begin, provenance, read_provenance, run_identity
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.train.checkpoint import remove_checkpoints
    from cloudchamber.train.fit import Hardware, fit

    schema = store.schema
    given_columns, target_columns = schema.select(chosen.given), schema.select(chosen.target)
    _refuse_sets(target_columns)
    parts = _split(store.n_events, limit, chosen.fit.validation_fraction, seed)
    origin = provenance(study.name, chosen, store, seed, {"training": len(parts[0]), "validation": len(parts[1])})
    if before is not None and start is not None:
        _refuse_other_networks(chosen, before)
        origin["start"] = {"weights": before.digest, "training": read_provenance(find_run(start)[0])}
    if teacher is not None:
        origin["teacher"] = teacher.digest
    if rank() == 0:
        begin(files, chosen, origin)
    if files.finished:
        remove_checkpoints(files.folder)
        return _done(files)

    columns = (*chosen.given, *chosen.target)
    sample = store.read_events(columns, _spread(parts[0], _codec_events(store, columns, parts[0])))
    if before is not None:
        # the weights mean what these codecs say
        codecs = before.given_codec, before.target_codec
    else:
        codecs = chosen.given_codec.build(given_columns), chosen.target_codec.build(target_columns)
        _fit_codecs(codecs, sample, given_columns, target_columns)
    # the first weights come from the seed, and the caller's own random numbers stay as they are
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng(seed, "weights").integers(2**62)))
        model = _built(chosen, codecs[1].size, codecs[0].size, teacher)
    if before is not None:
        model.load_state_dict(before.model.state_dict())

    domain = trained_domain(schema, chosen.given, sample)
    source, memory = Encoded.of(store, chosen, codecs, sample), memory_gb * 2**30
    del sample
    held_out = source.batches(parts[1], seed, memory) if len(parts[1]) else None
    batches = source.batches(parts[0], seed, memory - source.size(parts[1]))

    def told(epoch: int, epochs: int, text: str) -> None:
        if progress is not None:
            progress(epoch, epochs, text)

    # batches from memory and from a stream come in another order
    identity = run_identity(chosen.to_json(), origin) | {"batches": type(batches).__name__, "validation": type(held_out).__name__}
    result = fit(model, batches, held_out, chosen.fit, files.folder, seed, told, hardware or Hardware(), identity)
    if rank() == 0:
        if held_out:
            model.calibrate(held_out.epoch(0))
        familiarity = learned_familiarity(model, held_out) if held_out else None
        loss = result.validation_loss if math.isfinite(result.validation_loss) else None
        found = {"validation_loss": loss, "best_epoch": result.best_epoch, "epochs": result.epochs, "seconds": result.seconds}
        write_json(files.metrics, {"training": origin, "fit": found})
        TrainedModel(study.name, chosen, schema, *codecs, model, domain, seed, familiarity).save(files.folder)
        remove_checkpoints(files.folder)
    return Trained(files.folder, result.validation_loss, result.best_epoch, result.epochs, result.seconds, origin["events"]["training"])


def _built(recipe: Recipe, target_size: int, given_size: int, teacher: TrainedModel | None) -> ConditionalModel:
    from cloudchamber.models.recipe import TaughtSettings

    if teacher is None:
        return recipe.model.build(target_size, given_size)
    if not isinstance(recipe.model, TaughtSettings):
        raise ValueError(f"'{recipe.name}' takes no teacher: its model {type(recipe.model).__name__} has no build_taught")
    return recipe.model.build_taught(target_size, given_size, teacher)


def _refuse_other_networks(recipe: Recipe, before: TrainedModel) -> None:
    from cloudchamber.run.provenance import differences

    names = ("target", "given", "target_codec", "given_codec", "model")
    there, now = (flat({name: each.to_json()[name] for name in names}) for each in (before.recipe, recipe))
    if changed := differences(there, now):
        raise ValueError(f"the recipe '{recipe.name}' cannot start from the weights of another network or codec: {'; '.join(changed)}")


def _done(files: RunFiles) -> Trained:
    """What a finished run reached."""
    files.verify()
    found = files.read_json(files.metrics)
    fit, events = found["fit"], found["training"]["events"]["training"]
    loss = math.nan if fit["validation_loss"] is None else fit["validation_loss"]
    return Trained(files.folder, loss, fit["best_epoch"], fit["epochs"], fit["seconds"], events)


def trained_simulator(folder: Path, study: Study, changes: Mapping[str, Any] | None = None) -> Simulator:
    """The simulator, with its settings (``changes`` aside), whose events a run learned; ValueError where it learned from files."""
    from cloudchamber.run.provenance import read_provenance

    return simulator_of(read_provenance(folder), study, changes)


def simulator_of(origin: Mapping[str, Any], study: Study, changes: Mapping[str, Any] | None = None) -> Simulator:
    """The simulator of a provenance, with ``changes`` to its settings; ValueError where it names files."""
    if origin["simulator"] not in study.simulators:
        raise ValueError(f"the run learned from '{origin['simulator']}', which cannot be simulated here: give events of your own, as a store or a file")
    settings = {key: value for key, value in origin["settings"].items() if key not in STORE_SETTINGS}
    return make_simulator(study, origin["simulator"], settings | dict(changes or {}))


def trained_domain(schema: Schema, given: Sequence[str], sample: Table) -> Domain:
    """What the training events cover, a little widened so that the next event of the same kind lies inside, within the schema's own bounds.

    A column of theta has an edge, and the next event lies a few mean spacings beyond the outermost one at most; what a detector sees has none, and gets
    as much room again on either side. The elements of sets are so many that they show by themselves whether there is an edge, such as a threshold.
    """
    from cloudchamber.run.domain import SetDomain, domain_of, values_of

    domain = domain_of(sample, schema.select(given))
    for name, column in schema.select(given).items():
        if column.categories:
            continue
        entry = domain[name]
        low, high = map(float, values_of(entry))
        if isinstance(entry, SetDomain):
            low, high = _beyond(np.ravel(sample[name].values))
        else:
            room = (high - low) * (EDGE_SPACINGS / len(sample[name]) if name in schema.theta else 1.0)
            low, high = low - room, high + room
        # a prior that thins out towards a bound of the schema, as zenith angles do, still reaches it
        near = EDGE_SHARE * (high - low)
        low = column.low if column.low is not None and low - column.low < near else low
        high = column.high if column.high is not None and column.high - high < near else high
        bounds = (low if column.low is None else max(low, column.low), high if column.high is None else min(high, column.high))
        domain[name] = SetDomain(bounds, entry.elements) if isinstance(entry, SetDomain) else bounds
    return domain


def learned_familiarity(model: ConditionalModel, held_out: Batches) -> Familiarity | None:
    """How the features of the ``held_out`` events lie; None for a model without features, or for too few events."""
    import torch

    from cloudchamber.run.familiarity import Familiarity

    if model.feature_size is None:
        return None
    model.eval()
    with torch.no_grad():
        return Familiarity.of(torch.cat([model.features(given).cpu() for _, given in held_out.epoch(0)]))


def _beyond(values: np.ndarray) -> tuple[float, float]:
    """A range of ``values`` and a little more: nothing at a sharp edge, more where they thin out."""
    inner = min(EDGE_ELEMENTS, len(values)) - 1
    places = [0, inner, len(values) - 1 - inner, len(values) - 1]
    # in the values' own type: records of uint16 would take four times the room as numbers of double precision
    low, lower, upper, high = np.partition(values, places)[places].tolist()
    return 2.0 * low - lower, 2.0 * high - upper


def rank() -> int:
    """The number of this process where several train one model, else 0."""
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0))


def _split(events: int, limit: int | None, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the events to learn from and of those held out, rising: drawn over the whole store, whose order may mean something."""
    used = events if limit is None else min(limit, events)
    held_out = max(1, round(fraction * used)) if fraction > 0 else 0
    if used - held_out < 2:
        raise ValueError(f"{used} events with a validation fraction of {fraction} leave {used - held_out} to learn from: simulate more")
    order = rng(seed, "held out").permutation(events)[:used]
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _refuse_sets(target: Mapping[str, Column]) -> None:
    for name, column in target.items():
        if column.ragged:
            raise ValueError(f"column '{name}' is ragged: a model may be given sets, but it answers with columns of a fixed shape only")


def _codec_events(store: Store, columns: Sequence[str], part: np.ndarray) -> int:
    """How many events the codecs learn from, judged by the sets of some of them."""
    some = store.read_events(columns, _spread(part, 100))
    elements = sum(len(values.values) for values in some.values() if isinstance(values, Ragged))
    return min(CODEC_EVENTS, max(CODEC_ELEMENTS * min(len(part), 100) // max(elements, 1), 100))


def _fit_codecs(codecs: tuple[Codec, Codec], sample: Table, given_columns: Mapping[str, Column], target_columns: Mapping[str, Column]) -> None:
    """Fit the codecs of given and target, of sets to as many events as fit into memory when all are as large as the largest."""
    from cloudchamber.run.trained import to_tensors

    largest = to_tensors(largest_sets(sample), given_columns).values()
    room = max(CODEC_BYTES // sum(values[0].nbytes for values in largest), 100)
    few = take(sample, slice(None, None, -(-events_in(sample) // room)))
    given = to_tensors(few, given_columns)
    codecs[0].fit(given, {})
    codecs[1].fit(to_tensors(few, target_columns), given)


def _spread(part: np.ndarray, events: int) -> np.ndarray:
    """At most so many of the events ``part``, evenly spread."""
    return part if len(part) <= events else part[np.linspace(0, len(part) - 1, events).astype(int)]
