"""Flags for the settings of the recipe, simulator or stream that a command line names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Any, get_type_hints

from cloudchamber.cli.commands import Simulate
from cloudchamber.cli.learning import RECIPE_PARTS, Train, recipe_of
from cloudchamber.cli.streaming import Stream
from cloudchamber.study import find_study, study_names


def with_settings(command: type[Any], words: Sequence[str]) -> type[Any]:
    """``train``, ``simulate`` and ``stream`` with the settings of what ``words`` name, as further flags with their defaults."""
    study = next((word for word in words[1:2] if word in study_names()), None)
    if study is None or command not in (Train, Simulate, Stream):
        return command
    if command is Train:
        recipe = recipe_of(study, _option(words, "--recipe"), _option(words, "--start"))
        settings: Mapping[str, Any] = {part: getattr(recipe, part) for part in RECIPE_PARTS}
    elif command is Stream:
        settings = {"settings": find_study(study).make_stream(_option(words, "--stream"))} if find_study(study).streams else {}
    else:
        settings = {"settings": find_study(study).make_simulator(_option(words, "--simulator"))}
    settings = {name: value for name, value in settings.items() if dataclasses.is_dataclass(value)}
    settings = {name: _open(value) for name, value in settings.items()}
    parts = [(name, type(value), field(default_factory=partial(_same, value))) for name, value in settings.items()]
    extended = dataclasses.make_dataclass(command.__name__, parts, bases=(command,), frozen=True)
    extended.__doc__ = command.__doc__
    return extended


def _open(value: Any) -> Any:
    """``value`` of a class that annotates parts with their own classes, where a protocol would hide their settings from the flags."""
    hints = get_type_hints(type(value))
    parts = {f.name: _open(part) for f in dataclasses.fields(value) if dataclasses.is_dataclass(part := getattr(value, f.name))}
    hidden = {name: part for name, part in parts.items() if hints[name] is not type(part)}
    if not hidden:
        return value
    fields = [(name, type(part), field(default_factory=partial(_same, part))) for name, part in hidden.items()]
    opened = dataclasses.make_dataclass(type(value).__name__, fields, bases=(type(value),), frozen=True)
    opened.__doc__ = type(value).__doc__
    return opened(**{f.name: hidden.get(f.name, getattr(value, f.name)) for f in dataclasses.fields(value) if f.init})


def _same(value: Any) -> Any:
    return value


def _option(words: Sequence[str], flag: str) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return None
