"""The trained model of one training: codecs and network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cloudchamber.jsonable import flat, to_json
from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.recipe import Recipe
from cloudchamber.nn.codec import Codec
from cloudchamber.run.domain import Domain, domain_from_json, domain_to_json
from cloudchamber.run.familiarity import Familiarity
from cloudchamber.run.files import RunFiles, read_file, seal, write_json
from cloudchamber.run.parts import Parts, classes_of
from cloudchamber.run.spread import spread_of_mixture
from cloudchamber.run.trained import TrainedModel
from cloudchamber.run.weights import checksum, read_weights, write_weights
from cloudchamber.schema import Column, Schema, Table, events_in, wider
from cloudchamber.store.dataset import package_version

BATCH_EVENTS, BATCH_NUMBERS = 2048, 2**21
"""So many events' numbers stay in a processor's cache: larger batches sample more slowly. Of large events fewer: their targets have no more numbers."""


@dataclass(frozen=True)
class NetworkSaid:
    """What a network says of the events ``given``: a distribution of the flat numbers that its codec makes columns of."""

    network: TrainedNetwork
    given: dict[str, Tensor]
    features: Tensor
    distribution: Distribution

    def sample(self, noise: Tensor, **options: Any) -> dict[str, Tensor]:
        """One draw for each event."""
        return self.network.target_codec.decode(self.distribution.sample(noise, **options), self.given)

    def repeated(self, times: int) -> NetworkSaid:
        """The same of the events so many times over, one after all others."""
        given = {name: values.repeat(times, *(1 for _ in values.shape[1:])) for name, values in self.given.items()}
        features = self.features.repeat(times, 1)
        return NetworkSaid(self.network, given, features, self.network.model.head(features))

    def log_prob(self, target: dict[str, Tensor]) -> Tensor:
        """ln p(target)."""
        codec = self.network.target_codec
        return codec.log_prob(target, self.given, self.distribution.log_prob)

    def probabilities(self) -> Tensor | None:
        """Of the classes, where the model states them."""
        return self.distribution.probabilities()

    def spread(self) -> Table:
        """Of a mixture of Gaussians."""
        return spread_of_mixture(self.network.target_columns, self.network.target_codec, self.distribution.marginals())

    def familiarity(self) -> Tensor | None:
        """Of the network's features."""
        known = self.network.familiarity
        return None if known is None else known(self.features.cpu())


@dataclass(frozen=True, repr=False)
class TrainedNetwork(TrainedModel):
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
    folder: Path | None = None

    @property
    def name(self) -> str:
        """The recipe's."""
        return self.recipe.name

    @property
    def doc(self) -> str:
        """The recipe's."""
        return self.recipe.doc

    @property
    def given(self) -> tuple[str, ...]:
        """The recipe's."""
        return self.recipe.given

    @property
    def target(self) -> tuple[str, ...]:
        """The recipe's."""
        return self.recipe.target

    @property
    def parameters(self) -> int:
        """The number of learned numbers of the model."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def noise_size(self) -> int:
        """The model's."""
        return self.model.noise_size

    @property
    def batch_events(self) -> int:
        """Of sets the recipe's batches, since their networks need far more memory an event."""
        if any(column.ragged for column in self.given_columns.values()):
            return self.recipe.fit.batch_size
        return min(BATCH_EVENTS, max(BATCH_NUMBERS // self.model.target_size, 1))

    @property
    def digest(self) -> str:
        """Of the weights of model and codecs."""
        return checksum(self.modules.state_dict())

    @property
    def modules(self) -> nn.ModuleDict:
        """Model and codecs: what the weights are of."""
        return _modules(self.model, self.given_codec, self.target_codec)

    @property
    def device(self) -> torch.device:
        """The model's."""
        return next(self.model.parameters()).device

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Sampling options over the recipe's own."""
        known = dict(self.recipe.sampling) | dict(options)
        unknown = [name for name in known if name not in self.model.options]
        if unknown:
            raise ValueError(f"'{self.name}' has no sampling option '{unknown[0]}'; it has: {', '.join(self.model.options) or 'none'}")
        return known

    def said(self, given: dict[str, Tensor]) -> NetworkSaid:
        """What the network says of events with these columns."""
        self._ready()
        features = self.model.features(self.given_codec.encode(given, {}))
        return NetworkSaid(self, given, features, self.model.head(features))

    def generated(self, noise: Tensor, given: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Tensor]:
        """One draw for each event."""
        self._ready()
        return self.target_codec.decode(self.model.generate(noise, self.given_codec.encode(given, {}), **options), given)

    def strangeness(self, given: Table) -> tuple[np.ndarray, np.ndarray] | None:
        """Distances of these events' features from those of events like the training's, (events,), and quantiles of such events' own; None where unknown."""
        if self.familiarity is None:
            return None
        given, _ = self.checked(given, "answer")
        with torch.no_grad():
            said = (self.said(self._tensors(given, self.given_columns, batch)) for batch in self._batches(events_in(given), None))
            found = [self.familiarity.distance(each.features.cpu()) for each in said]
        return torch.cat(found).double().numpy(), self.familiarity.distances.double().numpy()

    def _ready(self) -> None:
        # walking through all parts takes longer than one event of a small network
        if self.model.training:
            self.model.eval()

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
        write_weights(files.weights, self.modules)
        self.seal(files)
        return files.folder

    def seal(self, files: RunFiles) -> None:
        """Write run.json over the ``files`` of this model's run as they are."""
        seal(files, self.study, {place: found.__name__ for place, found in classes_of(self.recipe) if place}, package_version())


def read_network(files: RunFiles, parts: Parts | None = None, known: Schema | None = None) -> TrainedNetwork:
    """Read what ``save`` wrote, run.json aside; its columns may hold what those of ``known`` may.

    FileNotFoundError for a missing file, ValueError for broken or unfitting ones, or an unknown part."""
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
        schema = read_schema(files)
        given_columns, target_columns = schema.select(recipe.given), schema.select(recipe.target)
    except ValueError as error:
        raise ValueError(f"{files.schema}: {error}") from None
    refuse_larger(files, recipe, given_columns | target_columns)
    given_codec, target_codec = recipe.given_codec.build(given_columns), recipe.target_codec.build(target_columns)
    model = recipe.model.build(target_codec.size, given_codec.size)
    read_weights(files.weights, _modules(model, given_codec, target_codec))
    model.eval()
    try:
        domain = domain_from_json(files.read_json(files.domain), given_columns)
    except ValueError as error:
        raise ValueError(f"{files.domain}: {error}") from None
    familiarity = None
    if model.feature_size is not None and files.familiarity.exists():
        familiarity = Familiarity(model.feature_size)
        read_weights(files.familiarity, familiarity)
    # the codecs have the run's own bounds; what it may be asked is told by its trained domain
    schema = wider(schema, known) if known else schema
    return TrainedNetwork(head["study"], recipe, schema, given_codec, target_codec, model, domain, head["seed"], familiarity, files.folder)


def read_schema(files: RunFiles) -> Schema:
    """The schema that a run's codecs were made for."""
    return Schema.from_json(files.read_json(files.schema))


def refuse_larger(files: RunFiles, recipe: Recipe, columns: Mapping[str, Column]) -> None:
    """ValueError for a setting of the recipe that no network of these weights can have: more of anything than there are numbers, before memory is taken."""
    room = len(read_file(files.weights))
    for name, value in flat({"model": to_json(recipe.model)}).items():
        if isinstance(value, int) and not isinstance(value, bool) and value > max(room, 2**16):
            raise ValueError(f"{files.recipe}: '{name}' is {value}, which {room} bytes of weights cannot be: copy the run again or train anew")
    for name, column in columns.items():
        if math.prod(column.shape) > max(room, 2**16):
            raise ValueError(
                f"{files.schema}: '{name}' has the shape {column.shape}, which {room} bytes of weights cannot know: copy the run again or train anew"
            )


def _modules(model: nn.Module, given_codec: nn.Module, target_codec: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({"model": model, "given_codec": given_codec, "target_codec": target_codec})
