"""Dataclasses come back from JSON as they were; what does not fit is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pytest

from cloudchamber.jsonable import from_json, to_json


@dataclass(frozen=True)
class Flow:
    layers: int = 3
    width: float = 64.0


@dataclass(frozen=True)
class Gan:
    loss: Literal["wasserstein", "cross_entropy"] = "wasserstein"


@dataclass(frozen=True)
class Run:
    name: str
    model: Flow | Gan = Flow()
    betas: tuple[float, float] = (0.9, 0.999)
    columns: tuple[str, ...] = ()
    clip: float | None = 1.0
    steps: list[int] = field(default_factory=list)
    parts: Mapping[str, Flow] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    extra: Gan | None = None
    alone: tuple[int] = (1,)
    fast: bool = False
    length: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.name))


@pytest.mark.parametrize(
    "run",
    [
        Run("a"),
        Run("b", model=Gan("cross_entropy"), clip=None, steps=[1, 2], columns=("x", "y", "z"), extra=Gan(), fast=True),
        Run("c", parts={"critic": Flow(4, 1.5)}, options={"deep": {"list": [1, "two", None]}}, betas=(0.0, 1.0)),
    ],
)
def test_round_trip(run: Run) -> None:
    assert from_json(Run, json.loads(json.dumps(to_json(run)))) == run


def test_defaults_and_whole_numbers_for_floats() -> None:
    run = from_json(Run, {"name": "a", "betas": [0, 1], "model": {"kind": "Flow", "width": 8}})
    assert run == Run("a", betas=(0.0, 1.0), model=Flow(width=8.0))
    assert type(run.model.width) is float


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nmae": 1}, "Run: unknown key 'nmae'; allowed: name, model"),
        ({"length": 3}, "unknown key 'length'"),
        ({"name": 3}, "name: expected str, got 3"),
        ({"model": {"kind": "Vae"}}, "model: kind 'Vae' is not one of Flow, Gan"),
        ({"model": {"kind": "Flow", "depth": 3}}, "model: unknown key 'depth'; allowed: layers, width"),
        ({"model": {"kind": "Flow", "layers": 3.5}}, "model.layers: expected int, got 3.5"),
        ({"model": {"kind": "Flow", "layers": True}}, "model.layers: expected int, got True"),
        ({"model": {"kind": "Gan", "loss": "hinge"}}, "model.loss: 'hinge' is not one of 'wasserstein', 'cross_entropy'"),
        ({"model": 3}, "model: 3 fits none of"),
        ({"betas": [0.9]}, "betas: needs 2 entries, got 1"),
        ({"betas": [0.9, "x"]}, r"betas\[1\]: expected float, got 'x'"),
        ({"alone": [1, 2]}, "alone: needs 1 entries, got 2"),
        ({"columns": "abc"}, "columns: expected list, got 'abc'"),
        ({"clip": "high"}, "clip: 'high' fits none of"),
        ({"parts": {"critic": {"layers": "many"}}}, "parts.critic.layers: expected int, got 'many'"),
        ({"parts": []}, "parts: expected dict"),
        ({"fast": 1}, "fast: expected bool, got 1"),
        ({"extra": {"kind": "Flow"}}, "extra: kind 'Flow' is not Gan"),
        ({"kind": "Walk"}, "Run: kind 'Walk' is not Run"),
    ],
)
def test_what_does_not_fit_is_named(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_json(Run, {"name": "a"} | change)


def test_missing_key_and_top_level_values() -> None:
    with pytest.raises(ValueError, match="Run: missing key 'name'"):
        from_json(Run, {})
    with pytest.raises(ValueError, match="value: expected int, got 'x'"):
        from_json(int, "x")
    with pytest.raises(ValueError, match=r"^a: expected int"):
        from_json(dict[str, int], {"a": "x"})
    assert from_json(tuple[()], []) == ()
    assert from_json(list, [1, "a"]) == [1, "a"]
    assert from_json(float | None, None) is None


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set does not belong in JSON"):
        to_json({"a": {1}})
    with pytest.raises(TypeError, match="type does not belong in JSON"):
        to_json(Run)


class Settings(Protocol):
    def build(self) -> int: ...


@dataclass(frozen=True)
class Head:
    body: Settings | None = None
    always: Settings = Flow()  # type: ignore[assignment]


def test_a_protocols_class_is_that_of_the_value_alike() -> None:
    head = Head(Flow(2), Gan())  # type: ignore[arg-type]
    assert from_json(Head, to_json(head), like=head) == head
    assert from_json(Head, {"body": {"layers": 5}}, like=head) == Head(Flow(5))  # type: ignore[arg-type]
    assert from_json(Head, {"body": None}, like=head) == Head()
    with pytest.raises(ValueError, match=r"body: unknown key 'depth'; allowed: layers, width"):
        from_json(Head, {"body": {"depth": 5}}, like=head)
    with pytest.raises(ValueError, match=r"body: kind 'Gan' is not Flow"):
        from_json(Head, {"body": {"kind": "Gan"}}, like=head)
    with pytest.raises(ValueError, match=r"body: this part is chosen in Python, where it has no such settings"):
        from_json(Head, {"body": {"layers": 5}}, like=Head())
