"""Frozen dataclasses to JSON and back, unknown keys refused."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Find: TypeAlias = Callable[[str, str], type]
"""Takes the name of a class and the place where it is named; gives the class, or ValueError."""


def to_json(value: Any) -> Any:
    """A JSON-ready copy of dataclasses, tuples, dictionaries and plain values; a dataclass in a union carries its class name as ``kind``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__} | {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    value = plain(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} does not belong in JSON: {value!r}")


def from_json(kind: Any, data: Any, where: str = "", like: Any = None, find: Find | None = None) -> Any:
    """Build ``kind`` (a dataclass, a union, a container or a plain type) from JSON ``data``.

    Where the annotation of a part is a protocol, ``find`` gives its class by the name in ``data``, or else ``like``, a value of that kind, tells it. Raises
    ValueError that names the place for an unknown or missing key and for a value of the wrong type.
    """
    origin, args, data = typing.get_origin(kind), typing.get_args(kind), plain(data)
    if kind is Any:
        return data
    if origin in (typing.Union, types.UnionType):
        return _from_union(args, data, where, like, find)
    if dataclasses.is_dataclass(kind):
        return _from_fields(kind, data, where, like, find)
    if _is_protocol(kind):
        if find is not None and isinstance(data, Mapping) and isinstance(data.get("kind"), str):
            return _from_fields(find(data["kind"], where), data, where, None, find)
        if isinstance(data, Mapping) and dataclasses.is_dataclass(like):
            return _from_fields(type(like), data, where, like, find)
        raise ValueError(f"{where or 'value'}: this part is chosen in Python, where it has no such settings; got {data!r}")
    if origin in (dict, Mapping) or kind is dict:
        _expect(data, dict, where)
        return {key: from_json(args[1] if args else Any, item, f"{where}.{key}".lstrip("."), find=find) for key, item in data.items()}
    if origin in (tuple, list) or kind in (tuple, list):
        _expect(data, (list, tuple), where)
        items = args[:1] * len(data) if (origin is list and args) or (len(args) == 2 and args[1] is Ellipsis) else args
        if args and len(items) != len(data):
            raise ValueError(f"{where or 'value'}: needs {len(items)} entries, got {len(data)}")
        kinds = items or [Any] * len(data)
        built = [from_json(item_kind, item, f"{where}[{i}]", find=find) for i, (item_kind, item) in enumerate(zip(kinds, data, strict=True))]
        return built if (origin or kind) is list else tuple(built)
    if origin is typing.Literal:
        if data not in args:
            raise ValueError(f"{where}: {data!r} is not one of {', '.join(map(repr, args))}")
        return data
    if kind is float and isinstance(data, float) and not math.isfinite(data):
        raise ValueError(f"{where or 'value'}: expected a finite number, got {data!r}")
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    _expect(data, type(None) if kind in (None, type(None)) else kind, where)
    return data


def plain(value: Any) -> Any:
    """A numpy scalar as Python's number, everything else as it is."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value


def _expect(data: Any, kind: Any, where: str) -> None:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind in (int, float)):
        name = kind.__name__ if isinstance(kind, type) else "list"
        raise ValueError(f"{where or 'value'}: expected {name}, got {data!r}")


def _is_protocol(kind: Any) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def _from_union(args: tuple[Any, ...], data: Any, where: str, like: Any, find: Find | None) -> Any:
    if data is None and type(None) in args:
        return None
    classes = [arg for arg in args if isinstance(arg, type) and dataclasses.is_dataclass(arg)]
    if isinstance(data, Mapping) and classes:
        named = [c for c in classes if c.__name__ == data.get("kind")] or (classes if len(classes) == 1 else [])
        if not named:
            raise ValueError(f"{where or 'value'}: kind {data.get('kind')!r} is not one of {', '.join(c.__name__ for c in classes)}")
        return from_json(named[0], data, where, find=find)
    protocols = [arg for arg in args if _is_protocol(arg)]
    if protocols:
        return from_json(protocols[0], data, where, like, find)
    for arg in args:
        try:
            return from_json(arg, data, where, find=find)
        except ValueError:
            continue
    raise ValueError(f"{where or 'value'}: {data!r} fits none of {args}")


def _from_fields(kind: Any, data: Any, where: str, like: Any, find: Find | None) -> Any:
    _expect(data, Mapping, where)
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}
    unknown = [key for key in data if key not in fields and key != "kind"]
    if unknown:
        raise ValueError(f"{where or kind.__name__}: unknown key '{unknown[0]}'; allowed: {', '.join(fields)}")
    if "kind" in data and "kind" not in fields and data["kind"] != kind.__name__:
        raise ValueError(f"{where or kind.__name__}: kind {data['kind']!r} is not {kind.__name__}")
    required = [name for name, f in fields.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING]
    missing = [name for name in required if name not in data]
    if missing:
        raise ValueError(f"{where or kind.__name__}: missing key '{missing[0]}'")
    place = {name: f"{where}.{name}".lstrip(".") for name in fields}
    return kind(**{name: from_json(hints[name], data[name], place[name], getattr(like, name, None), find) for name in fields if name in data})


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``changes`` at every depth."""
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return merged


def flat(data: Any, where: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    if isinstance(data, Mapping):
        return {key: value for name, item in data.items() for key, value in flat(item, f"{where}.{name}".removeprefix(".")).items()}
    return {where: data}
