"""A recipe: what to learn from what, with which model, and how to fit it; frozen, and saved as ``recipe.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from cloudchamber.jsonable import Find, from_json, to_json

if TYPE_CHECKING:
    from torch import Tensor

    from cloudchamber.models.base import ConditionalModel
    from cloudchamber.nn.codec import Codec
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.schema import Column


Schedule: TypeAlias = Literal["constant", "cosine", "onecycle", "anneal"]
"""How the learning rate moves; see ``train.schedule``."""


class ModelSettings(Protocol):
    """The settings of a model: a frozen dataclass that builds the network for so many target and given numbers."""

    def build(self, target_size: int, given_size: int) -> ConditionalModel: ...


@runtime_checkable
class TaughtSettings(Protocol):
    """The settings of a model that may learn from a trained one, its teacher, beside the events; what is saved must load with ``build``."""

    def build_taught(self, target_size: int, given_size: int, teacher: TrainedModel) -> ConditionalModel: ...


class Watch(Protocol):
    """A running figure of a fit: a frozen dataclass that looks at what the model draws after each epoch, and stops a fit that is hopeless."""

    @property
    def name(self) -> str:
        """The column of the log."""
        ...

    @property
    def events(self) -> int:
        """How many held-out events it takes at most."""
        ...

    def figure(self, model: ConditionalModel, target: Tensor, given: Tensor) -> float:
        """The figure, of held-out events as flat numbers."""
        ...

    def advice(self, figures: Sequence[float]) -> str:
        """Why the fit is hopeless and what to do, from the figures of its epochs so far; "" where it is not."""
        ...


class CodecSettings(Protocol):
    """The settings of a codec: a frozen dataclass that builds the map from named columns to flat numbers."""

    def build(self, columns: Mapping[str, Column]) -> Codec: ...


@dataclass(frozen=True)
class Optimiser:
    """One part's optimiser. The part takes no step in the first ``rest_epochs`` epochs, in which others learn alone; in the last one it does."""

    name: Literal["adam", "adamw", "adadelta", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    rest_epochs: int = 0


@dataclass(frozen=True)
class Fit:
    """How to fit: one loop reads these settings for every model.

    ``optimisers`` maps the name of a part of the model (an attribute, such as ``critic``) to its optimiser; the key ``""`` serves every part not named.
    With the schedule "anneal", ``epochs`` is the most there may be: the rate stays until the validation loss has not fallen for ``patience`` epochs, and
    then goes to zero from the best weights on.
    """

    epochs: int = 100
    batch_size: int = 512
    optimisers: Mapping[str, Optimiser] = field(default_factory=lambda: {"": Optimiser()})
    schedule: Schedule = "cosine"
    warmup_epochs: float = 0.0
    clip_norm: float | None = 1.0
    average_decay: float | None = None
    validation_fraction: float = 0.05
    patience: int | None = None
    precision: Literal["32-true", "bf16-mixed", "64-true"] = "32-true"


@dataclass(frozen=True)
class Recipe:
    """What to learn (``target``) from what (``given``), the codecs of both, the model and the fit; ``watch`` is a running figure of the fit."""

    name: str
    doc: str
    target: tuple[str, ...]
    given: tuple[str, ...]
    target_codec: CodecSettings
    given_codec: CodecSettings
    model: ModelSettings
    fit: Fit = Fit()
    watch: Watch | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The settings that ``tune`` searches, each with the values to try; no part of what a run is."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary; without the search space."""
        return {key: value for key, value in to_json(self).items() if key != "search"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], find: Find) -> Recipe:
        """What ``to_json`` wrote, its parts of the classes that ``find`` gives for their names; unknown and missing keys are refused."""
        recipe: Recipe = from_json(cls, data, find=find)
        return recipe

    def with_json(self, data: Mapping[str, Any]) -> Recipe:
        """This recipe with the settings of ``data`` (what ``to_json`` wrote); the parts keep their classes, unknown keys are refused."""
        known = {f.name for f in fields(self)} - {"search"}
        unknown = [key for key in data if key not in known | {"kind"}]
        if unknown:
            raise ValueError(f"recipe: unknown key '{unknown[0]}'; allowed: {', '.join(sorted(known))}")
        plain: dict[str, Any] = {"name": str, "doc": str, "target": tuple[str, ...], "given": tuple[str, ...], "sampling": dict[str, Any]}
        parts = {name: getattr(self, name) for name in known}
        values = {name: from_json(plain.get(name, type(part)), data[name], name, part) for name, part in parts.items() if name in data}
        return Recipe(**{f.name: values.get(f.name, getattr(self, f.name)) for f in fields(self)})
