"""Read a run folder."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.run.ensemble import Ensemble
from cloudchamber.run.files import RunFiles
from cloudchamber.run.network import read_network
from cloudchamber.run.parts import Parts
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Schema


def load_trained(folder: Path, parts: Parts | None = None, known: Schema | None = None) -> TrainedModel:
    """The model of a finished run, whose columns may hold what those of ``known`` may.

    FileNotFoundError for a missing file, ValueError for broken or unfitting ones, or an unknown part; all name the file."""
    files = RunFiles(Path(folder))
    if not files.folder.is_dir():
        raise FileNotFoundError(f"no run folder {folder}: train first, or check the path")
    files.verify()
    if not files.members:
        return read_network(files, parts, known)
    try:
        return Ensemble([read_network(member, parts, known) for member in files.members])
    except ValueError as error:
        raise ValueError(f"{files.folder}: {error}") from None
