"""What ``cc.fit``, ``cc.Uniform``, ``cc.load`` and a run's own methods refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import cloudchamber as cc
from bad_inputs.case import World

EVENTS = 200
FEW = {"fit": {"epochs": 1}}


@dataclass(frozen=True)
class Call:
    """``do`` must raise ValueError, TypeError or OSError, and say what ``told`` looks for."""

    name: str
    do: Callable[[World, Path], Any]
    told: str


def numbers(value: Any = None, event: int = 7, dtype: Any = float) -> np.ndarray:
    values = np.random.default_rng(1).normal(size=EVENTS).astype(dtype)
    if value is not None:
        values[event] = value
    return values


def fit(theta: Any, x: Any, **options: Any) -> Callable[[World, Path], Any]:
    return lambda _, here: cc.fit(theta, x, **({"overrides": FEW} | options))


def drawn(x: Any, **options: Any) -> Callable[[World, Path], Any]:
    def do(world: World, here: Path) -> Any:
        from cloudchamber.workflow.fitting import Run

        return Run(cc.load(world.own), world.own).posterior(x, **({"draws": 3} | options))

    return do


def cases() -> list[Call]:
    a, x = {"a": numbers()}, {"x": numbers()}
    simulate, prior = (lambda theta: {"x": theta["a"]}), cc.Uniform({"a": (0.0, 1.0)})
    masked = np.ma.masked_array(numbers(), mask=np.arange(EVENTS) == 3)
    return [
        Call("NaN in theta", fit({"a": numbers(np.nan)}, x), r"'a' holds 1 NaN or infinite value\(s\), the first in event 7"),
        Call("inf in x", fit(a, {"x": numbers(np.inf)}), r"'x' holds 1 NaN or infinite"),
        Call("complex", fit(a, {"x": numbers(dtype=complex)}), r"'x' must hold numbers.*complex128"),
        Call("objects", fit(a, {"x": np.array([None] * EVENTS)}), r"'x': None in event 0 is no text"),
        Call("mixed objects", fit(a, {"x": np.array(["a"] * 199 + [3], object)}), r"'x': 3 in event 199 is no text"),
        Call("dates", fit(a, {"x": np.arange(EVENTS).astype("datetime64[s]")}), r"'x' must hold numbers.*datetime64"),
        Call("masked", fit(a, {"x": masked}), r"'x': no value in event 3 \(1 masked"),
        Call("whole numbers too large to learn", fit({"a": np.arange(EVENTS) + 2**25}, x), r"'a'.*whole numbers up to 16777216"),
        Call("other lengths", fit(a, {"x": numbers()[:-1]}), r"'x' has 199 events, the other columns have 200"),
        Call("too few", fit({"a": numbers()[:50]}, {"x": numbers()[:50]}), r"50 events are too few"),
        Call("none", fit({"a": numbers()[:0]}, {"x": numbers()[:0]}), r"0 events are too few|no"),
        Call("a single value", fit({"a": 3.0}, x), r"'a' needs one entry per event"),
        Call("lists of other lengths", fit(a, {"x": [[1.0], [1.0, 2.0]] * 100}), r"'x'|inhomogeneous"),
        Call("sets", fit(a, {"x": cc.Ragged.from_list([np.ones(2)] * EVENTS)}), r"'x' is ragged"),
        Call("a column on both sides", fit(a, a), r"stand in theta and in x: \['a'\]"),
        Call("no theta", fit(None, x), r"give theta and x, or simulate and prior"),
        Call("empty theta", fit({}, x), r"theta|column"),
        Call("empty x", fit(a, {}), r"x|column"),
        Call("a seed below 0", fit(a, x, seed=-1), r"seed must not be negative"),
        Call("a seed of text", fit(a, x, seed="one"), r"str.*integer"),
        Call("a seed of a fraction", fit(a, x, seed=1.5), r"float.*integer"),
        Call("an unknown direction", fit(a, x, direction="infr"), r"direction must be 'infer' or 'surrogate', got 'infr'"),
        Call("bounds of another column", fit(a, x, bounds={"b": (0, 1)}), r"theta has no column 'b'"),
        Call("bounds that leave events out", fit(a, x, bounds={"a": (0, 1)}), r"'a'.*outside the allowed \[0, 1\]"),
        Call("unknown setting", fit(a, x, overrides={"fit": {"epoch": 1}}), r"unknown key 'epoch'"),
        Call("NaN setting", fit(a, x, overrides={"fit": {"clip_norm": float("nan")}}), r"clip_norm"),
        Call("a simulator without prior", lambda _, here: cc.fit(simulate=simulate), r"a simulator needs a prior"),
        Call("a simulator and events", lambda _, here: cc.fit(a, simulate=simulate, prior=prior), r"takes no events beside it"),
        Call("a simulator of NaN", lambda _, here: cc.fit(simulate=lambda theta: {"x": theta["a"] * np.nan}, prior=prior, n=200), r"'x' holds 200 NaN"),
        Call("a simulator of fewer events", lambda _, here: cc.fit(simulate=lambda theta: {"x": theta["a"][1:]}, prior=prior, n=200), r"'x' has 199 events"),
        Call("no events of a simulator", lambda _, here: cc.fit(simulate=simulate, prior=prior, n=0), r"n must be at least|too few"),
        Call("events below 0 of a simulator", lambda _, here: cc.fit(simulate=simulate, prior=prior, n=-5), r"n must be at least"),
        Call("bounds that fall", lambda _, here: cc.Uniform({"a": (1.0, 0.0)}), r"bounds of 'a' must be finite and rise, got 1.0, 0.0"),
        Call("bounds of NaN", lambda _, here: cc.Uniform({"a": (np.nan, 0.0)}), r"bounds of 'a' must be finite"),
        Call("bounds without end", lambda _, here: cc.Uniform({"a": (0.0, np.inf)}), r"bounds of 'a' must be finite"),
        Call("equal bounds", lambda _, here: cc.Uniform({"a": (1.0, 1.0)}), r"must be finite and rise"),
        Call("three bounds", lambda _, here: cc.Uniform({"a": (0.0, 1.0, 2.0)}), r"bounds of 'a'"),
        Call("bounds of text", lambda _, here: cc.Uniform({"a": ("0", "1")}), r"bounds of 'a'"),
        Call("no bounds", lambda _, here: cc.Uniform({}), r"Uniform"),
        Call("load of nothing", lambda _, here: cc.load(here / "none"), r"no study and no run folder"),
        Call("load of a folder", lambda _, here: cc.load(here), r"holds no finished run"),
        Call("load of an unknown recipe", lambda _, here: cc.load("airshower/matchin"), r"did you mean 'matching'"),
        Call("posterior of NaN", drawn({"x": np.array([np.nan, 0.0])}), r"'x' holds 1 NaN"),
        Call("posterior of another shape", drawn({"x": np.zeros((3, 5))}), r"'x' must have shape \(events, 2\), got \(3, 5\)"),
        Call("posterior of another column", drawn({"y": np.zeros((3, 2))}), r"missing column 'x'"),
        Call("posterior far outside", drawn({"x": np.full((3, 2), 1e6)}), r"outside the trained range"),
        Call("posterior of no draws", drawn({"x": np.zeros((3, 2))}, draws=0), r"draws must be at least 1"),
        Call("posterior of an unknown way", drawn({"x": np.zeros((3, 2))}, outside="maybe"), r"outside must be one of"),
        Call("posterior of a seed below 0", drawn({"x": np.zeros((3, 2))}, seed=-1), r"seed must not be negative"),
        Call("posterior of complex", drawn({"x": np.zeros((3, 2), complex)}), r"'x' must hold numbers"),
        Call("posterior of no events", drawn({"x": np.zeros((0, 2))}), r"no events"),
    ]
