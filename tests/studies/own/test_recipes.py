from __future__ import annotations

import pytest

from cloudchamber.schema import Column, Schema
from cloudchamber.studies.own.recipes import MOST_SPLINED, recipe_of

NUMBERS, KIND = {"a": Column(low=0.0, high=1.0), "b": Column(low=0.0)}, {"kind": Column(categories=("p", "Fe", "He"))}


def test_the_model_follows_from_the_target() -> None:
    x = {"x": Column(shape=(3,))}
    made = {name: recipe_of(Schema(theta, x), "infer", 10_000) for name, theta in (("numbers", NUMBERS), ("class", KIND), ("both", NUMBERS | KIND))}
    assert {name: type(recipe.model).__name__ for name, recipe in made.items()} == {"numbers": "Flow", "class": "Categorical", "both": "LabelledMixture"}
    assert made["both"].target == ("kind", "a", "b") and made["both"].given == ("x",)
    image = recipe_of(Schema(NUMBERS, {"x": Column(shape=(MOST_SPLINED + 1,))}), "surrogate", 10_000)
    assert type(image.model).__name__ == "Matching" and image.given == ("a", "b")


def test_many_numbers_from_few_events_get_a_small_flow() -> None:
    schema = Schema({"a": Column(shape=(10,))}, {"x": Column()})
    small, large = (recipe_of(schema, "infer", events) for events in (3000, 100_000))
    assert small.model.hidden < large.model.hidden and small.fit.optimisers[""].weight_decay > large.fit.optimisers[""].weight_decay  # type: ignore[attr-defined]
    assert small.fit.schedule == "anneal"


def test_whole_numbers_are_learned_by_their_frequencies() -> None:
    schema = Schema({"n": Column(dtype="int64", low=0.0, high=9.0), "flag": Column(dtype="bool")}, {"x": Column(dtype="int64")})
    recipe = recipe_of(schema, "infer", 1000)
    assert recipe.target_codec.transforms == {"n": "whole", "flag": "whole"} and recipe.given_codec.transforms == {}  # type: ignore[attr-defined]


def test_known_bounds_are_kept_by_a_logit() -> None:
    recipe = recipe_of(Schema(NUMBERS, {"x": Column()}), "infer", 10_000, logs=("b", "x"))
    assert recipe.target_codec.transforms == {"b": "log", "a": "logit"} and recipe.given_codec.transforms == {"x": "log"}  # type: ignore[attr-defined]


def test_more_events_need_fewer_epochs() -> None:
    epochs = [recipe_of(Schema(NUMBERS, {"x": Column()}), "infer", events).fit.epochs for events in (200, 1000, 10_000, 100_000, 10_000_000)]
    assert epochs == sorted(epochs, reverse=True) and epochs[-1] >= 8


def test_two_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="one class an event can be learned"):
        recipe_of(Schema(KIND | {"other": Column(categories=("a", "b"))}, {"x": Column()}), "infer", 1000)
