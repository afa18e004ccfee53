"""Train a recipe on an event store into a run folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Schema, Table
from cloudchamber.store.dataset import package_version
from cloudchamber.store.read import Store
from cloudchamber.store.stream import stream
from cloudchamber.store.write import write_atomically
from cloudchamber.study import Simulator, Study, find_study
from cloudchamber.workflow.simulation import STORE_SETTINGS, Progress, make_simulator

if TYPE_CHECKING:
    from torch import Tensor

    from cloudchamber.models.domain import Domain
    from cloudchamber.models.recipe import Recipe
    from cloudchamber.nn.codec import Codec
    from cloudchamber.train.batches import Batches
    from cloudchamber.train.fit import Hardware

METRICS = "metrics.json"
CODEC_EVENTS = 50_000
CHUNK_EVENTS = 16_384
EDGE_SHARE = 0.005
"""Training events that come this near to a bound of the schema, as a share of their range, cover it."""
EDGE_SPACINGS = 10
"""The trained domain reaches so many mean spacings of the training events beyond the outermost ones."""


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
) -> Trained:
    """Fit a recipe (by name, or itself) to the first ``limit`` events of the store ``data``; the run folder ``out`` resumes after an interruption.

    The last ``fit.validation_fraction`` of the events choose the best epoch and are not learned from. ``overrides`` changes settings by name, such as
    ``{"fit": {"epochs": 3}}``. Encoded events that fill more than ``memory_gb`` are streamed from the store.
    """
    import torch

    from cloudchamber.models.trained import TrainedModel, to_tensors
    from cloudchamber.train.batches import TensorBatches
    from cloudchamber.train.fit import Hardware, fit

    study = find_study(study) if isinstance(study, str) else study
    chosen = study.recipe(recipe) if recipe is None or isinstance(recipe, str) else recipe
    if overrides:
        chosen = chosen.with_json(merge(chosen.to_json(), overrides))
    store, folder = Store(data), Path(out)
    schema = store.schema
    given_columns, target_columns = schema.select(chosen.given), schema.select(chosen.target)
    parts = _split(store.n_events, limit, chosen.fit.validation_fraction)
    folder.mkdir(parents=True, exist_ok=True)
    origin = provenance(study, chosen, store, seed, parts)
    _begin(folder, origin)

    columns = (*chosen.given, *chosen.target)
    sample = store.read_ranges(columns, _spread(parts[0]))
    codecs = chosen.given_codec.build(given_columns), chosen.target_codec.build(target_columns)
    given = to_tensors(sample, given_columns)
    codecs[0].fit(given, {})
    codecs[1].fit(to_tensors(sample, target_columns), given)
    # the first weights come from the seed, and the caller's own random numbers stay as they are
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng(seed, "weights").integers(2**62)))
        model = chosen.model.build(codecs[1].size, codecs[0].size)

    size = chosen.fit.batch_size
    numbers = 4 * (codecs[0].size + codecs[1].size)
    if (parts[0][1] - parts[0][0]) * numbers <= memory_gb * 2**30:
        batches: Batches = TensorBatches(*_in_memory(store, chosen, codecs, parts[0]), size, seed)
    else:
        batches = _streamed(store, chosen, codecs, parts[0], seed)
    held_out = TensorBatches(*_in_memory(store, chosen, codecs, parts[1]), size, seed) if parts[1][1] > parts[1][0] else None

    def told(epoch: int, epochs: int, text: str) -> None:
        if progress is not None:
            progress(epoch, epochs, text)

    result = fit(model, batches, held_out, chosen.fit, folder, seed, told, hardware or Hardware())
    domain = trained_domain(schema, chosen.given, sample)
    if rank() == 0:
        TrainedModel(study.name, chosen, schema, *codecs, model, domain, seed).save(folder)
        loss = result.validation_loss if math.isfinite(result.validation_loss) else None
        found = {"validation_loss": loss, "best_epoch": result.best_epoch, "epochs": result.epochs, "seconds": result.seconds}
        _write_json(folder / METRICS, {"training": origin, "fit": found})
    return Trained(folder, result.validation_loss, result.best_epoch, result.epochs, result.seconds, parts[0][1])


def provenance(study: Study, recipe: Recipe, store: Store, seed: int, parts: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """What decides a run's weights: study, recipe, seed, and the events with their origin."""
    dataset = store.dataset
    return {
        "study": study.name,
        "recipe": recipe.name,
        "seed": seed,
        "events": {"training": parts[0][1] - parts[0][0], "validation": parts[1][1] - parts[1][0]},
        "simulator": dataset.simulator,
        "settings": dict(dataset.settings),
        "data_seed": dataset.seed,
        "identity": dataset.identity,
        "package_version": package_version(),
    }


def read_provenance(folder: Path) -> dict[str, Any]:
    """What ``provenance`` said of a run; ValueError where the folder does not tell."""
    path = folder / METRICS
    try:
        training = json.loads(path.read_text(encoding="utf-8"))["training"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"'{path}' does not say what the run was trained on ({type(error).__name__}); train it again") from error
    return dict(training)


def trained_simulator(folder: Path, study: Study, changes: Mapping[str, Any] | None = None) -> Simulator:
    """The simulator, with its settings (``changes`` aside), whose events a run learned; ValueError where it learned from files."""
    origin = read_provenance(folder)
    if origin["simulator"] not in study.simulators:
        raise ValueError(f"the run learned from '{origin['simulator']}', which cannot be simulated here: give events of your own, as a store or a file")
    settings = {key: value for key, value in origin["settings"].items() if key not in STORE_SETTINGS} | dict(changes or {})
    return make_simulator(study, origin["simulator"], settings)


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``changes`` at every depth."""
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return merged


def trained_domain(schema: Schema, given: Sequence[str], sample: Table) -> Domain:
    """What the training events cover, a little widened so that the next event of the same kind lies inside, within the schema's own bounds.

    A column of theta has an edge, and the next event lies a few mean spacings beyond the outermost one at most; what a detector sees has none, and gets
    as much room again on either side.
    """
    from cloudchamber.models.domain import domain_of

    domain = domain_of(sample, schema.select(given))
    for name, column in schema.select(given).items():
        if column.categories:
            continue
        low, high = map(float, domain[name])
        room = (high - low) * (EDGE_SPACINGS / len(sample[name]) if name in schema.theta else 1.0)
        low, high = low - room, high + room
        # a prior that thins out towards a bound of the schema, as zenith angles do, still reaches it
        near = EDGE_SHARE * (high - low)
        low = column.low if column.low is not None and low - column.low < near else low
        high = column.high if column.high is not None and column.high - high < near else high
        domain[name] = (low if column.low is None else max(low, column.low), high if column.high is None else min(high, column.high))
    return domain


def rank() -> int:
    """The number of this process where several train one model, else 0."""
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0))


def _split(events: int, limit: int | None, fraction: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Ranges of the events to learn from and of those held out."""
    used = events if limit is None else min(limit, events)
    held_out = max(1, round(fraction * used)) if fraction > 0 else 0
    if used - held_out < 2:
        raise ValueError(f"{used} events with a validation fraction of {fraction} leave {used - held_out} to learn from: simulate more")
    return (0, used - held_out), (used - held_out, used)


def _spread(part: tuple[int, int]) -> list[tuple[int, int]]:
    """Ranges that hold at most CODEC_EVENTS of ``part``, evenly spread."""
    first, stop = part
    if stop - first <= CODEC_EVENTS:
        return [part]
    piece = CODEC_EVENTS // 50
    return [(start, start + piece) for start in np.linspace(first, stop - piece, 50).astype(int).tolist()]


def _encode(store: Store, table: Table, recipe: Recipe, codecs: tuple[Codec, Codec]) -> tuple[Tensor, Tensor]:
    import torch

    from cloudchamber.models.trained import to_tensors

    given = to_tensors(table, store.schema.select(recipe.given))
    target = to_tensors(table, store.schema.select(recipe.target))
    with torch.no_grad():
        return codecs[1].encode(target, given).float(), codecs[0].encode(given, {}).float()


def _in_memory(store: Store, recipe: Recipe, codecs: tuple[Codec, Codec], part: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Encoded (target, given), read in chunks so that the raw columns are never in memory as a whole."""
    import torch

    columns = (*recipe.given, *recipe.target)
    edges = [*range(part[0], part[1], CHUNK_EVENTS), part[1]]
    chunks = [_encode(store, store.read(columns, slice(low, high)), recipe, codecs) for low, high in pairwise(edges)]
    target, given = zip(*chunks, strict=True)
    return torch.cat(target), torch.cat(given)


def _streamed(store: Store, recipe: Recipe, codecs: tuple[Codec, Codec], part: tuple[int, int], seed: int) -> Batches:
    from cloudchamber.train.batches import StreamBatches

    size = recipe.fit.batch_size

    def epoch(number: int) -> Iterator[Table]:
        return stream(store, (*recipe.given, *recipe.target), size, seed, number, events=part)

    return StreamBatches(epoch, lambda table: _encode(store, table, recipe, codecs), -(-(part[1] - part[0]) // size))


def _begin(folder: Path, origin: Mapping[str, Any]) -> None:
    """Note the origin of a new run; ValueError where the folder holds a run of another origin."""
    if not (folder / METRICS).exists():
        if rank() == 0:
            _write_json(folder / METRICS, {"training": origin})
        return
    there = read_provenance(folder)
    differences = [f"{key} was {there.get(key)}, is now {origin[key]}" for key in origin if key != "package_version" and there.get(key) != origin[key]]
    if differences:
        raise ValueError(f"'{folder}' holds another run ({'; '.join(differences)}): give the same, or another folder")


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(data, indent=1, allow_nan=False).encode() + b"\n")
