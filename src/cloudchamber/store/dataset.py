"""What a store holds: ``dataset.json`` with the schema, the simulator and its settings, the seed and the versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cloudchamber.jsonable import from_json, to_json
from cloudchamber.schema import Schema

FILE = "dataset.json"
FORMAT_VERSION = 1


def package_version() -> str:
    """The installed version of this package."""
    try:
        return version("cloudchamber")
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True)
class Dataset:
    """The origin of every event in a store: same dataset and same block, same events."""

    schema: Schema
    simulator: str
    settings: Mapping[str, Any]
    seed: int
    package_version: str
    format_version: int = FORMAT_VERSION

    def to_bytes(self) -> bytes:
        """The content of ``dataset.json``."""
        return json.dumps({**to_json(self), "schema": self.schema.to_json()}, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, folder: Path) -> Dataset:
        """Read ``dataset.json``; ValueError where there is none or where another format wrote it."""
        path = folder / FILE
        if not path.is_file():
            raise ValueError(f"{folder} is not an event store: it has no {FILE}; make a store with `cloudchamber simulate` or `cloudchamber convert`")
        try:
            data = json.loads(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path} is damaged ({error}): restore it from a copy, or simulate into an empty folder") from error
        found = data.get("format_version") if isinstance(data, dict) else None
        if found != FORMAT_VERSION:
            raise ValueError(f"{path} has store format {found}, this version of cloudchamber reads format {FORMAT_VERSION}: use the version that wrote it")
        return from_json(cls, data, FILE)

    @property
    def identity(self) -> str:
        """A short name of what decides the events: every shard carries it. Words of documentation and the package's version leave it unchanged."""
        return hashlib.blake2b(_canonical(_origin(self)).encode(), digest_size=16).hexdigest()

    def differences(self, other: Dataset) -> list[str]:
        """What differs from ``other``, one phrase each: ``seed: 1 there, 2 now``."""
        there, now = _origin(self), _origin(other)
        return [f"{key}: {there.get(key, 'absent')} there, {now.get(key, 'absent')} now" for key in {**there, **now} if _differ(there, now, key)]


def _differ(there: dict[str, Any], now: dict[str, Any], key: str) -> bool:
    return (key in there) != (key in now) or _canonical(there[key]) != _canonical(now[key])


def _origin(dataset: Dataset) -> dict[str, Any]:
    """Flat: one entry for each setting and each column, so that a difference can be named."""
    origin: dict[str, Any] = {"simulator": dataset.simulator, "seed": dataset.seed}
    origin |= {f"setting '{name}'": to_json(value) for name, value in dataset.settings.items()}
    for side, columns in (("theta", dataset.schema.theta), ("x", dataset.schema.x)):
        for name, column in columns.items():
            bounds = {key: None if value is None else float(value) for key, value in (("low", column.low), ("high", column.high))}
            origin[f"schema column '{name}' of {side}"] = {**asdict(column), **bounds, "doc": ""}
    return origin


def _canonical(value: Any) -> str:
    return json.dumps(to_json(value), sort_keys=True)
