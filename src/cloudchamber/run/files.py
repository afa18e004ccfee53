"""Where everything of a run is, and ``run.json``, which knows every other file by its checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from cloudchamber.atomic import write_atomically
from cloudchamber.jsonable import from_json, to_json

FORMAT_VERSION = 2
"""Version 1 had no run.json."""


@dataclass(frozen=True)
class RunFiles:
    """The files of the run in ``folder``."""

    folder: Path

    NAMES = (
        "weights.safetensors",
        "recipe.json",
        "schema.json",
        "domain.json",
        "familiarity.safetensors",
        "metrics.json",
        "log.csv",
        "loss.png",
        "training_events.npy",
    )
    """All but run.json, and the runs that an ensemble is made of: what run.json knows by checksum, where it is there."""

    @property
    def manifest(self) -> Path:
        """Names the other files and the parts; written last, so that a run without it is not finished."""
        return self.folder / "run.json"

    @property
    def weights(self) -> Path:
        """Parameters and buffers of model and codecs."""
        return self.folder / "weights.safetensors"

    @property
    def recipe(self) -> Path:
        """Study, seed and recipe."""
        return self.folder / "recipe.json"

    @property
    def schema(self) -> Path:
        """The columns."""
        return self.folder / "schema.json"

    @property
    def domain(self) -> Path:
        """The trained range of every given column."""
        return self.folder / "domain.json"

    @property
    def familiarity(self) -> Path:
        """Only where the model has features, and held-out events told how they lie."""
        return self.folder / "familiarity.safetensors"

    @property
    def metrics(self) -> Path:
        """What the run was trained on, and how the fit went."""
        return self.folder / "metrics.json"

    @property
    def log(self) -> Path:
        """Losses by epoch."""
        return self.folder / "log.csv"

    @property
    def training_events(self) -> Path:
        """Marks of events that the run learned from."""
        return self.folder / "training_events.npy"

    def member(self, number: int) -> RunFiles:
        """Those of one of the runs that an ensemble is made of."""
        return RunFiles(self.folder / f"member-{number:02d}")

    @property
    def members(self) -> tuple[RunFiles, ...]:
        """The runs that an ensemble is made of; none of a network's."""
        return tuple(takewhile(lambda member: member.finished, map(self.member, count())))

    @property
    def finished(self) -> bool:
        """Whether there is a complete run."""
        return self.manifest.is_file()

    @property
    def of_version_1(self) -> bool:
        """Whether this is a finished run from before run.json."""
        return not self.finished and self.weights.is_file()

    def of_run(self) -> Iterator[Path]:
        """What run.json must know, of the files that are there."""
        yield from (self.folder / name for name in self.NAMES if (self.folder / name).exists())
        yield from (member.manifest for member in self.members)

    def read(self, path: Path) -> bytes:
        """The bytes of one of the files, compared with run.json where that is there; FileNotFoundError, PermissionError or ValueError names the file."""
        content = read_file(path)
        if self.finished:
            expected = self.sealed.files.get(str(path.relative_to(self.folder)))
            if expected != hashlib.sha256(content).hexdigest():
                known = "does not match its checksum in" if expected else "is not known to"
                raise ValueError(f"{path} {known} run.json: it was changed or damaged; copy the run again or train anew")
        return content

    def read_json(self, path: Path) -> Any:
        """Its content; errors as ``read``."""
        try:
            return json.loads(self.read(path))
        except (UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{path}: no valid JSON ({error})") from None
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: no valid JSON ({error})") from None

    @cached_property
    def sealed(self) -> Manifest:
        """What run.json says."""
        return Manifest.read(self)

    def verify(self) -> None:
        """Compare every file with run.json; errors as ``read``."""
        for name in self.sealed.files:
            self.read(self.folder / name)
        if stray := [path for path in self.of_run() if str(path.relative_to(self.folder)) not in self.sealed.files]:
            raise ValueError(f"{stray[0]} is not known to run.json: it belongs to another run; move it away")
        for member in self.members:
            member.verify()


@dataclass(frozen=True)
class Manifest:
    """The content of run.json: the study, the classes of all parts by their place in the recipe, the checksum (SHA-256) of every other file."""

    study: str
    package_version: str
    parts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_bytes(self) -> bytes:
        """With a checksum of its own at the end."""
        content = {key: value for key, value in to_json(self).items() if key != "kind"}
        return json.dumps(content | {"sha256": _digest(content)}, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, files: RunFiles) -> Manifest:
        """ValueError for a damaged run.json, for one of another format version, and for a run of before run.json."""
        path = files.manifest
        if files.of_version_1:
            raise ValueError(f"'{files.folder}' is a run of format 1, without run.json: convert it with `cloudchamber upgrade {files.folder}`")
        content = read_file(path)
        damaged = f"{path} is damaged: copy the run again or train anew"
        try:
            data = json.loads(content)
            version = data.pop("format_version")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError(damaged) from None
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise ValueError(f"{path} has run format {version}, this version of cloudchamber reads up to {FORMAT_VERSION}: use a newer one")
        try:
            data.pop("sha256", None)
            found: Manifest = from_json(cls, {**data, "format_version": version})
        except ValueError as error:
            raise ValueError(f"{damaged} ({error})") from None
        if found.to_bytes() != content:
            raise ValueError(damaged)
        return found


def seal(files: RunFiles, study: str, parts: Mapping[str, str], package_version: str) -> None:
    """Write run.json over all files of the run: from then on it is finished."""
    sums = {str(path.relative_to(files.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files.of_run()}
    write_atomically(files.manifest, Manifest(study, package_version, dict(parts), sums).to_bytes())


def write_json(path: Path, data: Any) -> None:
    """Replace ``path`` in one step."""
    write_atomically(path, json.dumps(data, indent=1, allow_nan=False).encode() + b"\n")


def read_file(path: Path) -> bytes:
    """The bytes of a file of a run; FileNotFoundError or PermissionError says which file and what to do."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: not a complete run folder") from None
    except PermissionError:
        raise PermissionError(f"'{path}' may not be read: ask its owner for permission") from None


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
