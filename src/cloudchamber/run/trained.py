"""A trained model: physical units in, physical units out, within the domain it was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.recipe import Recipe
from cloudchamber.nn.codec import Codec
from cloudchamber.rng import rng
from cloudchamber.run.domain import Domain, domain_from_json, domain_to_json, inside, refuse_outside
from cloudchamber.run.familiarity import Familiarity
from cloudchamber.run.files import RunFiles, seal, write_json
from cloudchamber.run.parts import Parts, classes_of
from cloudchamber.run.weights import checksum, read_weights, write_weights
from cloudchamber.schema import Column, Ragged, Schema, Table, check_table, events_in
from cloudchamber.store.dataset import package_version

BATCH_EVENTS = 2048
"""So many events' numbers stay in a processor's cache: larger batches sample more slowly."""
NOISE_BLOCK = 1024
"""Noise is drawn for so many events at once, so that an event's noise does not depend on the batch size."""
Outside = Literal["refuse", "flag"]


@dataclass(frozen=True)
class TrainedModel:
    """Recipe, schema, codecs and weights of one run. ``seed`` is the seed of its training, ``familiarity`` how features of events like the training's lie."""

    study: str
    recipe: Recipe
    schema: Schema
    given_codec: Codec
    target_codec: Codec
    model: ConditionalModel
    domain: Domain
    seed: int
    familiarity: Familiarity | None = None

    @cached_property
    def given_columns(self) -> dict[str, Column]:
        """The columns a user gives."""
        return self.schema.select(self.recipe.given)

    @cached_property
    def target_columns(self) -> dict[str, Column]:
        """The columns the model answers with."""
        return self.schema.select(self.recipe.target)

    @property
    def parameters(self) -> int:
        """The number of learned numbers of the model."""
        return sum(p.numel() for p in self.model.parameters())

    def sample(self, given: Table, seed: int, batch_size: int | None = None, outside: Outside = "refuse", **options: Any) -> Table:
        """One event of the target's columns for each event of ``given``, in physical units.

        The same ``seed`` gives the same events, whatever the ``batch_size`` (up to the rounding of single precision); by default that is ``BATCH_EVENTS``,
        or for sets the recipe's, since their networks need far more memory an event. ``options`` go to the model, such as ``steps`` or ``tolerance`` of
        flow matching. Given values outside the trained domain are refused with a ValueError, or answered and marked in the boolean column ``in_domain``
        with ``outside="flag"``.
        """
        given, marks = self._checked(given, outside)
        return self._draw(given, seed, "sample", batch_size, options) | marks

    def log_prob(self, given: Table, target: Table, batch_size: int | None = None) -> np.ndarray:
        """ln p(target | given) per physical unit of every target number, (events,); ValueError where the model has no density."""
        given, _ = self._checked(given, "refuse")
        target = check_table(target, self.target_columns, extra=True)
        if events_in(given) != events_in(target):
            raise ValueError(f"given has {events_in(given)} events, target {events_in(target)}")
        answers = []
        self.model.eval()
        with torch.no_grad():
            for start, stop in self._batches(events_in(given), batch_size):
                condition, encoded = self._given(given, slice(start, stop))
                columns = self._tensors(target, self.target_columns, slice(start, stop))
                log_det = self.target_codec.log_det(columns, condition)
                answers.append((self.model(encoded).log_prob(self.target_codec.encode(columns, condition)) + log_det).double().cpu().numpy())
        return np.concatenate(answers)

    def predict(self, given: Table, draws: int = 100, seed: int = 0, batch_size: int | None = None, outside: Outside = "refuse", **options: Any) -> Table:
        """Mean and standard deviation of every target column over ``draws`` samples an event: ``<column>_mean``, ``<column>_std``.

        A column of categories answers with ``<column>_probability``, (events, ..., categories): exact where the model states it, else the share of the draws.
        Where features of held-out events are known, ``familiarity`` is the share of these that are at least as strange as the event: strange events are
        answered all the same, and with ``outside="flag"`` those stranger than all count as outside the domain.
        """
        if draws < 2:
            raise ValueError(f"draws must be at least 2, got {draws}")
        given, marks = self._checked(given, outside)
        options = self._options(options)
        self.model.eval()
        with torch.no_grad():
            parts = [self._summary(given, slice(*batch), draws, seed, options) for batch in self._batches(events_in(given), batch_size)]
        return self._marked({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, marks)

    def posterior(self, given: Table, draws: int = 100, seed: int = 0, batch_size: int | None = None, outside: Outside = "refuse", **options: Any) -> Table:
        """``draws`` samples an event of every target column, (events, draws, ...), those that ``predict`` averages; its other columns beside them."""
        if draws < 1:
            raise ValueError(f"draws must be at least 1, got {draws}")
        given, marks = self._checked(given, outside)
        options = self._options(options)
        parts: list[Table] = []
        self.model.eval()
        with torch.no_grad():
            for batch in self._batches(events_in(given), batch_size):
                condition, encoded = self._given(given, slice(*batch))
                distribution, familiarity = self._answer(encoded)
                drawn = list(self._draws(distribution, condition, slice(*batch), draws, seed, options))
                stacked = {name: np.stack([table[name] for table in drawn], axis=1) for name in self.target_columns}
                parts.append(stacked | self._stated(distribution) | familiarity)
        return self._marked({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, marks)

    def save(self, folder: Path) -> Path:
        """Write weights, recipe, schema and domain, each file complete or not at all; run.json last, over all files of the run that are in ``folder``."""
        files = RunFiles(Path(folder))
        files.folder.mkdir(parents=True, exist_ok=True)
        files.manifest.unlink(missing_ok=True)
        write_json(files.recipe, {"study": self.study, "seed": self.seed, "recipe": self.recipe.to_json()})
        write_json(files.schema, self.schema.to_json())
        write_json(files.domain, domain_to_json(self.domain))
        if self.familiarity is not None:
            write_weights(files.familiarity, self.familiarity)
        else:
            files.familiarity.unlink(missing_ok=True)
        write_weights(files.weights, self._modules)
        self.seal(files)
        return files.folder

    def seal(self, files: RunFiles) -> None:
        """Write run.json over the ``files`` of this model's run as they are."""
        seal(files, self.study, {place: found.__name__ for place, found in classes_of(self.recipe) if place}, package_version())

    @property
    def digest(self) -> str:
        """Of the weights, by which two models differ."""
        return checksum(self._modules.state_dict())

    @property
    def _modules(self) -> nn.ModuleDict:
        return _parts(self.model, self.given_codec, self.target_codec)

    def _checked(self, given: Table, outside: str) -> tuple[Table, Table]:
        if outside not in ("refuse", "flag"):
            raise ValueError(f"outside must be 'refuse' or 'flag', got '{outside}'")
        given = check_table(given, self.given_columns, extra=True)
        if events_in(given) == 0:
            raise ValueError("no events given")
        if outside == "refuse":
            refuse_outside(given, self.given_columns, self.domain)
            return given, {}
        return given, {"in_domain": inside(given, self.given_columns, self.domain)}

    def _draw(self, given: Table, seed: int, word: str, batch_size: int | None, options: Mapping[str, Any]) -> Table:
        options = self._options(options)
        parts: list[Table] = []
        self.model.eval()
        with torch.no_grad():
            for batch in self._batches(events_in(given), batch_size):
                condition, encoded = self._given(given, slice(*batch))
                parts.append(self._columns(self.model.generate(self._noise(seed, word, slice(*batch)), encoded, **options), condition))
        return {name: np.concatenate([part[name] for part in parts]) for name in self.target_columns}

    def _summary(self, given: Table, events: slice, draws: int, seed: int, options: Mapping[str, Any]) -> Table:
        """What ``predict`` says of these ``events``."""
        condition, encoded = self._given(given, events)
        distribution, familiarity = self._answer(encoded)
        answer = self._stated(distribution)
        if answer and len(self.target_columns) == 1:
            return answer | familiarity
        total: dict[str, np.ndarray] = {}
        squares: dict[str, np.ndarray] = {}
        for draw, columns in enumerate(self._draws(distribution, condition, events, draws, seed, options)):
            for name, values in columns.items():
                categories = self.target_columns[name].categories
                numbers = np.eye(len(categories))[values] if categories else values.astype(np.float64)
                # Welford (1962), Technometrics 4, 419: stable for means far larger than their deviations
                mean = total.get(name, np.zeros_like(numbers))
                step = numbers - mean
                total[name] = mean + step / (draw + 1)
                squares[name] = squares.get(name, np.zeros_like(numbers)) + step * (numbers - total[name])
        for name, column in self.target_columns.items():
            if column.categories:
                answer.setdefault(f"{name}_probability", total[name])
            else:
                answer |= {f"{name}_mean": total[name], f"{name}_std": np.sqrt(squares[name] / (draws - 1))}
        return answer | familiarity

    def _answer(self, encoded: Tensor) -> tuple[Distribution, Table]:
        """What the model says of these events, and how familiar they are."""
        features = self.model.features(encoded)
        known = {} if self.familiarity is None else {"familiarity": self.familiarity(features.cpu()).double().numpy()}
        return self.model.head(features), known

    @staticmethod
    def _marked(answer: Table, marks: Table) -> Table:
        """``answer`` with ``marks``; what is stranger than all held-out events is not in the domain."""
        if marks and "familiarity" in answer:
            marks = {"in_domain": marks["in_domain"] & (answer["familiarity"] > 0)}
        return answer | marks

    def _stated(self, distribution: Distribution) -> Table:
        """The class probabilities that a model states: of the one category column of its target."""
        stated = distribution.probabilities()
        if stated is None:
            return {}
        [(name, column)] = [(name, column) for name, column in self.target_columns.items() if column.categories]
        return {f"{name}_probability": stated.double().cpu().numpy().reshape(-1, *column.shape, len(column.categories))}

    def _draws(
        self, distribution: Distribution, condition: dict[str, Tensor], events: slice, draws: int, seed: int, options: Mapping[str, Any]
    ) -> Iterator[Table]:
        for draw in range(draws):
            yield self._columns(distribution.sample(self._noise(seed, f"predict {draw}", events), **options), condition)

    def _options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Sampling options over the recipe's own."""
        known = dict(self.recipe.sampling) | dict(options)
        unknown = [name for name in known if name not in self.model.options]
        if unknown:
            raise ValueError(f"'{self.recipe.name}' has no sampling option '{unknown[0]}'; it has: {', '.join(self.model.options) or 'none'}")
        return known

    def _given(self, given: Table, events: slice) -> tuple[dict[str, Tensor], Tensor]:
        """The given columns of these events as tensors, and as the model takes them."""
        condition = self._tensors(given, self.given_columns, events)
        return condition, self.given_codec.encode(condition, {})

    def _noise(self, seed: int, word: str, events: slice) -> Tensor:
        return torch.from_numpy(noise_rows(seed, word, events.start, events.stop, self.model.noise_size)).to(self._device)

    def _columns(self, flat: Tensor, condition: dict[str, Tensor]) -> Table:
        """The target's columns in physical units."""
        table, decoded = {}, self.target_codec.decode(flat, condition)
        for name, column in self.target_columns.items():
            values = decoded[name].cpu().numpy()
            whole = np.issubdtype(np.dtype(column.dtype), np.integer) and values.dtype.kind == "f"
            table[name] = (np.rint(values) if whole else values).astype(column.dtype, copy=False)
        return table

    def _batches(self, events: int, batch_size: int | None) -> Iterator[tuple[int, int]]:
        if batch_size is None:
            batch_size = self.recipe.fit.batch_size if any(column.ragged for column in self.given_columns.values()) else BATCH_EVENTS
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        return ((start, min(start + batch_size, events)) for start in range(0, events, batch_size))

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _tensors(self, table: Table, columns: Mapping[str, Column], events: slice) -> dict[str, Tensor]:
        return {name: values.to(self._device) for name, values in to_tensors(table, columns, events).items()}


def load_trained(folder: Path, parts: Parts | None = None) -> TrainedModel:
    """Read what ``save`` wrote. FileNotFoundError for a missing file, ValueError for broken or unfitting ones, or an unknown part; all name the file."""
    files = RunFiles(Path(folder))
    if not files.folder.is_dir():
        raise FileNotFoundError(f"no run folder {folder}: train first, or check the path")
    files.verify()
    return read_run(files, parts)


def read_run(files: RunFiles, parts: Parts | None = None) -> TrainedModel:
    """``load_trained`` without run.json, as for runs of version 1."""
    head = files.read_json(files.recipe)
    try:
        if not isinstance(head, Mapping):
            raise ValueError("needs 'study', 'seed' and 'recipe'")
        unknown = sorted(set(head) - {"study", "seed", "recipe"})
        if unknown:
            raise ValueError(f"unknown key '{unknown[0]}'; allowed: study, seed, recipe")
        if not isinstance(head.get("study"), str):
            raise ValueError("names no study")
        if not isinstance(head.get("seed"), int) or not isinstance(head.get("recipe"), Mapping):
            raise ValueError("needs a whole number 'seed' and the settings 'recipe'")
        recipe = Recipe.from_json(head["recipe"], (parts or Parts()).find)
    except ValueError as error:
        raise ValueError(f"{files.recipe}: {error}") from None
    try:
        schema = Schema.from_json(files.read_json(files.schema))
        given_columns, target_columns = schema.select(recipe.given), schema.select(recipe.target)
    except ValueError as error:
        raise ValueError(f"{files.schema}: {error}") from None
    given_codec, target_codec = recipe.given_codec.build(given_columns), recipe.target_codec.build(target_columns)
    model = recipe.model.build(target_codec.size, given_codec.size)
    read_weights(files.weights, _parts(model, given_codec, target_codec))
    model.eval()
    try:
        domain = domain_from_json(files.read_json(files.domain), given_columns)
    except ValueError as error:
        raise ValueError(f"{files.domain}: {error}") from None
    familiarity = None
    if model.feature_size is not None and files.familiarity.exists():
        familiarity = Familiarity(model.feature_size)
        read_weights(files.familiarity, familiarity)
    return TrainedModel(head["study"], recipe, schema, given_codec, target_codec, model, domain, head["seed"], familiarity)


def _parts(model: nn.Module, given_codec: nn.Module, target_codec: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({"model": model, "given_codec": given_codec, "target_codec": target_codec})


def to_tensors(table: Mapping[str, Any], columns: Mapping[str, Column], events: slice = slice(None)) -> dict[str, Tensor]:
    """The ``columns`` of a checked table as tensors: float32, and int64 codes for categories.

    A ragged column becomes float32 (events, longest, ...), NaN where a set has no more elements; ``longest`` is at least 1.
    """
    tensors = {}
    for name, column in columns.items():
        values = table[name][events]
        if isinstance(values, Ragged):
            tensors[name] = torch.from_numpy(padded(values))
        else:
            tensors[name] = torch.from_numpy(np.array(values, dtype=np.int64 if column.categories else np.float32))
    return tensors


def padded(sets: Ragged) -> np.ndarray:
    """Elements of each set from the left, NaN beyond, float32 (events, longest, ...)."""
    lengths = np.diff(sets.offsets)
    there = np.arange(max(int(lengths.max(initial=0)), 1)) < lengths[:, None]
    table = np.full((*there.shape, *sets.values.shape[1:]), np.nan, dtype=np.float32)
    table[there] = sets.values
    return table


def noise_rows(seed: int, word: str, start: int, stop: int, size: int) -> np.ndarray:
    """Standard normal noise of the events ``start`` to ``stop``, (stop - start, size), drawn by blocks of events."""
    parts = []
    for block in range(start // NOISE_BLOCK, (stop - 1) // NOISE_BLOCK + 1):
        last = min(stop - block * NOISE_BLOCK, NOISE_BLOCK)
        drawn = rng(seed, word, block).standard_normal((last, size), dtype=np.float32)
        parts.append(drawn[max(start - block * NOISE_BLOCK, 0) :])
    return np.concatenate(parts)
