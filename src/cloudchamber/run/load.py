"""Read a run folder."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.run.ensemble import Ensemble
from cloudchamber.run.files import RunFiles
from cloudchamber.run.network import read_network
from cloudchamber.run.parts import Parts
from cloudchamber.run.trained import TrainedModel


def load_trained(folder: Path, parts: Parts | None = None) -> TrainedModel:
    """The model of a finished run. FileNotFoundError for a missing file, ValueError for broken or unfitting ones, or an unknown part; all name the file."""
    files = RunFiles(Path(folder))
    if not files.folder.is_dir():
        raise FileNotFoundError(f"no run folder {folder}: train first, or check the path")
    files.verify()
    if not files.members:
        return read_network(files, parts)
    try:
        return Ensemble([read_network(member, parts) for member in files.members])
    except ValueError as error:
        raise ValueError(f"{files.folder}: {error}") from None
