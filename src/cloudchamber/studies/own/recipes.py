"""What a user's arrays are learned with when nothing else is said: settings by what the columns are and how many events there are."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal

import numpy as np

from cloudchamber.models.flow import Flow
from cloudchamber.models.heads import Categorical
from cloudchamber.models.labelled import LabelledMixture
from cloudchamber.models.matching import Matching
from cloudchamber.models.recipe import Fit, ModelSettings, Optimiser, Recipe
from cloudchamber.nn.codec import Columns
from cloudchamber.schema import Column, Schema

Direction = Literal["infer", "surrogate"]
MOST_SPLINED = 64
"""Targets of more numbers are learned by flow matching: splines cost as many passes as there are numbers to tie together."""
PASSES_OF_TEN_THOUSAND = 60
MOST_EPOCHS = 300
FEW_EVENTS, MANY_EVENTS = 3000, 30_000
FEW_NUMBERS = 5
"""More numbers learned from fewer than ``MANY_EVENTS`` get a smaller flow whose weights are held small: a larger one knows its events by heart soon."""
SMALL_PASSES = 200
"""Passes of that flow over ten thousand events, at most: held small, it learns slowly."""
DECAY_OF_THOUSAND = 2.0
"""That weight decay at a thousand events; it falls as one over their number. Of few numbers, whose shapes it would round off, it is ``DECAY``."""
DECAY = 1e-3


def recipe_of(schema: Schema, direction: Direction, events: int, logs: tuple[str, ...] = ()) -> Recipe:
    """A recipe for ``events`` events. ``logs`` are positive columns that span orders of magnitude; a target with both bounds is learned as its logit,
    one of whole numbers by their frequencies."""
    sides = (schema.theta, schema.x) if direction == "infer" else (schema.x, schema.theta)
    # a class comes first: the numbers are given it
    target = dict(sorted(sides[0].items(), key=lambda item: not item[1].categories))
    name, model = _model(target, events)
    transforms = dict.fromkeys(logs, "log")
    bounded = {name: "logit" for name, column in target.items() if None not in (column.low, column.high) and not column.categories}
    whole = {name: "whole" for name, column in target.items() if not column.categories and np.dtype(column.dtype).kind in "biu"}
    small = isinstance(model, Flow) and _numbers(target) > FEW_NUMBERS and events < MANY_EVENTS
    batch, rate = (512, 1e-3) if events >= MANY_EVENTS else (256, 4e-3) if small else (128, 2e-3 if events < FEW_EVENTS else 1e-3)
    decay = DECAY_OF_THOUSAND * min(1.0, 1000 / events) if small else DECAY
    epochs = min(MOST_EPOCHS, max(8, round((SMALL_PASSES if small else PASSES_OF_TEN_THOUSAND) * (10_000 / events) ** 0.5)))
    return Recipe(
        name=name,
        doc="settings by the columns and the number of events",
        target=tuple(target),
        given=tuple(sides[1]),
        target_codec=Columns({name: kind for name, kind in (transforms | bounded | whole).items() if name in target}),  # type: ignore[misc]
        given_codec=Columns({name: kind for name, kind in transforms.items() if name in sides[1]}),  # type: ignore[misc]
        model=model,
        fit=Fit(
            epochs=epochs,
            schedule="anneal",
            batch_size=batch,
            optimisers={"": Optimiser(learning_rate=rate, weight_decay=decay)},
            average_decay=0.99,
            validation_fraction=0.1,
            patience=8,
        ),
    )


def _model(target: Mapping[str, Column], events: int) -> tuple[str, ModelSettings]:
    classes = [column for column in target.values() if column.categories]
    numbers = _numbers(target)
    if len(classes) > 1 or (classes and classes[0].shape):
        raise ValueError("one class an event can be learned, alone or beside numbers: fit the others in runs of their own")
    if classes and numbers:
        return "labelled", LabelledMixture(classes=len(classes[0].categories), components=4, layers=2)
    if classes:
        return "classes", Categorical()
    if numbers > MOST_SPLINED:
        return "matching", Matching()
    if numbers > FEW_NUMBERS and events < MANY_EVENTS:
        return "flow", Flow(transforms=2, bins=4, hidden=16 if events < FEW_EVENTS else 32, layers=1, passes=None, affine=True, straight=True)
    return "flow", Flow(transforms=6, bins=8, hidden=64, layers=2, affine=True, straight=True)


def _numbers(target: Mapping[str, Column]) -> int:
    return sum(prod(column.shape) for column in target.values() if not column.categories)
