"""What a store holds: ``dataset.json`` with the schema, the simulator and its settings, the seed, the versions and how many events are meant to be there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cloudchamber.jsonable import from_json, to_json
from cloudchamber.schema import Schema

FILE = "dataset.json"
FORMAT_VERSION = 2
READABLE = (1, FORMAT_VERSION)
Order: TypeAlias = Literal["random", "given", "unknown"]


def package_version() -> str:
    """The installed version of this package."""
    try:
        return version("cloudchamber")
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True)
class Dataset:
    """The origin of every event in a store: same dataset and same block, same events.

    ``events`` and ``blocks`` are the numbers that the store is meant to hold in the end, where they are known. ``order`` says whether neighbours are
    independent draws ("random"), follow a theta that was given, or nobody knows.
    """

    schema: Schema
    simulator: str
    settings: Mapping[str, Any]
    seed: int
    package_version: str
    format_version: int = FORMAT_VERSION
    events: int | None = None
    blocks: int | None = None
    order: Order = "unknown"

    def to_bytes(self) -> bytes:
        """The content of ``dataset.json``."""
        data = {**to_json(self), "schema": self.schema.to_json()}
        return _dump({**data, "sha256": _checksum(data)})

    @classmethod
    def read(cls, folder: Path) -> Dataset:
        """Read ``dataset.json``; ValueError where there is none, where it is damaged or where another format wrote it."""
        path = folder / FILE
        try:
            with readable(path):
                content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ValueError(
                f"{folder} is not an event store: it has no {FILE}; make a store with `cloudchamber simulate` or `cloudchamber convert`"
            ) from error
        try:
            data = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _damaged(path, str(error)) from error
        found = data.get("format_version") if isinstance(data, dict) else None
        if found not in READABLE:
            raise ValueError(f"{path} has store format {found}, this version of cloudchamber reads formats 1 and 2: use the version that wrote it")
        rest = {key: value for key, value in data.items() if key != "sha256"}
        if (found != 1 or "sha256" in data) and content != _dump({**rest, "sha256": _checksum(rest)}):
            raise _damaged(path, "it does not match its checksum")
        try:
            return from_json(cls, {**rest, **({"order": _order_of_version_1(rest)} if found == 1 else {})}, FILE)
        except ValueError as error:
            raise _damaged(path, str(error)) from error

    @property
    def identity(self) -> str:
        """A short name of what decides the events: every shard carries it. Words of documentation and the package's version leave it unchanged."""
        return hashlib.blake2b(_canonical(_origin(self)).encode(), digest_size=16).hexdigest()

    def differences(self, other: Dataset) -> list[str]:
        """What differs from ``other``, one phrase each: ``seed: 1 there, 2 now``."""
        there, now = _origin(self), _origin(other)
        return [f"{key}: {there.get(key, 'absent')} there, {now.get(key, 'absent')} now" for key in {**there, **now} if _differ(there, now, key)]


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """PermissionError says whom to ask, where ``path`` may not be read."""
    try:
        yield
    except PermissionError as error:
        raise PermissionError(f"'{path}' may not be read: ask its owner for permission") from error


def _damaged(path: Path, why: str) -> ValueError:
    return ValueError(f"{path} is damaged ({why}): restore it from a copy, or simulate into an empty folder")


def _dump(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, indent=1).encode() + b"\n"


def _checksum(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(data)).hexdigest()


def _order_of_version_1(data: Mapping[str, Any]) -> Order:
    settings = data.get("settings")
    # a sampled store's given columns may come from a sorted file
    known = isinstance(settings, dict) and "block_events" in settings and not {"theta_digest", "given"} & set(settings)
    return "random" if known else "unknown"


def _differ(there: dict[str, Any], now: dict[str, Any], key: str) -> bool:
    return (key in there) != (key in now) or _canonical(there[key]) != _canonical(now[key])


def _origin(dataset: Dataset) -> dict[str, Any]:
    """Flat: one entry for each setting and each column, so that a difference can be named."""
    origin: dict[str, Any] = {"simulator": dataset.simulator, "seed": dataset.seed}
    origin |= {f"setting '{name}'": to_json(value) for name, value in dataset.settings.items()}
    for side, columns in (("theta", dataset.schema.theta), ("x", dataset.schema.x)):
        for name, column in columns.items():
            bounds = {key: None if value is None else float(value) for key, value in (("low", column.low), ("high", column.high))}
            origin[f"schema column '{name}' of {side}"] = {**column.to_json(), **bounds, "doc": ""}
    return origin


def _canonical(value: Any) -> str:
    return json.dumps(to_json(value), sort_keys=True)
